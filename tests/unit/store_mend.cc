// What is left is not as a daemon leaves it: blocks that cannot be believed are dropped, and those alone.
#include "ipc/hashing.h"
#include "kept_world.h"

#include <atomic>
#include <thread>

namespace uakv::test {
namespace {

// What an entry says is not possible: that block alone is dropped.
void garbage_in_entries() {
    using Spoil = void (*)(IndexEntry &, EntryHome &);
    const Spoil all[] = {
        [](IndexEntry &, EntryHome &home) { home.segment = 8; },
        [](IndexEntry &, EntryHome &home) { home.segment = UINT32_MAX; },
        [](IndexEntry &, EntryHome &home) { home.space = 1; },
        [](IndexEntry &, EntryHome &home) { home.flags = 0x8000; },
        [](IndexEntry &, EntryHome &home) { home.flags = entry_cold; },
        [](IndexEntry &, EntryHome &home) { home.flags = entry_expires; },
        [](IndexEntry &entry, EntryHome &) { entry.offset += 8; },
        [](IndexEntry &entry, EntryHome &) { entry.offset = segment_bytes; },
        [](IndexEntry &entry, EntryHome &) { entry.offset = UINT64_MAX - big + 1; },
        [](IndexEntry &entry, EntryHome &) { entry.offset = big; }, // another's
        [](IndexEntry &entry, EntryHome &) { entry.length = 0; },
        [](IndexEntry &entry, EntryHome &) { entry.length = big + 1; },
        [](IndexEntry &entry, EntryHome &) { entry.expires_ms = 5; },
        [](IndexEntry &entry, EntryHome &) { entry.key.bytes[0] ^= 1; },
        [](IndexEntry &entry, EntryHome &) { entry.generation = 0; },
    };
    for (const Spoil spoil : all) {
        World world;
        for (std::uint64_t i = 0; i < 10; ++i) {
            put_block(*world.store, i, big);
        }
        const EntryId id = find_block(*world.store, 4)->id;
        world.store.reset();
        IndexEntry &entry = world.index().entries[id];
        EntryHome home = home_of(entry);
        spoil(entry, home);
        entry.home = std::bit_cast<std::uint64_t>(home);
        world.adopt();
        for (std::uint64_t i = 0; i < 10; ++i) {
            if (i != 4) {
                check_there(*world.store, i);
            }
        }
        CHECK(!find_block(*world.store, 4).has_value());
        check_partition(*world.store);
        check_empties(*world.store);
    }
}

void garbage_in_buckets() {
    World world;
    for (std::uint64_t i = 0; i < 200; ++i) {
        put_block(*world.store, i, 4096);
    }
    world.store.reset();
    const IndexRegion region = world.index();
    Random random(1);
    for (std::uint64_t number = 0; number < region.header->bucket_count; ++number) {
        IndexBucket &bucket = region.buckets[number];
        bucket.passed += random.below(2) == 0 ? 1U : 0U;
        for (std::uint64_t &reference : bucket.references) {
            if (reference == 0 && random.below(4) == 0) {
                reference =
                    random.below(2) == 0 ? random.next() : make_reference(0, static_cast<EntryId>(random.below(300)));
            }
        }
    }
    world.adopt();
    for (std::uint64_t i = 0; i < 200; ++i) {
        check_there(*world.store, i);
    }
    check_partition(*world.store);
    check_empties(*world.store);
}

// Full buckets, so that many references lie beyond their home, and much of it no longer true.
void readers_miss_nothing() {
    constexpr std::uint64_t count = 4000;
    World world;
    for (std::uint64_t i = 0; i < count; ++i) {
        put_block(*world.store, i, 4096);
    }
    for (std::uint64_t i = 0; i < count; i += 3) {
        CHECK(world.store->remove(0, sample_key(i)));
    }
    const IndexRegion region = world.index();
    std::atomic<bool> stopping{false};
    std::atomic<std::uint64_t> rounds{0}, missed{0};
    std::thread reader([&] {
        const Lookup lookup(region);
        for (; !stopping; ++rounds) {
            for (std::uint64_t i = 0; i < count; ++i) {
                Lookup::Found found;
                missed += i % 3 != 0 && !lookup.find(0, sample_key(i), found) ? 1U : 0U;
            }
        }
    });
    Random random(1);
    std::uint64_t overflows = 0;
    for (int start = 0; start < 50; ++start) {
        world.store.reset();
        for (std::uint64_t number = 0; number < region.header->bucket_count; ++number) {
            IndexBucket &bucket = region.buckets[number];
            overflows += bucket.passed;
            store_release(bucket.passed, bucket.passed + static_cast<std::uint32_t>(random.below(2)));
            for (std::uint64_t &reference : bucket.references) {
                if (reference == 0) {
                    store_release(reference, make_reference(static_cast<std::uint32_t>(random.next()), 0));
                }
            }
        }
        world.adopt();
        const std::uint64_t seen = rounds;
        await("another round", [&] { return rounds > seen; });
    }
    stopping = true;
    reader.join();
    CHECK(overflows > 0);
    CHECK_EQ(missed.load(), 0);
    check_partition(*world.store);
    check_empties(*world.store);
}

// Of two live entries of one key the one that readers find stays.
void two_blocks_of_one_key() {
    World world;
    for (std::uint64_t i = 0; i < 4; ++i) {
        put_block(*world.store, i, big);
    }
    const EntryId first = find_block(*world.store, 1)->id;
    const EntryId second = find_block(*world.store, 2)->id;
    world.store.reset();
    const IndexRegion region = world.index();
    region.entries[second].key = region.entries[first].key;
    const std::uint64_t hash = hash_of_key(sample_key(1), 0, region.header->hash_seed);
    IndexBucket &home = region.buckets[bucket_of(hash, region.header->bucket_count)];
    *std::find(std::begin(home.references), std::end(home.references), 0U) = make_reference(tag_of(hash), second);
    world.adopt();
    check_there(*world.store, 1);
    CHECK_EQ(find_block(*world.store, 1)->id, first);
    CHECK(world.store->remove(0, sample_key(1)));
    CHECK(!find_block(*world.store, 1).has_value() && !find_block(*world.store, 2).has_value());
    check_partition(*world.store);
    check_empties(*world.store);
}

// A block that nothing leads to any more is gone, and its slot is free.
void lost_references() {
    World world;
    for (std::uint64_t i = 0; i < 20; ++i) {
        put_block(*world.store, i, big);
    }
    const EntryId lost = find_block(*world.store, 5)->id;
    world.store.reset();
    const IndexRegion region = world.index();
    for (std::uint64_t number = 0; number < region.header->bucket_count; ++number) {
        for (std::uint64_t &reference : region.buckets[number].references) {
            reference = reference != 0 && entry_of_reference(reference) == lost ? 0 : reference;
        }
    }
    world.adopt();
    CHECK(!find_block(*world.store, 5).has_value());
    uakv_statistics now{};
    world.store->describe(now);
    CHECK_EQ(now.blocks, 19);
    check_partition(*world.store);
    check_empties(*world.store);
}

// The index is the truth: records say at most who has what is no block.
void garbage_in_records() {
    for (const OwnerWord owner :
         {OwnerWord{0}, OwnerWord{1}, OwnerWord{77}, OwnerWord{0x0FFFFFFF}, OwnerWord{0x7FFFFFFF}, owner_of_client(0),
          owner_of_client(1), owner_of_client(5), UINT32_MAX}) {
        World world;
        for (std::uint64_t i = 0; i < 6; ++i) {
            put_block(*world.store, i, big);
        }
        const SlotRef block =
            world.store->slots().slot_at(find_block(*world.store, 3)->segment, find_block(*world.store, 3)->offset);
        const SlotRef free = world.store->grant(big, 1).slot;
        world.store->give_back(free);
        world.store.reset();
        world.record(block) = {owner, 0xDEADBEEF, UINT64_MAX};
        world.record(free) = {owner, 0xDEADBEEF, UINT64_MAX};
        for (std::uint32_t index = 0; index < 512; ++index) { // of a segment without a class
            world.record({0, index}) = {owner, 0xDEADBEEF, UINT64_MAX};
        }
        world.adopt();
        for (std::uint64_t i = 0; i < 6; ++i) {
            check_there(*world.store, i);
        }
        uakv_statistics now{};
        world.store->describe(now);
        CHECK_EQ(now.blocks_pinned, 0);
        check_partition(*world.store);
        for (std::uint64_t i = 100; i < 125; ++i) {
            put_block(*world.store, i, big);
        }
        check_partition(*world.store);
        for (const SlotRef slot : world.store->slots_of_former(1)) {
            world.store->give_back(slot);
        }
        world.store->release_abandoned();
        check_empties(*world.store);
    }
}

constexpr Case cases[] = {
    {"garbage_in_entries", garbage_in_entries},     {"garbage_in_buckets", garbage_in_buckets},
    {"readers_miss_nothing", readers_miss_nothing}, {"two_blocks_of_one_key", two_blocks_of_one_key},
    {"lost_references", lost_references},           {"garbage_in_records", garbage_in_records},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("store_mend", uakv::test::cases);
}
