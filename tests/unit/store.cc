// The store of 16 MiB: who leaves, who stays because somebody reads, and who gets what became free.
#include "ipc/clock.h"
#include "store_bench.h"

#include <vector>

namespace uakv::test {
namespace {

void empty_store() {
    Bench store;
    CHECK_EQ(store->segment_bytes(), segment_bytes);
    CHECK(!store.has(0));
    CHECK(!store->maintain());
    CHECK(!store->remove(0, sample_key(0)));
    CHECK(store->segment_fd(segments, false) == nullptr);
    CHECK(store->segment_fd(UINT32_MAX, true) == nullptr);
    const uakv_statistics now = store.statistics();
    CHECK_EQ(now.bytes_capacity, limits::memory_bytes_min);
    CHECK_EQ(now.bytes_memory, limits::memory_bytes_min);
    CHECK_EQ(now.blocks, 0);
}

void coldest_leaves() {
    Bench store;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        store.put(i, big);
    }
    CHECK_EQ(store.statistics().evictions, 0);
    store->touch(store.find(0)->id);
    store.put(all_big, big);
    CHECK(store.has(0));
    CHECK(!store.has(1));
    CHECK(store.has(2));
    CHECK(store.has(all_big));
    const uakv_statistics now = store.statistics();
    CHECK_EQ(now.evictions, 1);
    CHECK_EQ(now.bytes_evicted, big);
    CHECK_EQ(now.blocks, all_big);
    CHECK_EQ(now.bytes_blocks, all_big * big);
    CHECK_EQ(now.stores, all_big + 1);
}

void chain_leaves_from_its_end() {
    Bench store;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        Store::CommitRequest request;
        if (i > 0) {
            request.parent = sample_key(i - 1);
        }
        store.put(i, big, request);
    }
    store.put(100, big);
    CHECK(!store.has(all_big - 1));
    CHECK(store.has(all_big - 2));
    CHECK(store.has(0));
}

void upkeep_frees_ahead() {
    Bench store;
    const std::uint64_t pages = limits::memory_bytes_min / limits::page_bytes;
    for (std::uint64_t i = 0; i < pages; ++i) {
        store.put(i, 1);
    }
    CHECK_EQ(store->slots().free_slots(0), 0);
    CHECK(!store->grant_ahead(0));
    store->maintain();
    CHECK_EQ(store->slots().free_slots(0), pages / 64);
    store.put(pages, 1);
    store->maintain();
    CHECK(store->slots().free_slots(0) > pages / 64);
    CHECK(store->slots().free_slots(0) <= pages / 32);
    CHECK(store->grant_ahead(0).has_value());
    CHECK(!store.has(0));
    CHECK(store.has(pages - 1));
}

// The slot of a block that is read waits; once released, it is used again.
void limbo() {
    Bench store;
    const SlotRef slot = store.put(0, big);
    store.lease(7, 0);
    CHECK(store->remove(0, sample_key(0)));
    CHECK(!store.has(0));
    for (std::uint64_t i = 1; i < 2 * all_big; ++i) {
        CHECK(!(store.put(i, big) == slot));
        store->maintain();
    }
    CHECK(store->has_limbo());
    CHECK_EQ(store.statistics().slots_limbo, 1);
    CHECK_EQ(store.statistics().leases, 1);
    check_block(store.at(slot), big, sample_key(0));
    lease_end(store.session(), 7);
    store->revisit_limbo();
    CHECK(!store->has_limbo());
    CHECK(store.grant(big) == slot);
    CHECK_EQ(store.statistics().removals, 1);
}

// Only a lease of this entry in this generation counts.
void leases_of_others_hold_nothing() {
    Bench store;
    store.put(0, big);
    const auto found = *store.find(0);
    lease_cover(store.session(), 2);
    store.session().leases[0] = make_lease(found.id, found.generation + 2);
    store.session().leases[1] = make_lease(found.id + 1, found.generation);
    store.session().leases[2] = UINT64_MAX;
    CHECK(store->remove(0, sample_key(0)));
    store->maintain();
    CHECK(!store->has_limbo());
}

void client_that_goes_takes_its_leases() {
    Bench store;
    store.put(0, big);
    store.lease(0, 0);
    CHECK(store->remove(0, sample_key(0)));
    store->maintain();
    CHECK(store->has_limbo());
    store->leases().detach(store.session());
    store->revisit_limbo();
    CHECK(!store->has_limbo());
}

void leased_blocks_are_passed_over() {
    Bench store;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        store.put(i, big);
    }
    store.lease(0, 0);
    store.lease(1, 1);
    store.put(100, big);
    CHECK(store.has(0));
    CHECK(store.has(1));
    CHECK(!store.has(2));
    CHECK(!store->has_limbo());
}

void no_space_when_all_are_read() {
    Bench store;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        store.put(i, big);
        store.lease(static_cast<std::uint32_t>(i), i);
    }
    CHECK(store->grant(big).outcome == Store::GrantOutcome::none);
    CHECK(store->grant(1).outcome == Store::GrantOutcome::none);
    CHECK_EQ(store.statistics().blocks, all_big);
    lease_end(store.session(), 9);
    store.put(100, big);
    CHECK(!store.has(9));
    CHECK_EQ(store.statistics().blocks, all_big);
}

void no_space_when_all_are_granted() {
    Bench store;
    std::vector<SlotRef> slots;
    for (std::uint32_t i = 0; i < all_big; ++i) {
        slots.push_back(store.grant(big));
    }
    CHECK(store->grant(big).outcome == Store::GrantOutcome::none);
    CHECK_EQ(store.statistics().slots_granted, all_big);
    store->give_back(slots[3]);
    CHECK(store.grant(big) == slots[3]);
}

// A size class that has nothing takes a segment over from one that has all: the one that is coldest.
void starving_class_takes_a_segment() {
    Bench store;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        store.put(i, big);
    }
    for (std::uint64_t i = 0; i < 4; ++i) {
        store->touch(store.find(i)->id);
    }
    const SlotRef slot = store.put(100, 1);
    CHECK_EQ(store->slots().slot_bytes(slot.segment), limits::page_bytes);
    CHECK_EQ(store->slots().total_slots(size_class_of(big)), all_big - 4);
    CHECK_EQ(store.statistics().evictions, 4);
    for (std::uint64_t i = 0; i < all_big; ++i) {
        CHECK_EQ(store.has(i), i < 4 || i >= 8); // the second segment was not used for longest
    }
}

void segment_with_a_reader_is_not_taken() {
    Bench store;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        store.put(i, big);
    }
    for (std::uint64_t i = 0; i < all_big; i += 4) {
        if (i != 20) {
            store.lease(static_cast<std::uint32_t>(i), i);
        }
    }
    const SlotRef slot = store.put(100, segment_bytes);
    CHECK_EQ(store->slots().slot_bytes(slot.segment), segment_bytes);
    for (std::uint64_t i = 0; i < all_big; ++i) {
        CHECK_EQ(store.has(i), i < 20 || i >= 24);
    }
    CHECK(store->grant(segment_bytes - 1).outcome == Store::GrantOutcome::granted); // in place of the one before
    CHECK(!store.has(100));
}

void many_small_ones_drain_in_batches() {
    Bench store;
    const std::uint64_t pages = limits::memory_bytes_min / limits::page_bytes;
    for (std::uint64_t i = 0; i < pages; ++i) {
        store.put(i, 1);
    }
    Store::Grant grant = store->grant(segment_bytes);
    CHECK(grant.outcome == Store::GrantOutcome::later);
    for (int turns = 0; store->maintain(); ++turns) {
        CHECK(turns < 100);
    }
    grant = store->grant(segment_bytes);
    CHECK(grant.outcome == Store::GrantOutcome::granted);
}

void first_commit_wins() {
    Bench store;
    const SlotRef first = store.grant(big);
    const SlotRef second = store.grant(big);
    CHECK_STATUS(store.commit(second, 1, big), UAKV_OK);
    CHECK_STATUS(store.commit(first, 1, big), UAKV_EXISTS);
    CHECK(store->slots().is_granted(first.segment, first.index));
    CHECK(!store->slots().is_granted(second.segment, second.index));
    CHECK_EQ(store.statistics().exists, 1);
    CHECK_STATUS(store.commit(first, 2, big), UAKV_OK);
}

void expired_makes_way() {
    Bench store;
    Store::CommitRequest brief;
    brief.ttl_ms = 1;
    store.put(0, big, brief);
    const std::uint64_t stored_ms = boot_ms();
    await("it expires", [&] { return boot_ms() > stored_ms + 1; });
    CHECK(!store.has(0));
    CHECK_EQ(store.statistics().blocks, 1);
    CHECK(!store->remove(0, sample_key(0)));
    CHECK_EQ(store.statistics().expirations, 1);
    CHECK_EQ(store.statistics().removals, 0);
    store.put(1, big, brief);
    const std::uint64_t again_ms = boot_ms();
    await("it expires", [&] { return boot_ms() > again_ms + 1; });
    store.put(1, big); // not UAKV_EXISTS
    CHECK(store.has(1));
    CHECK_EQ(store.statistics().expirations, 2);
    CHECK_EQ(store.statistics().exists, 0);
    CHECK_EQ(store.statistics().blocks, 1);
}

void expired_leave_by_themselves() {
    Bench store;
    CHECK_EQ(store->next_expiry_ms(), UINT64_MAX);
    Store::CommitRequest brief;
    brief.ttl_ms = 1;
    Store::CommitRequest lasting;
    lasting.ttl_ms = 1'000'000'000;
    store.put(0, big, lasting);
    store.put(1, big, brief);
    store.put(2, big);
    store.put(3, big, brief);
    CHECK(store->next_expiry_ms() <= boot_ms() + 1);
    CHECK(store->remove(0, sample_key(3)) || !store.has(3)); // is not due any more
    await("it is due", [&] { return boot_ms() > store->next_expiry_ms(); });
    store->expire();
    store->maintain();
    CHECK(store.has(0) && store.has(2));
    const uakv_statistics now = store.statistics();
    CHECK_EQ(now.blocks, 2);
    CHECK_EQ(now.expirations + now.removals, 2);
    CHECK_EQ(now.slots_limbo, 0);
    CHECK(store->next_expiry_ms() > boot_ms() + 1'000'000);
}

// No segment can be taken over, because somebody reads in each: a slot that is too large is better than none.
void larger_slot_rather_than_none() {
    Bench store;
    for (std::uint64_t i = 0; i < all_big; ++i) {
        store.put(i, big);
    }
    for (std::uint64_t i = 0; i < all_big; i += 4) {
        store.lease(static_cast<std::uint32_t>(i), i);
    }
    const SlotRef slot = store.put(100, 10);
    CHECK_EQ(store->slots().slot_bytes(slot.segment), big);
    CHECK_EQ(store.find(100)->length, 10);
    CHECK(!store.has(1));
    CHECK_EQ(store.statistics().evictions, 1);
    check_block(store.at(slot), 10, sample_key(100));
    CHECK(store->grant(segment_bytes).outcome == Store::GrantOutcome::none); // none is larger
}

void corrupt_is_dropped() {
    Bench store;
    const SlotRef slot = store.put(0, 10'000);
    CHECK(!store->drop_if_corrupt(0, sample_key(0)));
    CHECK(store.has(0));
    CHECK(!store->drop_if_corrupt(0, sample_key(1)));
    store.at(slot)[9'999] ^= std::byte{1};
    CHECK(store->drop_if_corrupt(0, sample_key(0)));
    CHECK(!store.has(0));
    CHECK_EQ(store.statistics().corruptions, 1);
    CHECK_EQ(store.statistics().blocks, 0);
}

void touches_of_nonsense() {
    Bench store;
    store.put(0, big);
    store->touch(1);
    store->touch(store->index().entry_capacity() - 1);
    CHECK(store->remove(0, sample_key(0)));
    store->touch(0);
}

void memory_is_used_from_the_first_segment_on() {
    auto made = Store::create({.memory_bytes = limits::memory_bytes_min});
    CHECK(made.ok());
    Store &store = *made.value();
    CHECK(store.grant(big).outcome == Store::GrantOutcome::later); // none was taken over yet
    await("a segment comes", [&] {
        store.take_segments();
        return store.grant(big).outcome == Store::GrantOutcome::granted;
    });
}

constexpr Case cases[] = {
    {"empty_store", empty_store},
    {"coldest_leaves", coldest_leaves},
    {"chain_leaves_from_its_end", chain_leaves_from_its_end},
    {"upkeep_frees_ahead", upkeep_frees_ahead},
    {"limbo", limbo},
    {"leases_of_others_hold_nothing", leases_of_others_hold_nothing},
    {"client_that_goes_takes_its_leases", client_that_goes_takes_its_leases},
    {"leased_blocks_are_passed_over", leased_blocks_are_passed_over},
    {"no_space_when_all_are_read", no_space_when_all_are_read},
    {"no_space_when_all_are_granted", no_space_when_all_are_granted},
    {"starving_class_takes_a_segment", starving_class_takes_a_segment},
    {"segment_with_a_reader_is_not_taken", segment_with_a_reader_is_not_taken},
    {"many_small_ones_drain_in_batches", many_small_ones_drain_in_batches},
    {"first_commit_wins", first_commit_wins},
    {"expired_makes_way", expired_makes_way},
    {"expired_leave_by_themselves", expired_leave_by_themselves},
    {"larger_slot_rather_than_none", larger_slot_rather_than_none},
    {"corrupt_is_dropped", corrupt_is_dropped},
    {"touches_of_nonsense", touches_of_nonsense},
    {"memory_is_used_from_the_first_segment_on", memory_is_used_from_the_first_segment_on},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("store", uakv::test::cases);
}
