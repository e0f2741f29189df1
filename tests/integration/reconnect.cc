// A client outlives its daemon: what it holds stays readable, and it finds the new daemon by itself.
#include "support/async.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 20'000;

void await_store(uakv_space *space, const uakv_key &key) {
    await("a block can be stored again", [&] {
        const uakv_status status = store_block(space, key, block_bytes);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS || status == UAKV_ERR_DISCONNECTED,
                      std::string("the store gave ") + uakv_status_name(status) + " (" + last_error() + ")");
        return status >= 0;
    });
}

void killed_and_started_again() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key old = make_key("old"), fresh = make_key("fresh");
    CHECK_STATUS(store_block(space, old, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &old, nullptr, &view), UAKV_OK);
    daemon.kill();
    check_stored(space, old, block_bytes); // what is mapped is still found
    CHECK_STATUS(store_block(space, fresh, block_bytes), UAKV_ERR_DISCONNECTED);
    daemon.start();
    await_store(space, fresh);
    check_stored(space, fresh, block_bytes);
    CHECK(!check_stored_or_missing(space, old, block_bytes)); // the new daemon began empty
    check_block(view.data, view.nbytes, old);                 // but the view is as it was
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK_STATUS(uakv_release(&view), UAKV_ERR_INVALID);
    CHECK_EQ(client.statistics().clients, 1);
}

// One that never asks the daemon for anything still finds out.
void who_only_retrieves() {
    Daemon daemon;
    Client client(daemon, UAKV_READ_ONLY);
    Client writer(daemon);
    Space written(writer), space(client);
    const uakv_key key = make_key("later");
    CHECK(!check_stored_or_missing(space, key, block_bytes));
    daemon.kill();
    daemon.start();
    CHECK(!check_stored_or_missing(space, key, block_bytes)); // no error, though the space is not there
    await_store(written, key);
    await("the reader finds the block in the new daemon",
          [&] { return check_stored_or_missing(space, key, block_bytes); });
    CHECK(contains(space, key));
}

// Nor is one who stores what it stored before told for ever that it exists.
void who_stores_the_same() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("same");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    daemon.kill();
    daemon.start();
    await("the block is stored in the new daemon", [&] { return store_block(space, key, block_bytes) == UAKV_OK; });
    CHECK_EQ(client.statistics().stores, 1);
}

void open_slots() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key first = make_key("first"), second = make_key("second");
    uakv_slot committed, aborted;
    CHECK_STATUS(uakv_reserve(space, &first, block_bytes, nullptr, &committed), UAKV_OK);
    CHECK_STATUS(uakv_reserve(space, &second, block_bytes, nullptr, &aborted), UAKV_OK);
    daemon.kill();
    daemon.start();
    await_store(space, make_key("other"));
    fill_block(committed.data, block_bytes, first); // still memory of ours
    CHECK_STATUS(uakv_commit(&committed), UAKV_ERR_DISCONNECTED);
    CHECK_STATUS(uakv_abort(&aborted), UAKV_OK);
    CHECK(!contains(space, first));
    CHECK_STATUS(store_block(space, first, block_bytes), UAKV_OK);
    check_stored(space, first, block_bytes);
}

size_t mapped_segments() {
    const std::vector<Mapping> mappings = own_mappings();
    return static_cast<size_t>(std::count_if(mappings.begin(), mappings.end(), [](const Mapping &mapping) {
        return mapping.name.find("uakv-segment") != std::string::npos;
    }));
}

// The memory of a daemon that is gone goes when its last view does.
void memory_of_the_old_daemon() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("view");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    CHECK_EQ(mapped_segments(), 1);
    for (uint64_t round = 0; round < 3; ++round) {
        daemon.kill();
        daemon.start();
        await_store(space, make_key("round", round));
        CHECK_EQ(mapped_segments(), 2); // the view's, and the new one
    }
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK_EQ(mapped_segments(), 1);
}

void another_layout_there() {
    Daemon daemon;
    Client client(daemon);
    Space space(client, "model");
    CHECK_STATUS(store_block(space, make_key("before"), block_bytes), UAKV_OK);
    daemon.kill();
    daemon.start();
    {
        Client other(daemon);
        uakv_space_options options = {};
        options.struct_size = sizeof options;
        options.block_bytes = 4096;
        Space taken(other, "model", &options);
    }
    await("the client meets the other layout", [&] {
        const uakv_status status = store_block(space, make_key("after"), block_bytes);
        CHECK(status == UAKV_ERR_DISCONNECTED || status == UAKV_ERR_LAYOUT);
        return status == UAKV_ERR_LAYOUT;
    });
    CHECK_MESSAGE(last_error().find("block_bytes") != std::string::npos, last_error());
}

// What waits for the daemon ends with it.
void call_in_flight() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    CHECK_STATUS(store_block(space, make_key("before"), block_bytes), UAKV_OK);
    daemon.pause();
    std::atomic<uakv_status> status{UAKV_PENDING};
    std::thread waiting([&] { status = store_block(space, make_key("waits"), block_bytes); });
    daemon.kill();
    daemon.start();
    waiting.join();
    CHECK_STATUS(status.load(), UAKV_ERR_DISCONNECTED);
    await_store(space, make_key("waits"));
}

void event_descriptor_stays() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const int descriptor = uakv_event_fd(client);
    for (uint64_t round = 0; round < 3; ++round) {
        const uakv_key key = make_key("asynchronous", round);
        await_store(space, make_key("synchronous", round));
        polled.submitted(uakv_remove_submit(space, &key, 1, round));
        CHECK(readable(client, 20'000));
        CHECK_STATUS(polled.next(UAKV_CALL_REMOVE, round).status, UAKV_OK);
        CHECK_EQ(uakv_event_fd(client), descriptor);
        daemon.kill();
        daemon.start();
    }
}

// Threads that retrieve and store while daemon after daemon is killed under them: never other bytes, never a hang.
void under_load() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> hits{0};
    std::vector<Child> children;
    const auto work = [](uakv_space *shared, uint64_t seed, const std::function<bool()> &go_on, auto hit) {
        Random random(seed);
        while (go_on()) {
            const uakv_key key = make_key("load", random.below(100));
            const uakv_status stored = random.below(4) == 0 ? store_block(shared, key, block_bytes) : UAKV_OK;
            CHECK_MESSAGE(stored >= 0 || stored == UAKV_ERR_DISCONNECTED, last_error());
            uakv_view view;
            const uakv_status found = uakv_retrieve(shared, &key, nullptr, &view);
            CHECK_MESSAGE(found >= 0 || found == UAKV_ERR_DISCONNECTED, last_error());
            if (found == UAKV_OK) {
                check_block(view.data, view.nbytes, key);
                CHECK_STATUS(uakv_release(&view), UAKV_OK);
                hit();
            }
        }
    };
    std::atomic<bool> failed{false};
    std::vector<std::thread> threads;
    for (uint64_t seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            try {
                work(
                    space, seed, [&] { return !stop; }, [&] { ++hits; });
            } catch (const Failure &failure) {
                fail_later(failure.what());
                failed = true;
            }
        });
    }
    for (int round = 0; round < 5 && !failed; ++round) {
        const uint64_t before = hits;
        await("some hits", [&] { return failed || hits > before + 1000; });
        daemon.kill();
        daemon.start();
    }
    const uint64_t before = hits;
    await("hits in the last daemon", [&] { return failed || hits > before + 1000; });
    stop = true;
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(!failed);
    await("the client has found the last daemon", [&] {
        uakv_statistics statistics = {};
        statistics.struct_size = sizeof statistics;
        return uakv_stats(client, &statistics) == UAKV_OK; // hits go on without
    });
    CHECK_EQ(client.statistics().leases, 0);
}

constexpr Case cases[] = {
    {"killed_and_started_again", killed_and_started_again},
    {"who_only_retrieves", who_only_retrieves},
    {"who_stores_the_same", who_stores_the_same},
    {"open_slots", open_slots},
    {"memory_of_the_old_daemon", memory_of_the_old_daemon},
    {"another_layout_there", another_layout_there},
    {"call_in_flight", call_in_flight},
    {"event_descriptor_stays", event_descriptor_stays},
    {"under_load", under_load},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("reconnect", uakv::test::cases);
}
