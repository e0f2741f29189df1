// Single flight: of many that miss a key, one computes it, whatever becomes of those before it.
#include "support/async.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <deque>
#include <thread>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 50'000;
constexpr uint32_t patience_ms = 60'000;

struct Tally {
    std::atomic<int> ready{0};
    std::atomic<bool> go{false};
    std::atomic<int> computed{0};
    std::atomic<int> died{0};
    std::atomic<int> views{0};
    std::array<std::atomic<pid_t>, 64> holders{};
};

void compute(uakv_slot &slot, const uakv_key &key) {
    fill_block(slot.data, slot.nbytes, key);
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
}

void take_view(uakv_view &view, const uakv_key &key) {
    CHECK_EQ(view.nbytes, block_bytes);
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

// One of many processes that all want the key. The first `deaths` that are to compute it die instead.
void want(const Daemon &daemon, const uakv_key &key, Tally &tally, int deaths) {
    Client client(daemon);
    Space space(client);
    ++tally.ready;
    while (!tally.go) {
        std::this_thread::yield();
    }
    uakv_view view;
    uakv_slot slot;
    const uakv_status status = uakv_retrieve_or_reserve(space, &key, block_bytes, patience_ms, &view, &slot);
    if (status == UAKV_OK) {
        take_view(view, key);
        ++tally.views;
        return;
    }
    CHECK_STATUS(status, UAKV_MISS);
    CHECK_EQ(slot.nbytes, block_bytes);
    if (tally.died < deaths) {
        const int number = tally.died++;
        tally.holders[static_cast<size_t>(number)] = ::getpid();
        ::raise(SIGKILL);
    }
    ++tally.computed;
    compute(slot, key);
}

void hundred_processes(int deaths) {
    constexpr int processes = 100;
    Daemon daemon;
    Client client(daemon);
    const uakv_key key = make_key("wanted");
    Shared<Tally> tally;
    std::deque<Child> children;
    for (int i = 0; i < processes; ++i) {
        children.emplace_back([&] { want(daemon, key, *tally, deaths); });
    }
    await_equal("processes that are ready", processes, [&] { return tally->ready.load(); });
    tally->go = true;
    await_equal("processes with a view", processes - 1 - deaths, [&] { return tally->views.load(); });
    CHECK_EQ(tally->computed.load(), 1);
    CHECK_EQ(tally->died.load(), deaths);
    for (Child &child : children) {
        const bool was_killed = std::any_of(tally->holders.begin(), tally->holders.end(),
                                            [&](const auto &pid) { return pid == child.pid(); });
        if (was_killed) {
            child.kill(); // it has killed itself
        } else {
            child.join();
        }
    }
    await_equal("leases", 0, [&] { return client.statistics().leases; });
    const uakv_statistics after = client.statistics();
    CHECK_EQ(after.stores, 1);
    CHECK_EQ(after.flights, 0);
}

void one_computes() {
    hundred_processes(0);
}

void holders_die() {
    hundred_processes(10);
}

// One process, several clients: the flight is between sessions, wherever they live.
struct Two {
    Daemon daemon;
    Client holder;
    Client waiter;
    Space held{holder};
    Space wanted{waiter};
    explicit Two(const DaemonOptions &options = {}) : daemon(options), holder(daemon), waiter(daemon) {}
};

uakv_slot become_holder(uakv_space *space, const uakv_key &key) {
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &key, block_bytes, patience_ms, &view, &slot), UAKV_MISS);
    return slot;
}

void stored_already() {
    Two two;
    const uakv_key key = make_key("stored");
    CHECK_STATUS(store_block(two.held, key, block_bytes), UAKV_OK);
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_or_reserve(two.wanted, &key, block_bytes, 0, &view, &slot), UAKV_OK);
    take_view(view, key);
}

void waits_for_the_commit() {
    Two two;
    const uakv_key key = make_key("awaited");
    uakv_slot slot = become_holder(two.held, key);
    Polled polled(two.waiter);
    polled.submitted(uakv_retrieve_or_reserve_submit(two.wanted, &key, block_bytes, patience_ms, 5));
    await_equal("calls that wait", 1, [&] { return two.holder.statistics().flight_waits; });
    uakv_completion early;
    CHECK_EQ(uakv_poll(two.waiter, &early, 1, 0), 0);
    compute(slot, key);
    uakv_completion done = polled.next(UAKV_CALL_RETRIEVE_OR_RESERVE, 5);
    CHECK_STATUS(done.status, UAKV_OK);
    take_view(done.result.view, key);
}

void abort_passes_it_on() {
    Two two;
    const uakv_key key = make_key("passed on");
    uakv_slot slot = become_holder(two.held, key);
    Polled polled(two.waiter);
    polled.submitted(uakv_retrieve_or_reserve_submit(two.wanted, &key, block_bytes, patience_ms, 5));
    await_equal("calls that wait", 1, [&] { return two.holder.statistics().flight_waits; });
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    uakv_completion done = polled.next(UAKV_CALL_RETRIEVE_OR_RESERVE, 5);
    CHECK_STATUS(done.status, UAKV_MISS);
    compute(done.result.slot, key);
    check_stored(two.held, key, block_bytes);
    CHECK_EQ(two.holder.statistics().flights, 0);
}

// Who lets the others wait too long is not the one any more; its late commit finds the block stored.
void holder_dawdles() {
    DaemonOptions options;
    options.environment = {{"UAKV_SINGLE_FLIGHT", "300ms"}};
    Two two(options);
    const uakv_key key = make_key("slow");
    uakv_slot slow = become_holder(two.held, key);
    uakv_slot quick = become_holder(two.wanted, key);
    compute(quick, key);
    fill_block(slow.data, slow.nbytes, key);
    CHECK_STATUS(uakv_commit(&slow), UAKV_EXISTS);
    check_stored(two.held, key, block_bytes);
}

// A caller who gives up leaves the line: the flight is not passed to somebody who has gone.
void waiter_gives_up() {
    Two two;
    const uakv_key key = make_key("given up");
    uakv_slot slot = become_holder(two.held, key);
    uakv_view view;
    uakv_slot none;
    CHECK_STATUS(uakv_retrieve_or_reserve(two.wanted, &key, block_bytes, 200, &view, &none), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    uakv_slot next = become_holder(two.held, key); // at once, and not after somebody's time is over
    compute(next, key);
    CHECK_EQ(two.holder.statistics().flights, 0);
}

// Somebody stores the block without having asked.
void stored_by_another() {
    Two two;
    Client third(two.daemon);
    Space space(third);
    const uakv_key key = make_key("stored meanwhile");
    uakv_slot slot = become_holder(two.held, key);
    Polled polled(two.waiter);
    polled.submitted(uakv_retrieve_or_reserve_submit(two.wanted, &key, block_bytes, patience_ms, 5));
    await_equal("calls that wait", 1, [&] { return third.statistics().flight_waits; });
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    uakv_completion done = polled.next(UAKV_CALL_RETRIEVE_OR_RESERVE, 5);
    CHECK_STATUS(done.status, UAKV_OK);
    take_view(done.result.view, key);
    fill_block(slot.data, slot.nbytes, key);
    CHECK_STATUS(uakv_commit(&slot), UAKV_EXISTS);
}

void misuse() {
    Two two;
    Client reader(two.daemon, UAKV_READ_ONLY);
    Space space(reader);
    const uakv_key key = make_key("misuse");
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_or_reserve(nullptr, &key, 1, 0, &view, &slot), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_retrieve_or_reserve(two.held, nullptr, 1, 0, &view, &slot), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_retrieve_or_reserve(two.held, &key, 0, 0, &view, &slot), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_retrieve_or_reserve(two.held, &key, 1, 0, nullptr, &slot), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_retrieve_or_reserve(two.held, &key, 1, 0, &view, nullptr), UAKV_ERR_INVALID);
    CHECK_STATUS(uakv_retrieve_or_reserve(two.held, &key, size_t{1} << 40, 0, &view, &slot), UAKV_ERR_TOO_LARGE);
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &key, block_bytes, 0, &view, &slot), UAKV_ERR_DENIED);
    CHECK_STATUS(store_block(two.held, key, block_bytes), UAKV_OK);
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &key, block_bytes, 0, &view, &slot), UAKV_OK); // it is there
    take_view(view, key);
}

constexpr Case cases[] = {
    {"one_computes", one_computes},
    {"holders_die", holders_die},
    {"stored_already", stored_already},
    {"waits_for_the_commit", waits_for_the_commit},
    {"abort_passes_it_on", abort_passes_it_on},
    {"holder_dawdles", holder_dawdles},
    {"waiter_gives_up", waiter_gives_up},
    {"stored_by_another", stored_by_another},
    {"misuse", misuse},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("single_flight", uakv::test::cases);
}
