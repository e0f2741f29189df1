#include "walk.h"

#include "daemon/control/session.h"
#include "ipc/hashing.h"

#include <cstring>
#include <vector>

namespace uakv::fuzz {
namespace {

struct Sum {
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
};

Sum walk_entries(const Store &store) {
    const IndexWriter &index = store.index();
    Sum sum;
    for (EntryId id = 0; id < index.entries_used(); ++id) {
        const IndexEntry &entry = index.entry(id);
        if (!is_live(entry.generation)) {
            continue;
        }
        const EntryHome home = home_of(entry);
        Lookup::Found found;
        UAKV_ASSERT(index.lookup().find_even_expired(home.space, entry.key, found) && found.id == id);
        UAKV_ASSERT(home.segment < store.slots().segments());
        const SlotRef slot = store.slots().slot_at(home.segment, entry.offset);
        UAKV_ASSERT(store.slots().is_block(slot, id) && store.slots().offset(slot) == entry.offset);
        UAKV_ASSERT(entry.length > 0 && entry.length <= store.slots().slot_bytes(home.segment));
        ++sum.blocks;
        sum.bytes += entry.length;
    }
    return sum;
}

// As many as there are blocks, each in the way of its key, and the buckets before it know of it.
void walk_references(const IndexRegion &region, std::uint64_t blocks) {
    const std::uint64_t count = region.header->bucket_count;
    if (blocks == 0) {
        const auto *bytes = reinterpret_cast<const char *>(region.buckets);
        UAKV_ASSERT(bytes[0] == 0 && std::memcmp(bytes, bytes + 1, count * sizeof(IndexBucket) - 1) == 0);
        return;
    }
    std::vector<std::uint32_t> passed(count);
    std::uint64_t references = 0;
    for (std::uint64_t number = 0; number < count; ++number) {
        for (const std::uint64_t reference : region.buckets[number].references) {
            if (reference == 0) {
                continue;
            }
            ++references;
            const IndexEntry &entry = region.entries[entry_of_reference(reference)];
            const std::uint64_t hash = hash_of_key(entry.key, home_of(entry).space, region.header->hash_seed);
            UAKV_ASSERT(is_live(entry.generation) && tag_of(hash) == tag_of_reference(reference));
            for (std::uint64_t at = bucket_of(hash, count); at != number; at = (at + 1) % count) {
                ++passed[at];
            }
        }
    }
    UAKV_ASSERT(references == blocks);
    for (std::uint64_t number = 0; number < count; ++number) {
        UAKV_ASSERT(region.buckets[number].passed == passed[number]);
    }
}

void walk_slots(Cache &cache, std::uint64_t blocks, const uakv_statistics &told) {
    const Slots &slots = cache.store().slots();
    std::uint64_t with_clients = 0, with_blocks = 0, held = 0;
    for (SegmentId segment = 0; segment < slots.segments(); ++segment) {
        slots.for_each_used(segment, [&](std::optional<EntryId> owner) { ++(owner ? with_blocks : with_clients); });
    }
    cache.for_each_session([&](const Session &session) { held += session.grants(); });
    UAKV_ASSERT(with_clients == held && slots.granted_slots() == held && told.slots_granted == held);
    UAKV_ASSERT(with_blocks == blocks + told.slots_limbo);
}

// What is on its way: each submission that was taken is answered or waits, and what waits is known to the flights.
void walk_session(const Cache &cache, Session &session) {
    UAKV_ASSERT(session.waiting_claims == cache.flights().waiting_of(session.number()));
    if (session.ended) {
        UAKV_ASSERT(session.unanswered() == 0);
    }
}

} // namespace

void walk(Tenant &tenant, const Mapping &index) {
    Cache &cache = tenant.host();
    const Sum sum = walk_entries(cache.store());
    walk_references(IndexRegion::at(index.data()), sum.blocks);
    const uakv_statistics told = cache.statistics();
    UAKV_ASSERT(told.blocks == sum.blocks && told.bytes_blocks == sum.bytes);
    UAKV_ASSERT(told.blocks_pinned <= sum.blocks);
    walk_slots(cache, sum.blocks, told);
    std::uint64_t clients = 0;
    cache.for_each_session([&](Session &session) {
        ++clients;
        walk_session(cache, session);
    });
    UAKV_ASSERT(tenant.clients().used() == clients && told.clients == clients);
    UAKV_ASSERT(tenant.descriptors().used() == clients * Session::descriptors);
}

} // namespace uakv::fuzz
