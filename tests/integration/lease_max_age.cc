// A client that holds views for longer than lease_max_age, while its tenant has no room, loses them: others are served,
// and it is told before it can believe what it read. Nobody else loses anything.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/configured.h"
#include "support/effort.h"
#include "support/pattern.h"
#include "support/process.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

namespace uakv::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t memory_bytes = 16 << 20;
constexpr size_t block_bytes = 256 << 10; // a size of slots
constexpr size_t blocks_max = memory_bytes / block_bytes;
constexpr const char *read_again = "the settings were read again";

std::string text(const std::string &setting) {
    return "tenants:\n  - name: chat\n    users: [" + std::to_string(geteuid()) + "]\n" + setting;
}

class Aging {
public:
    explicit Aging(const std::string &setting) {
        DaemonOptions options;
        options.memory = "16MiB";
        configured_.emplace(text(setting), options);
        const Client first(*this);
        first.await_populated();
    }
    operator const Daemon &() const { return configured_->daemon(); }
    void change(const std::string &setting) const { configured_->reload(text(setting), read_again); }
    std::string log() const { return configured_->daemon().log(); }

private:
    std::optional<Configured> configured_;
};

// Holds views on blocks of its own until nothing is left for anybody.
std::vector<uakv_view> view_everything(uakv_space *space, const std::vector<uakv_key> &keys) {
    std::vector<uakv_view> views;
    for (const uakv_key &key : keys) {
        const uakv_status stored = store_block(space, key, block_bytes);
        if (stored == UAKV_ERR_NO_SPACE) {
            break;
        }
        CHECK_STATUS(stored, UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &views.emplace_back()), UAKV_OK);
    }
    CHECK(views.size() > blocks_max / 2);
    return views;
}

// Reserves all that is left.
std::vector<uakv_slot> reserve_everything(uakv_space *space, size_t bytes) {
    std::vector<uakv_slot> slots;
    for (uint64_t i = 0;; ++i) {
        uakv_slot slot;
        const uakv_key key = make_key("slot", i);
        const uakv_status status = uakv_reserve(space, &key, bytes, nullptr, &slot);
        if (status == UAKV_ERR_NO_SPACE) {
            return slots;
        }
        CHECK_STATUS(status, UAKV_OK);
        slots.push_back(slot);
    }
}

void abort_all(std::vector<uakv_slot> &slots) {
    for (uakv_slot &slot : slots) {
        CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    }
    slots.clear();
}

void check_revoked(uakv_view &view) {
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_REVOKED);
    CHECK_MESSAGE(last_error().find("lease_max_age") != std::string::npos, last_error());
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID); // ended all the same
}

// What the one that was stopped finds.
void wake_up(uakv_client *client, uakv_space *space, const std::vector<uakv_key> &keys, std::vector<uakv_view> &views,
             std::atomic<int> &overwritten) {
    std::vector<uint8_t> copy(block_bytes);
    for (size_t i = 0; i < views.size(); ++i) {
        overwritten += find_difference(views[i].data, views[i].nbytes, keys[i]) < views[i].nbytes ? 1 : 0;
    }
    check_revoked(views[0]);
    for (const uakv_key &key : keys) { // on a session that is void, then on a new one
        const uakv_status status = uakv_retrieve_into(space, &key, copy.data(), copy.size(), nullptr, nullptr);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_MISS, uakv_status_name(status));
        if (status == UAKV_OK) {
            check_block(copy.data(), copy.size(), key);
        }
    }
    for (size_t i = 1; i < views.size(); ++i) {
        check_revoked(views[i]);
    }
    const uakv_key key = make_key("after");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    check_stored(space, key, block_bytes);
    uakv_statistics values = {};
    values.struct_size = sizeof values;
    CHECK_STATUS(uakv_stats(client, &values), UAKV_OK);
    CHECK_EQ(values.sessions_revoked, 1);
    CHECK_EQ(values.leases, 0);
}

void one_that_is_stopped() {
    const Aging daemon("");
    const Client client(daemon);
    Space space(client);
    Shared<std::atomic<int>> held, woken, overwritten;
    Child child([&] {
        const Client own(daemon);
        Space viewed(own);
        const std::vector<uakv_key> keys = make_keys("viewed", blocks_max);
        std::vector<uakv_view> views = view_everything(viewed, keys);
        *held = static_cast<int>(views.size());
        await("the parent's word", [&] { return *woken == 1; });
        wake_up(own, viewed, keys, views, *overwritten);
    });
    child.await("the child views everything", [&] { return *held > 0; });
    child.pause();
    await("the child stands still", [&] { return is_stopped(child.pid()); });
    CHECK_STATUS(store_block(space, make_key("early"), block_bytes), UAKV_ERR_NO_SPACE);
    CHECK_EQ(client.statistics().sessions_revoked, 0);
    daemon.change("    lease_max_age: 500ms\n");
    uint64_t number = 0;
    await("there is room", [&] { return store_block(space, make_key("late", number), block_bytes) == UAKV_OK; });
    for (number = 1; number <= 2 * blocks_max; ++number) {
        CHECK_STATUS(store_block(space, make_key("late", number), block_bytes), UAKV_OK);
    }
    CHECK_MESSAGE(daemon.log().find("was disconnected: it has held " + std::to_string(*held) + " views on ") !=
                      std::string::npos,
                  daemon.log());
    *woken = 1;
    child.resume();
    child.join();
    CHECK(*overwritten > 0); // it was right to be told
    CHECK_EQ(client.statistics().sessions_revoked, 1);
}

// Stopped while the library copies: what retrieve_into says is right, is right.
void one_that_is_stopped_while_it_copies() {
    const Aging daemon("    lease_max_age: 100ms\n");
    constexpr size_t bytes = 1 << 20; // takes a while
    const Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("copied");
    CHECK_STATUS(store_block(space, key, bytes), UAKV_OK);
    Shared<std::atomic<uint64_t>> copies;
    Child child([&] {
        const Client own(daemon);
        Space copied(own);
        const std::vector<uint8_t> expected = make_block(bytes, key);
        std::vector<uint8_t> copy(bytes);
        for (;;) {
            const uakv_status status = uakv_retrieve_into(copied, &key, copy.data(), bytes, nullptr, nullptr);
            CHECK_MESSAGE(status == UAKV_OK || status == UAKV_MISS,
                          std::string(uakv_status_name(status)) + " " + last_error());
            CHECK(status == UAKV_MISS || copy == expected);
            *copies += status == UAKV_OK ? 1U : 0U;
        }
    });
    uint64_t revoked = 0;
    const Clock::time_point end = Clock::now() + effort(milliseconds(3000));
    while (Clock::now() < end || revoked == 0) {
        const uint64_t before = *copies;
        child.await("it copies", [&] { return *copies > before; });
        child.pause();
        await("the child stands still", [&] { return is_stopped(child.pid()); });
        std::vector<uakv_slot> slots = reserve_everything(space, bytes);
        if (contains(space, key)) { // it is in the middle of it
            uakv_slot slot;
            const uakv_key last = make_key("last");
            await("there is room", [&] { return uakv_reserve(space, &last, bytes, nullptr, &slot) == UAKV_OK; });
            slots.push_back(slot);
        }
        for (const uakv_slot &slot : slots) {
            std::fill_n(static_cast<uint8_t *>(slot.data), slot.nbytes, uint8_t{0x77});
        }
        child.resume();
        abort_all(slots);
        CHECK_STATUS(store_block(space, key, bytes), UAKV_OK);
        revoked = client.statistics().sessions_revoked;
    }
}

// Holds a block with views that overlap, so that it is viewed at every moment, through words that are always the same.
class Busy {
public:
    Busy(uakv_space *space, const uakv_key &key) : space_(space), key_(key) {
        CHECK_STATUS(uakv_retrieve(space_, &key_, nullptr, &views_[0]), UAKV_OK);
    }
    void hit() {
        CHECK_STATUS(uakv_retrieve(space_, &key_, nullptr, &views_[1]), UAKV_OK);
        CHECK_STATUS(uakv_release(&views_[0]), UAKV_OK);
        views_[0] = views_[1];
    }
    void end() { CHECK_STATUS(uakv_release(&views_[0]), UAKV_OK); }

private:
    uakv_space *space_;
    uakv_key key_;
    uakv_view views_[2];
};

void one_that_is_busy() {
    const Aging daemon("    lease_max_age: 2s\n");
    const Client client(daemon), greedy(daemon);
    Space space(client), everything(greedy);
    const uakv_key key = make_key("hit");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    Busy busy(space, key);
    std::vector<uakv_slot> slots = reserve_everything(everything, block_bytes);
    const uint64_t refused = client.statistics().no_space;
    for (const Clock::time_point end = Clock::now() + milliseconds(4500); Clock::now() < end; busy.hit()) {
        uakv_slot slot;
        const uakv_key more = make_key("more");
        CHECK_STATUS(uakv_reserve(everything, &more, block_bytes, nullptr, &slot), UAKV_ERR_NO_SPACE);
    }
    CHECK(client.statistics().no_space > refused + 10);
    CHECK_EQ(client.statistics().sessions_revoked, 0);
    abort_all(slots);
    check_stored(space, key, block_bytes);
    busy.end();
}

// Who holds views for long loses them; who holds others, or the same ones for a short time, does not.
void others_are_untouched() {
    const Aging daemon("    lease_max_age: 2s\n");
    const Client idle(daemon), lively(daemon), writer(daemon);
    Space held(idle), viewed(lively), written(writer);
    const std::vector<uakv_key> keys = make_keys("held", blocks_max);
    std::vector<uakv_view> views = view_everything(held, keys);
    Busy busy(viewed, keys[0]);
    await("there is room", [&] {
        busy.hit();
        return store_block(written, make_key("new"), block_bytes) == UAKV_OK;
    });
    CHECK_EQ(writer.statistics().sessions_revoked, 1);
    busy.hit();
    busy.end();
    check_stored(viewed, make_key("new"), block_bytes);
    for (uakv_view &view : views) {
        check_revoked(view);
    }
}

void while_there_is_room() {
    const Aging daemon("    lease_max_age: 100ms\n");
    const Client client(daemon), other(daemon);
    Space space(client), others(other);
    const uakv_key key = make_key("held");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    uint64_t number = 0;
    for (const Clock::time_point end = Clock::now() + milliseconds(1000); Clock::now() < end;) {
        CHECK_STATUS(store_block(others, make_key("other", ++number), block_bytes), UAKV_OK);
    }
    CHECK(number > 2 * blocks_max); // others have left all the time
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK_EQ(client.statistics().sessions_revoked, 0);
}

// Without the setting a view counts until it is released; with it, from then on.
void when_it_is_set_later() {
    const Aging daemon("");
    const Client client(daemon), writer(daemon);
    Space space(client), written(writer);
    const std::vector<uakv_key> keys = make_keys("held", blocks_max);
    std::vector<uakv_view> views = view_everything(space, keys);
    for (const Clock::time_point end = Clock::now() + milliseconds(700); Clock::now() < end;) {
        CHECK_STATUS(store_block(written, make_key("new"), block_bytes), UAKV_ERR_NO_SPACE);
    }
    daemon.change("    lease_max_age: 200ms\n");
    await("there is room", [&] { return store_block(written, make_key("new"), block_bytes) == UAKV_OK; });
    for (uakv_view &view : views) {
        check_revoked(view);
    }
    daemon.change("");
    await("the client is back", [&] { return store_block(space, keys[0], block_bytes) >= UAKV_OK; });
    views = view_everything(space, make_keys("again", blocks_max));
    for (const Clock::time_point end = Clock::now() + milliseconds(700); Clock::now() < end;) {
        CHECK_STATUS(store_block(written, make_key("more"), block_bytes), UAKV_ERR_NO_SPACE);
    }
    for (uakv_view &view : views) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
}

constexpr Case cases[] = {
    {"one_that_is_stopped", one_that_is_stopped},
    {"one_that_is_stopped_while_it_copies", one_that_is_stopped_while_it_copies},
    {"one_that_is_busy", one_that_is_busy},
    {"others_are_untouched", others_are_untouched},
    {"while_there_is_room", while_there_is_room},
    {"when_it_is_set_later", when_it_is_set_later},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("lease_max_age", uakv::test::cases);
}
