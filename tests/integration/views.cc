// A view stays valid until it is released: across eviction, removal and the death of the daemon.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <thread>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 50'000;

std::vector<uakv_view> store_and_hold(uakv_space *space, const std::vector<uakv_key> &keys) {
    std::vector<uakv_view> views(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK_STATUS(store_block(space, keys[i], block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &keys[i], nullptr, &views[i]), UAKV_OK);
    }
    return views;
}

void check_and_release(std::vector<uakv_view> &views, const std::vector<uakv_key> &keys) {
    for (size_t i = 0; i < keys.size(); ++i) {
        check_block(views[i].data, views[i].nbytes, keys[i]);
        CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
    }
}

void across_eviction() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("held", 40);
    auto views = store_and_hold(space, keys);
    for (const uakv_key &key : make_keys("newer", 1000)) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    const uakv_statistics statistics = client.statistics();
    CHECK(statistics.evictions > 500);
    CHECK_EQ(statistics.leases, keys.size());
    check_and_release(views, keys);
    await_equal("slots_limbo", 0, [&] { return client.statistics().slots_limbo; });
}

void across_removal() {
    Daemon daemon;
    Client client(daemon);
    Client other(daemon);
    Space space(client);
    Space same(other);
    const auto keys = make_keys("held", 40);
    auto views = store_and_hold(space, keys);
    CHECK_STATUS(uakv_remove(same, keys.data(), keys.size(), nullptr), UAKV_OK);
    CHECK_EQ(count_present(space, keys.data(), keys.size()), 0);
    CHECK_EQ(client.statistics().slots_limbo, keys.size());
    // The new blocks of the same keys lie elsewhere.
    auto again = store_and_hold(same, keys);
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK(views[i].data != nullptr && again[i].data != views[i].data);
    }
    CHECK_EQ(client.statistics().slots_limbo, keys.size());
    check_and_release(views, keys);
    await_equal("slots_limbo", 0, [&] { return client.statistics().slots_limbo; });
    check_and_release(again, keys);
}

// Each of several views on one block counts.
void two_on_one_block() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("shared");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    uakv_view first, second;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &first), UAKV_OK);
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &second), UAKV_OK);
    CHECK_EQ(first.data, second.data);
    CHECK_EQ(client.statistics().leases, 2);
    CHECK_STATUS(uakv_release(&first), UAKV_OK);
    CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
    CHECK_EQ(client.statistics().slots_limbo, 1);
    check_block(second.data, second.nbytes, key);
    CHECK_STATUS(uakv_release(&second), UAKV_OK);
    await_equal("slots_limbo", 0, [&] { return client.statistics().slots_limbo; });
}

void copied_and_released_elsewhere() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("moved");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    uakv_view copy = view;
    uakv_status status = UAKV_ERR_INTERNAL;
    std::thread([&] { status = uakv_release(&copy); }).join();
    CHECK_STATUS(status, UAKV_OK);
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
    CHECK_EQ(client.statistics().leases, 0);

    uakv_slot slot;
    const uakv_key next = make_key("next");
    CHECK_STATUS(uakv_reserve(space, &next, block_bytes, nullptr, &slot), UAKV_OK);
    fill_block(slot.data, block_bytes, next);
    uakv_slot slot_copy = slot;
    std::thread([&] { status = uakv_commit(&slot_copy); }).join();
    CHECK_STATUS(status, UAKV_OK);
    CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_abort(&slot), UAKV_ERR_INVALID);
    check_stored(space, next, block_bytes);
}

// The table of views is full: refused, and all is well again after one release.
void as_many_as_allowed() {
    constexpr size_t limit = 16384;
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("popular");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    std::vector<uakv_view> views(limit);
    for (uakv_view &view : views) {
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    }
    CHECK_EQ(client.statistics().leases, limit);
    uakv_view more;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &more), UAKV_ERR_DENIED);
    CHECK_MESSAGE(last_error().find("16384") != std::string::npos, last_error());
    CHECK_STATUS(uakv_release(&views[4711]), UAKV_OK);
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &views[4711]), UAKV_OK);
    for (uakv_view &view : views) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
    CHECK_EQ(client.statistics().leases, 0);
}

// All that needs no daemon goes on, all that needs it says so.
void daemon_killed() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("held", 40);
    auto views = store_and_hold(space, keys);
    const uakv_key open_key = make_key("open"), next = make_key("next");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(space, &open_key, block_bytes, nullptr, &slot), UAKV_OK);
    daemon.kill();

    fill_block(slot.data, block_bytes, open_key);
    CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_DISCONNECTED);
    CHECK_MESSAGE(last_error().find("uakvd") != std::string::npos, last_error());
    CHECK_STATUS(store_block(space, next, block_bytes), UAKV_ERR_DISCONNECTED);
    CHECK_STATUS(uakv_remove(space, &next, 1, nullptr), UAKV_ERR_DISCONNECTED);
    uakv_space *other = nullptr;
    CHECK_STATUS(uakv_space_open(client, "other", nullptr, &other), UAKV_ERR_DISCONNECTED);
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    CHECK_STATUS(uakv_stats(client, &statistics), UAKV_ERR_DISCONNECTED);

    check_and_release(views, keys);
    CHECK_EQ(count_present(space, keys.data(), keys.size()), keys.size());
    CHECK(!contains(space, next));
    size_t matched = 0;
    CHECK_STATUS(uakv_match_prefix(space, keys.data(), keys.size(), &matched, nullptr), UAKV_OK);
    CHECK_EQ(matched, keys.size());
    for (const uakv_key &key : keys) {
        check_stored(space, key, block_bytes);
    }
}

// SIGTERM is no worse than SIGKILL, and a new daemon on the same path serves those who connect again.
void daemon_replaced() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("held", 10);
    auto views = store_and_hold(space, keys);
    daemon.stop();
    CHECK_STATUS(store_block(space, make_key("next"), block_bytes), UAKV_ERR_DISCONNECTED);
    check_and_release(views, keys);

    daemon.start();
    Client fresh(daemon);
    Space empty(fresh);
    CHECK_EQ(count_present(empty, keys.data(), keys.size()), 0);
    CHECK_STATUS(store_block(empty, keys[0], block_bytes), UAKV_OK);
    check_stored(empty, keys[0], block_bytes);
    check_stored(space, keys[1], block_bytes); // still the old client
}

constexpr Case cases[] = {
    {"across_eviction", across_eviction},       {"across_removal", across_removal},
    {"two_on_one_block", two_on_one_block},     {"copied_and_released_elsewhere", copied_and_released_elsewhere},
    {"as_many_as_allowed", as_many_as_allowed}, {"daemon_killed", daemon_killed},
    {"daemon_replaced", daemon_replaced},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("views", uakv::test::cases);
}
