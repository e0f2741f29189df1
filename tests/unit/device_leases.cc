// Leases that a stream ends: what counts as read, in the words and in a store of a device.
#include "ipc/ordered_release.h"
#include "store_bench.h"
#include "support/check.h"

#include <atomic>
#include <memory>
#include <thread>

namespace uakv::test {
namespace {

struct Table {
    std::unique_ptr<DeviceSessionLayout> session = std::make_unique<DeviceSessionLayout>();

    void lease(std::uint32_t word, EntryId id, Generation generation) {
        IndexEntry entry{};
        entry.generation = generation;
        lease_cover(session->session, word);
        CHECK(lease_begin(session->session, word, entry, id, generation));
    }
    std::size_t leases() const {
        std::size_t count = 0;
        device_lease_scan(*session, [&](EntryId, std::uint64_t) { ++count; });
        return count;
    }
};

void ends_when_its_stream_gets_there() {
    Table table;
    table.lease(3, 17, 4);
    CHECK_EQ(table.leases(), 1);
    order_release(*table.session, 3, 5, 7);
    CHECK_EQ(table.leases(), 1);
    store_release(table.session->streams[5].reached, 6);
    CHECK_EQ(table.leases(), 1);
    CHECK(!is_release_reached(*table.session, 3));
    store_release(table.session->streams[4].reached, 100); // another stream
    CHECK_EQ(table.leases(), 1);
    store_release(table.session->streams[5].reached, 7);
    CHECK_EQ(table.leases(), 0);
    CHECK(is_release_reached(*table.session, 3));
    clear_released(*table.session, 3);
    CHECK(!is_release_reached(*table.session, 3));
    table.lease(3, 18, 2); // the word serves another lease
    CHECK_EQ(table.leases(), 1);
    lease_end(table.session->session, 3);
    CHECK_EQ(table.leases(), 0);
}

void words_without_a_stream_are_never_reached() {
    Table table;
    table.lease(0, 1, 2);
    for (auto &stream : table.session->streams) {
        store_release(stream.reached, UINT64_MAX);
    }
    for (const std::uint64_t release :
         {std::uint64_t{1}, release_value_max, make_release(limits::device_streams_max, 0),
          make_release(limits::device_streams_max, 1), UINT64_MAX}) {
        store_release(table.session->releases[0], release);
        CHECK_EQ(table.leases(), 1);
    }
    order_release(*table.session, 0, limits::device_streams_max - 1, release_value_max);
    CHECK_EQ(table.leases(), 0);
    store_release(table.session->session.header.leases_high, UINT32_MAX); // what a client may write
    CHECK_EQ(table.leases(), 0);
}

struct Arena {
    Bench bench{{.memory_bytes = 0, .sessions = LeaseTables::Kind::device}};
    Table table;

    Arena() { bench->leases().attach(table.session->session); }
    ~Arena() { bench->leases().detach(table.session->session); }
    void lease(std::uint32_t word, std::uint64_t number) {
        const auto found = bench.find(number);
        CHECK(found.has_value());
        lease_cover(table.session->session, word);
        CHECK(lease_begin(table.session->session, word, bench->index().entry(found->id), found->id, found->generation));
    }
};

void slot_waits_for_the_stream() {
    Arena arena;
    const SlotRef slot = arena.bench.put(1, big);
    arena.lease(0, 1);
    CHECK(arena.bench->remove(0, sample_key(1)));
    arena.bench->maintain();
    CHECK_EQ(arena.bench.statistics().slots_limbo, 1);
    order_release(*arena.table.session, 0, 2, 10);
    arena.bench->revisit_limbo();
    CHECK_EQ(arena.bench.statistics().slots_limbo, 1);
    CHECK_EQ(arena.bench.statistics().leases, 1);
    store_release(arena.table.session->streams[2].reached, 10);
    CHECK_EQ(arena.bench.statistics().leases, 0);
    arena.bench->revisit_limbo();
    CHECK_EQ(arena.bench.statistics().slots_limbo, 0);
    const SlotRef again = arena.bench.grant(big);
    CHECK(again.segment == slot.segment);
}

void eviction_passes_over_what_streams_read() {
    Arena arena;
    arena.bench.put_big(all_big);
    arena.lease(0, 0);
    arena.lease(1, 1);
    order_release(*arena.table.session, 0, 0, 1); // not reached
    order_release(*arena.table.session, 1, 1, 1);
    store_release(arena.table.session->streams[1].reached, 1);
    arena.bench.put_big(all_big - 1, 100); // room for all but one
    CHECK(arena.bench.has(0));
    CHECK(!arena.bench.has(1));
    CHECK_EQ(arena.bench->leased_bytes(arena.table.session->session), big);
    store_release(arena.table.session->streams[0].reached, 1);
    CHECK_EQ(arena.bench->leased_bytes(arena.table.session->session), 0);
}

// A host store does not look behind the session: there is nothing.
void host_stores_know_no_releases() {
    Bench bench;
    Table table;
    bench->leases().attach(table.session->session);
    bench.put(1, big);
    const auto found = bench.find(1);
    table.lease(0, found->id, found->generation);
    order_release(*table.session, 0, 0, 0);
    CHECK(is_release_reached(*table.session, 0));
    CHECK_EQ(bench.statistics().leases, 1);
    bench->leases().detach(table.session->session);
}

// Words are used again and again while the stream ends their leases and the evictor looks: it must never find the word
// free while the stream reads. The generation stands for the slot: whoever finds it free moves it on.
void words_are_used_again_under_the_scan() {
    constexpr std::uint64_t rounds = 5'000;
    Table table;
    lease_cover(table.session->session, 0);
    IndexEntry entry{};
    entry.generation = 2;
    std::atomic<std::uint64_t> slot{2};
    std::atomic<std::uint64_t> launched{0};
    std::atomic<std::uint64_t> read_wrong{0};
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> generation_launched{0};
    std::thread stream([&] {
        for (std::uint64_t value = 1; value <= rounds; ++value) {
            while (launched.load(std::memory_order_acquire) < value) {
                std::this_thread::yield();
            }
            const std::uint64_t wanted = generation_launched.load(std::memory_order_relaxed);
            for (int look = 0; look < 3; ++look) {
                read_wrong += slot.load(std::memory_order_relaxed) != wanted ? 1U : 0U;
            }
            store_release(table.session->streams[0].reached, value);
        }
    });
    std::uint64_t reused = 0;
    std::thread evictor([&] {
        while (!over.load()) {
            const Generation generation = load_relaxed(entry.generation);
            store_release(entry.generation, generation + 1); // E1
            full_fence();                                    // E2
            bool found = true;
            while (found && !over.load()) {
                found = false;
                device_lease_scan(*table.session, [&](EntryId id, std::uint64_t word) {
                    found = found || lease_matches(word, id, generation);
                });
            }
            slot.store(generation + 2, std::memory_order_relaxed);
            store_release(entry.generation, generation + 2);
            ++reused;
        }
    });
    for (std::uint64_t value = 1; value <= rounds; ++value) {
        Generation generation = 1;
        while (!is_live(generation) || !lease_begin(table.session->session, 0, entry, 9, generation)) {
            generation = load_acquire(entry.generation);
        }
        generation_launched.store(generation, std::memory_order_relaxed);
        launched.store(value, std::memory_order_release);
        order_release(*table.session, 0, 0, value);
        while (!is_release_reached(*table.session, 0)) {
            std::this_thread::yield();
        }
        clear_released(*table.session, 0);
    }
    over = true;
    stream.join();
    evictor.join();
    CHECK_EQ(read_wrong.load(), 0);
    CHECK(reused > 0);
}

constexpr Case cases[] = {
    {"ends_when_its_stream_gets_there", ends_when_its_stream_gets_there},
    {"words_without_a_stream_are_never_reached", words_without_a_stream_are_never_reached},
    {"slot_waits_for_the_stream", slot_waits_for_the_stream},
    {"eviction_passes_over_what_streams_read", eviction_passes_over_what_streams_read},
    {"host_stores_know_no_releases", host_stores_know_no_releases},
    {"words_are_used_again_under_the_scan", words_are_used_again_under_the_scan},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("device_leases", uakv::test::cases);
}
