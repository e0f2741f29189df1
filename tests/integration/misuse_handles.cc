// Misuse of handles: ended twice, ended too late, made up, of another layout, of a path that leads nowhere.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 1000;

void check_detail(const std::string &word) {
    CHECK_MESSAGE(last_error().find(word) != std::string::npos,
                  "\"" + last_error() + "\" does not name \"" + word + "\"");
}

void ended_twice() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("key"), next = make_key("next");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(space, &key, block_bytes, nullptr, &slot), UAKV_OK);
    fill_block(slot.data, block_bytes, key);
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_INVALID);
    check_detail("slot");
    CHECK_STATUS(uakv_abort(&slot), UAKV_ERR_INVALID);

    uakv_slot other;
    CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &other), UAKV_OK);
    const uakv_slot copy = other;
    CHECK_STATUS(uakv_abort(&other), UAKV_OK);
    uakv_slot stale = copy;
    CHECK_STATUS(uakv_commit(&stale), UAKV_ERR_INVALID);
    stale = copy;
    CHECK_STATUS(uakv_abort(&stale), UAKV_ERR_INVALID);
    CHECK(!contains(space, next));

    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    uakv_view again = view;
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
    check_detail("view");
    CHECK_STATUS(uakv_release(&again), UAKV_ERR_INVALID);
    CHECK_EQ(client.statistics().leases, 0);
}

// A stale copy must not end what somebody else opened meanwhile in the same place.
void stale_copies_hit_nobody() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("key"), next = make_key("next");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    uakv_view first;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &first), UAKV_OK);
    uakv_view stale = first;
    CHECK_STATUS(uakv_release(&first), UAKV_OK);
    uakv_view second;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &second), UAKV_OK);
    CHECK_STATUS(uakv_release(&stale), UAKV_ERR_INVALID);
    CHECK_EQ(client.statistics().leases, 1);
    CHECK_STATUS(uakv_release(&second), UAKV_OK);

    uakv_slot open;
    CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &open), UAKV_OK);
    uakv_slot stale_slot = open;
    CHECK_STATUS(uakv_abort(&open), UAKV_OK);
    CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &open), UAKV_OK);
    CHECK_STATUS(uakv_abort(&stale_slot), UAKV_ERR_INVALID);
    fill_block(open.data, block_bytes, next);
    CHECK_STATUS(uakv_commit(&open), UAKV_OK);
    check_stored(space, next, block_bytes);
}

void made_up() {
    Daemon daemon;
    Client client(daemon);
    Random random(4);
    for (int i = 0; i < 1000; ++i) {
        uakv_view view = {};
        uakv_slot slot = {};
        view.data = slot.data = &view;
        for (size_t word = 0; word < 6; ++word) {
            view.opaque[word] = slot.opaque[word] = i == 0 ? 0 : random.next() >> random.below(64);
        }
        CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
        CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_INVALID);
        CHECK_STATUS(uakv_abort(&slot), UAKV_ERR_INVALID);
    }
}

void of_a_closed_client() {
    Daemon daemon;
    Client keeper(daemon);
    const uakv_key key = make_key("key"), next = make_key("next");
    uakv_view view;
    uakv_slot slot;
    {
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &slot), UAKV_OK);
        space.forget();
        client.disconnect();
    }
    // Nor may they hit a client that took the place of the old one.
    Client client(daemon);
    Space space(client);
    uakv_view live;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &live), UAKV_OK);
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_abort(&slot), UAKV_ERR_INVALID);
    CHECK_EQ(client.statistics().leases, 1);
    CHECK_STATUS(uakv_release(&live), UAKV_OK);
}

// Closing a space leaves views and slots of it alone.
void of_a_closed_space() {
    Daemon daemon;
    Client client(daemon);
    const uakv_key key = make_key("key"), next = make_key("next");
    uakv_view view;
    uakv_slot slot;
    {
        Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &slot), UAKV_OK);
    }
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    fill_block(slot.data, block_bytes, next);
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    Space space(client);
    check_stored(space, next, block_bytes);
}

// Every field of the layout that differs is named.
void another_layout() {
    Daemon daemon;
    Client client(daemon);
    uakv_space_options right = {};
    right.struct_size = sizeof right;
    right.layout = {UAKV_DTYPE_F16, 2, {16, 64}, {UAKV_AXIS_TOKEN, UAKV_AXIS_CHANNEL}};
    right.ttl_ms = 60'000;
    Space space(client, "shaped", &right);
    const auto refuse = [&](const char *field, auto change) {
        uakv_space_options wrong = right;
        change(wrong);
        uakv_space *out = nullptr;
        CHECK_STATUS(uakv_space_open(client, "shaped", &wrong, &out), UAKV_ERR_LAYOUT);
        CHECK(out == nullptr);
        check_detail(field);
        check_detail("shaped");
    };
    refuse("dtype", [](uakv_space_options &o) { o.layout.dtype = UAKV_DTYPE_BF16; });
    refuse("shape", [](uakv_space_options &o) { o.layout.shape[0] = 32, o.layout.shape[1] = 32; });
    refuse("axis", [](uakv_space_options &o) { o.layout.axis[1] = UAKV_AXIS_HEAD; });
    refuse("ndim", [](uakv_space_options &o) { o.layout.ndim = 3, o.layout.shape[2] = 1; });
    refuse("ttl_ms", [](uakv_space_options &o) { o.ttl_ms = 1; });
    refuse("fingerprint", [](uakv_space_options &o) { o.fingerprint[31] = 1; });
    Space same(client, "shaped", &right);
}

void impossible_layouts() {
    Daemon daemon;
    Client client(daemon);
    const auto refuse = [&](const char *word, auto change) {
        uakv_space_options options = {};
        options.struct_size = sizeof options;
        options.layout = {UAKV_DTYPE_F16, 2, {16, 64}, {UAKV_AXIS_TOKEN, UAKV_AXIS_CHANNEL}};
        change(options);
        uakv_space *out = nullptr;
        CHECK_STATUS(uakv_space_open(client, "impossible", &options, &out), UAKV_ERR_INVALID);
        check_detail(word);
    };
    refuse("dtype", [](uakv_space_options &o) { o.layout.dtype = 99; });
    refuse("ndim", [](uakv_space_options &o) { o.layout.ndim = UAKV_NDIM_MAX + 1; });
    refuse("shape", [](uakv_space_options &o) { o.layout.shape[1] = 0; });
    refuse("axis", [](uakv_space_options &o) { o.layout.axis[0] = 200; });
    refuse("shape", [](uakv_space_options &o) { o.layout.shape[0] = o.layout.shape[1] = UINT64_MAX / 2; });
    refuse("block_bytes", [](uakv_space_options &o) { o.block_bytes = 7; });
    CHECK_EQ(client.statistics().spaces, 0);
}

void paths_that_lead_nowhere() {
    Directory directory;
    uakv_client *client = nullptr;
    const std::string absent = directory.path() + "/absent.sock";
    CHECK_STATUS(connect_to(absent, 0, 1000, &client), UAKV_ERR_DISCONNECTED);
    check_detail(absent);
    const std::string too_long = directory.path() + "/" + std::string(200, 'x');
    CHECK_STATUS(connect_to(too_long, 0, 1000, &client), UAKV_ERR_INVALID);
    check_detail("107");
    Daemon daemon;
    uakv_connect_options options = {};
    options.struct_size = sizeof options;
    options.socket_path = daemon.socket_path().c_str();
    options.tenant = "nobody-has-heard-of-it";
    CHECK_STATUS(uakv_connect(&options, &client), UAKV_ERR_DENIED);
    check_detail("nobody-has-heard-of-it");
    CHECK(client == nullptr);
}

// The detail is cut where it does not fit, and its whole length is told.
void details_are_cut() {
    CHECK_STATUS(uakv_release(nullptr), UAKV_ERR_INVALID);
    const std::string whole = last_error();
    CHECK(whole.size() > 10);
    char buffer[10];
    std::memset(buffer, 'x', sizeof buffer);
    CHECK_EQ(uakv_last_error(nullptr, buffer, sizeof buffer), whole.size());
    CHECK_EQ(std::string(buffer), whole.substr(0, 9));
    CHECK_EQ(uakv_last_error(nullptr, nullptr, 0), whole.size());
    for (uakv_status status = -20; status < 5; ++status) {
        CHECK(uakv_status_name(status) != nullptr && uakv_status_string(status) != nullptr);
    }
    CHECK_EQ(std::string(uakv_status_name(-1234)), "UAKV_UNKNOWN");
    CHECK_EQ(std::string(uakv_status_string(1234)), "unknown status");
    CHECK_EQ(std::string(uakv_status_name(UAKV_ERR_TIMEOUT)), "UAKV_ERR_TIMEOUT");
}

constexpr Case cases[] = {
    {"ended_twice", ended_twice},
    {"stale_copies_hit_nobody", stale_copies_hit_nobody},
    {"made_up", made_up},
    {"of_a_closed_client", of_a_closed_client},
    {"of_a_closed_space", of_a_closed_space},
    {"another_layout", another_layout},
    {"impossible_layouts", impossible_layouts},
    {"paths_that_lead_nowhere", paths_that_lead_nowhere},
    {"details_are_cut", details_are_cut},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("misuse_handles", uakv::test::cases);
}
