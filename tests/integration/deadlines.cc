// No call hangs: not when the daemon is stopped, not when it dies meanwhile. What it was asked it does later.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <atomic>
#include <chrono>

namespace uakv::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t block_bytes = 10'000;
constexpr uint32_t timeout_ms = 200;

// The call gives UAKV_ERR_TIMEOUT, and not before its time.
template <typename Call> void check_timeout(const char *name, Call call) {
    const Clock::time_point begin = Clock::now();
    const uakv_status status = call();
    const Clock::duration waited = Clock::now() - begin;
    CHECK_MESSAGE(status == UAKV_ERR_TIMEOUT,
                  std::string(name) + " gave " + uakv_status_name(status) + " (" + last_error() + ")");
    CHECK_MESSAGE(waited >= std::chrono::milliseconds(timeout_ms), std::string(name) + " gave up too early");
}

void daemon_stopped() {
    Daemon daemon;
    Client client(daemon, 0, timeout_ms);
    Space space(client);
    const uakv_key resident = make_key("resident"), late = make_key("late"), aborted = make_key("aborted");
    CHECK_STATUS(store_block(space, resident, block_bytes), UAKV_OK);
    uakv_slot slot, other_slot;
    CHECK_STATUS(uakv_reserve(space, &late, block_bytes, nullptr, &slot), UAKV_OK);
    CHECK_STATUS(uakv_reserve(space, &aborted, block_bytes, nullptr, &other_slot), UAKV_OK);
    fill_block(slot.data, block_bytes, late);
    daemon.pause();

    check_timeout("commit", [&] { return uakv_commit(&slot); });
    CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_INVALID); // it was ended all the same
    CHECK_STATUS(uakv_abort(&other_slot), UAKV_OK);
    check_timeout("store", [&] { return store_block(space, make_key("also late"), block_bytes); });
    check_timeout("reserve of a new size", [&] { return uakv_reserve(space, &aborted, 500'000, nullptr, &slot); });
    check_timeout("remove", [&] { return uakv_remove(space, &aborted, 1, nullptr); });
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    check_timeout("stats", [&] { return uakv_stats(client, &statistics); });
    uakv_space *opened = nullptr;
    check_timeout("space_open", [&] { return uakv_space_open(client, "other", nullptr, &opened); });
    uakv_client *second = nullptr;
    check_timeout("connect", [&] { return connect_to(daemon.socket_path(), 0, timeout_ms, &second); });
    CHECK(opened == nullptr && second == nullptr);

    // What is resident needs nobody.
    check_stored(space, resident, block_bytes);
    CHECK(contains(space, resident) && !contains(space, late));
    CHECK(!check_stored_or_missing(space, late, block_bytes));

    daemon.resume();
    await("the late commit shows up", [&] { return contains(space, late); });
    check_stored(space, late, block_bytes);
    await("the late store shows up", [&] { return contains(space, make_key("also late")); });
    CHECK_STATUS(store_block(space, make_key("afterwards"), block_bytes), UAKV_OK);
    Space after(client, "other");
    client.disconnect();
    space.forget();
    after.forget();

    Client checker(daemon);
    await_equal("clients", 1, [&] { return checker.statistics().clients; });
    await_equal("slots_granted", 0, [&] { return checker.statistics().slots_granted; });
    CHECK_EQ(checker.statistics().blocks, 4);
}

// Slots that arrive after their reserve gave up are used later, not lost.
void late_slots_do_not_pile_up() {
    Daemon daemon;
    Client client(daemon, 0, timeout_ms);
    Space space(client);
    Client checker(daemon);
    const uakv_key key = make_key("key");
    for (int round = 0; round < 5; ++round) {
        daemon.pause();
        std::vector<uakv_slot> ahead; // granted in the last round
        uakv_slot slot;
        while (uakv_reserve(space, &key, 300'000, nullptr, &slot) == UAKV_OK) {
            ahead.push_back(slot);
        }
        CHECK(ahead.size() <= 10);
        daemon.resume();
        await("a slot", [&] { return uakv_reserve(space, &key, 300'000, nullptr, &slot) == UAKV_OK; });
        ahead.push_back(slot);
        for (uakv_slot &one : ahead) {
            CHECK_STATUS(uakv_abort(&one), UAKV_OK);
        }
        CHECK(checker.statistics().slots_granted <= 10);
    }
    client.disconnect();
    space.forget();
    await_equal("slots_granted", 0, [&] { return checker.statistics().slots_granted; });
}

// The timeout of a single retrieve counts where a segment has to be mapped first.
void segment_not_mapped_yet() {
    Daemon daemon;
    Client writer(daemon);
    Client reader(daemon, 0, 60'000);
    Space written(writer);
    Space space(reader);
    const uakv_key key = make_key("key");
    CHECK_STATUS(store_block(written, key, block_bytes), UAKV_OK);
    daemon.pause();
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.timeout_ms = timeout_ms;
    uakv_view view;
    check_timeout("retrieve", [&] { return uakv_retrieve(space, &key, &options, &view); });
    daemon.resume();
    check_stored(space, key, block_bytes);
    await_equal("leases", 0, [&] { return reader.statistics().leases; });
}

// However often a client has given up, the daemon does not take it for one that does not read.
void many_gave_up() {
    Daemon daemon;
    Client writer(daemon);
    Client reader(daemon, 0, 60'000);
    Space written(writer);
    Space space(reader);
    const uakv_key key = make_key("key");
    CHECK_STATUS(store_block(written, key, block_bytes), UAKV_OK);
    daemon.pause();
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.timeout_ms = 1;
    uakv_view view;
    for (int i = 0; i < 100; ++i) {
        CHECK_STATUS(uakv_retrieve(space, &key, &options, &view), UAKV_ERR_TIMEOUT);
    }
    daemon.resume();
    check_stored(space, key, block_bytes);
}

// A daemon that dies while somebody waits for it: told at once, with minutes left on the clock.
void daemon_killed_while_waited_for() {
    Daemon daemon;
    Shared<std::atomic<bool>> ready;
    Shared<std::atomic<bool>> stopped;
    Child child([&] {
        Client client(daemon, 0, 600'000);
        Space space(client);
        CHECK_STATUS(store_block(space, make_key("first"), block_bytes), UAKV_OK);
        ready->store(true);
        await("the daemon is stopped", [&] { return stopped->load(); });
        CHECK_STATUS(store_block(space, make_key("second"), block_bytes), UAKV_ERR_DISCONNECTED);
        check_stored(space, make_key("first"), block_bytes);
    });
    child.await("the child is ready", [&] { return ready->load(); });
    daemon.pause();
    stopped->store(true);
    await("the child sleeps in its store", [&] { return is_sleeping(child.pid()); });
    daemon.kill();
    child.join();
}

constexpr Case cases[] = {
    {"daemon_stopped", daemon_stopped},
    {"late_slots_do_not_pile_up", late_slots_do_not_pile_up},
    {"segment_not_mapped_yet", segment_not_mapped_yet},
    {"many_gave_up", many_gave_up},
    {"daemon_killed_while_waited_for", daemon_killed_while_waited_for},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("deadlines", uakv::test::cases);
}
