#include "daemon/store/index_repair.h"

#include "ipc/hashing.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace uakv {
namespace {

// Entries whose buckets are fetched together, and how far a reference may lie from home: many times what chance does
// to an index that is full.
constexpr std::uint32_t group = 16;
constexpr std::uint64_t distance_max = 4096;

// What the buckets should say, found out from the entries.
struct Wanted {
    explicit Wanted(std::uint64_t buckets) : confirmed(buckets), passed(buckets) {}

    std::vector<std::uint8_t> confirmed; // a bit for each reference
    std::vector<std::uint32_t> passed;
};

void retire(IndexEntry &entry) {
    store_release(entry.generation, load_relaxed(entry.generation) + 1);
    UAKV_SEQUENCE_POINT(entry_doubted);
}

std::uint64_t hash_in(const IndexRegion &region, const IndexEntry &entry) {
    return hash_of_key(entry.key, home_of(entry).space, region.header->hash_seed);
}

// Whether the reference leads to another live block of the same key.
bool is_same_key(const IndexRepair &repair, std::uint64_t reference, const IndexEntry &entry) {
    const EntryId other = entry_of_reference(reference);
    if (other >= repair.residents) {
        return false;
    }
    const IndexEntry &there = repair.region.entries[other];
    return is_live(there.generation) && home_of(there).space == home_of(entry).space &&
           key_equals(there.key, entry.key);
}

// Looks for the entry's reference as a reader does. False when a reader would not find it.
bool confirm(const IndexRepair &repair, EntryId id, std::uint64_t hash, Wanted &wanted) {
    const std::uint64_t mask = repair.region.header->bucket_count - 1;
    const std::uint64_t own = make_reference(tag_of(hash), id);
    const std::uint64_t home = bucket_of(hash, mask + 1);
    for (std::uint64_t distance = 0; distance <= std::min(mask, distance_max); ++distance) {
        const std::uint64_t number = (home + distance) & mask;
        const IndexBucket &bucket = repair.region.buckets[number];
        for (std::size_t place = 0; place < limits::bucket_slots; ++place) {
            const std::uint64_t reference = bucket.references[place];
            if (reference == own) {
                wanted.confirmed[number] = static_cast<std::uint8_t>(wanted.confirmed[number] | 1U << place);
                for (std::uint64_t i = 0; i < distance; ++i) {
                    ++wanted.passed[(home + i) & mask];
                }
                return true;
            }
            if (reference != 0 && tag_of_reference(reference) == tag_of(hash) &&
                is_same_key(repair, reference, repair.region.entries[id])) {
                return false;
            }
        }
        if (bucket.passed == 0) {
            return false;
        }
    }
    return false;
}

// First the entries that are not believed, so that none of them stands for its key when others are looked at.
void doubt_entries(const IndexRepair &repair, const std::function<bool(EntryId)> &is_believable,
                   IndexRepair::Outcome &outcome) {
    for (EntryId id = 0; id < repair.residents; ++id) {
        if (is_live(repair.region.entries[id].generation) && !is_believable(id)) {
            retire(repair.region.entries[id]);
            ++outcome.unbelievable;
        }
    }
    for (EntryId id = repair.cold_begin; id < repair.cold_end; ++id) {
        if (is_live(repair.region.entries[id].generation)) {
            retire(repair.region.entries[id]);
            ++outcome.cold;
        }
    }
}

void confirm_entries(const IndexRepair &repair, Wanted &wanted, IndexRepair::Outcome &outcome) {
    const std::uint64_t buckets = repair.region.header->bucket_count;
    std::uint64_t hashes[group];
    EntryId ids[group];
    for (EntryId next = 0; next < repair.residents;) {
        std::uint32_t count = 0;
        for (; next < repair.residents && count < group; ++next) {
            const IndexEntry &entry = repair.region.entries[next];
            if (is_live(entry.generation)) {
                ids[count] = next;
                hashes[count] = hash_in(repair.region, entry);
                __builtin_prefetch(&repair.region.buckets[bucket_of(hashes[count], buckets)]);
                ++count;
            }
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            if (confirm(repair, ids[i], hashes[i], wanted)) {
                ++outcome.blocks;
            } else {
                retire(repair.region.entries[ids[i]]);
                ++outcome.unreachable;
            }
        }
    }
}

void mend_buckets(const IndexRepair &repair, const Wanted &wanted, IndexRepair::Outcome &outcome) {
    for (std::uint64_t number = 0; number < wanted.passed.size(); ++number) {
        IndexBucket &bucket = repair.region.buckets[number];
        bool mended = false;
        for (std::size_t place = 0; place < limits::bucket_slots; ++place) {
            if (bucket.references[place] != 0 && (unsigned{wanted.confirmed[number]} >> place & 1U) == 0) {
                store_release(bucket.references[place], 0);
                mended = true;
            }
        }
        if (bucket.passed != wanted.passed[number]) {
            store_release(bucket.passed, wanted.passed[number]);
            mended = true;
        }
        if (mended) {
            ++outcome.buckets;
            UAKV_SEQUENCE_POINT(bucket_mended);
        }
    }
}

} // namespace

IndexRepair::Outcome IndexRepair::run(const std::function<bool(EntryId)> &is_believable) const {
    Outcome outcome;
    Wanted wanted(region.header->bucket_count);
    doubt_entries(*this, is_believable, outcome);
    confirm_entries(*this, wanted, outcome);
    mend_buckets(*this, wanted, outcome);
    UAKV_SEQUENCE_POINT(index_mended);
    return outcome;
}

} // namespace uakv
