// What the operator may set: whether blocks are evicted, from when on, and spaces that are cleared step by step.
#include "store_bench.h"

#include <cstdint>

namespace uakv::test {
namespace {

constexpr std::uint64_t pages = limits::memory_bytes_min / limits::page_bytes;

StoreOptions no_eviction() {
    StoreOptions options;
    options.evict = false;
    return options;
}

StoreOptions threshold(double gc_threshold) {
    StoreOptions options;
    options.gc_threshold = gc_threshold;
    return options;
}

void put_pages(Bench &store, std::uint64_t count, std::uint64_t first = 0) {
    for (std::uint64_t i = 0; i < count; ++i) {
        store.put(first + i, 1);
    }
}

void full_without_eviction() {
    Bench store(no_eviction());
    store.put_big(all_big);
    for (const std::uint64_t length : {std::uint64_t{1}, big, segment_bytes}) {
        CHECK(store->grant(length).outcome == Store::GrantOutcome::none);
        CHECK(!store->maintain());
    }
    CHECK(!store->grant_ahead(size_class_of(big)));
    CHECK_EQ(store.statistics().blocks, all_big);
    CHECK_EQ(store.statistics().evictions, 0);
    CHECK(store->remove(0, sample_key(9)));
    store.put(100, big);
    CHECK_EQ(store.statistics().blocks, all_big);
}

// A slot that is too large is still better than none.
void larger_slots_without_eviction() {
    Bench store(no_eviction());
    store.put_big(all_big);
    CHECK(store->remove(0, sample_key(0)));
    store->maintain();
    const SlotRef slot = store.put(100, 1);
    CHECK_EQ(store->slots().slot_bytes(slot.segment), big);
    CHECK_EQ(store.statistics().evictions, 0);
}

void expiry_frees_without_eviction() {
    Bench store(no_eviction());
    Store::CommitRequest brief;
    brief.ttl_ms = 1;
    store.put(0, big, brief);
    store.put_big(all_big - 1, 1);
    CHECK_EQ(store.statistics().evictions, 0);
    await("memory is free again", [&] {
        store->expire();
        return store->grant(big).outcome == Store::GrantOutcome::granted;
    });
    CHECK_EQ(store.statistics().expirations, 1);
}

void eviction_is_turned_off_and_on() {
    Bench store;
    put_pages(store, pages);
    CHECK(store->grant(segment_bytes).outcome == Store::GrantOutcome::later); // a segment is being taken over
    const std::uint64_t evicted = store.statistics().evictions;
    CHECK(evicted > 0 && evicted < segment_bytes / limits::page_bytes);
    store->reconfigure(no_eviction());
    CHECK(!store->maintain());
    CHECK_EQ(store.statistics().evictions, evicted);
    CHECK_EQ(store->slots().free_slots(0), evicted); // the rest of the segment is of use again
    put_pages(store, evicted, pages);
    CHECK(store->grant(1).outcome == Store::GrantOutcome::none);
    store->reconfigure({});
    store.put(2 * pages, 1);
    CHECK(store.statistics().evictions > evicted);
}

// With the default, tests/unit/store.cc: upkeep_frees_ahead.
void only_on_demand() {
    Bench store(threshold(1));
    put_pages(store, pages);
    store->maintain();
    CHECK_EQ(store.statistics().evictions, 0);
    CHECK_EQ(store->slots().free_slots(0), 0);
    store.put(pages, 1);
    CHECK_EQ(store.statistics().evictions, 1);
}

// In each segment one block is warm: so none becomes empty, which would be room enough.
void warm_each_segment(Bench &store, std::uint64_t blocks) {
    for (std::uint64_t i = 0; i < blocks; i += blocks / segments) {
        store->touch(store.find(i)->id);
    }
}

void well_ahead() {
    Bench store(threshold(0.75));
    put_pages(store, pages * 3 / 4);
    store->maintain();
    CHECK_EQ(store.statistics().evictions, 0); // segments are left
    put_pages(store, pages / 4, pages * 3 / 4);
    warm_each_segment(store, pages);
    store->maintain();
    std::uint64_t free = store->slots().free_slots(0);
    CHECK(free > 0 && free < pages / 8); // a batch at a time
    for (std::uint64_t turn = 0; turn < pages; ++turn) {
        store->give_back(store.grant(1));
        store->maintain();
    }
    free = store->slots().free_slots(0);
    CHECK(free >= pages / 4 && free <= pages / 4 + pages / 32);
}

void something_is_always_kept() {
    Bench store(threshold(0.25));
    store.put_big(all_big);
    warm_each_segment(store, all_big);
    store->maintain();
    CHECK_EQ(store.statistics().blocks, all_big / 8); // half of what may be in use
}

void clearing_takes_steps() {
    Bench store;
    Store::CommitRequest other;
    other.space = 3;
    for (std::uint64_t i = 0; i < 10; ++i) {
        store.put(i, 4096);
        store.put(i, 8192, other);
    }
    CHECK_EQ(store->space_counters(0).blocks, 10);
    CHECK_EQ(store->space_counters(0).bytes, 10 * 4096);
    CHECK_EQ(store->space_counters(3).bytes, 10 * 8192);
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    for (std::uint32_t step = 1; step <= 5; ++step) {
        CHECK(!store->clear_some(0, cursor, 3, removed));
        CHECK_EQ(cursor, 3 * step);
        CHECK_EQ(removed, (3 * step + 1) / 2);
        CHECK_EQ(store->space_counters(0).blocks, 10 - removed);
    }
    while (!store->clear_some(0, cursor, 3, removed)) {
        CHECK(cursor <= 20);
    }
    CHECK_EQ(removed, 10);
    CHECK_EQ(store->space_counters(0).blocks, 0);
    CHECK_EQ(store->space_counters(0).bytes, 0);
    CHECK_EQ(store->space_counters(3).blocks, 10);
    CHECK_EQ(store.statistics().removals, 10);
    for (std::uint64_t i = 0; i < 10; ++i) {
        CHECK(!store.has(i) && store.has(i, 3));
    }
    store->maintain();
    CHECK(!store->has_limbo());
}

void clearing_nothing() {
    Bench store;
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    CHECK(store->clear_some(0, cursor, 1, removed));
    CHECK(store->clear_some(UINT32_MAX, cursor, 1, removed));
    store.put(0, 1);
    CHECK(store->clear_some(1, cursor, 1, removed));
    CHECK_EQ(removed, 0);
    CHECK(store.has(0));
}

// What is read stays readable, and what is stored meanwhile is either there or not.
void clearing_while_others_work() {
    Bench store;
    store.put_big(8);
    const SlotRef slot = store->slots().slot_at(store.find(5)->segment, store.find(5)->offset);
    store.lease(0, 5);
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    CHECK(!store->clear_some(0, cursor, 4, removed));
    store->maintain();
    store.put_big(2, 100); // in entries that the cursor has passed
    CHECK(store->clear_some(0, cursor, 1000, removed));
    CHECK_EQ(removed, 8);
    store->maintain();
    for (std::uint64_t i = 0; i < 8; ++i) {
        CHECK(!store.has(i));
    }
    CHECK(store.has(100) && store.has(101));
    CHECK(store->has_limbo());
    check_block(store.at(slot), big, sample_key(5));
}

constexpr Case cases[] = {
    {"full_without_eviction", full_without_eviction},
    {"larger_slots_without_eviction", larger_slots_without_eviction},
    {"expiry_frees_without_eviction", expiry_frees_without_eviction},
    {"eviction_is_turned_off_and_on", eviction_is_turned_off_and_on},
    {"only_on_demand", only_on_demand},
    {"well_ahead", well_ahead},
    {"something_is_always_kept", something_is_always_kept},
    {"clearing_takes_steps", clearing_takes_steps},
    {"clearing_nothing", clearing_nothing},
    {"clearing_while_others_work", clearing_while_others_work},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("store_limits", uakv::test::cases);
}
