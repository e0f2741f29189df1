// Finding a key in the mapped index: no lock, no system call, no write. Safe against an index that changes
// meanwhile; what it finds is only a hint until a lease on it has succeeded (lease_table.h).
#pragma once

#include "ipc/clock.h"
#include "ipc/hashing.h"
#include "ipc/index_layout.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace uakv {

class Lookup {
public:
    explicit Lookup(IndexRegion region) : region_(region) {}

    // Set by a search that finds the key.
    struct Found {
        EntryId id = 0;
        Generation generation = 0;
        std::uint16_t flags = 0; // EntryFlags
        SegmentId segment = 0;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        std::uint64_t expires_ms = 0; // boot_ms(); UINT64_MAX: does not

        // It lies on disk alone: segment and offset mean nothing, and it cannot be leased.
        bool is_cold() const { return (flags & entry_cold) != 0; }
        // The slot holds a frame and not the block itself.
        bool is_encoded() const { return (flags & entry_encoded) != 0; }
        // A hit that looks no closer may take it for a block that is there to be read, for as long as anybody wants.
        bool is_plain() const { return (flags & (entry_expires | entry_cold | entry_encoded)) == 0; }
    };

    // False when the key is not stored, or has expired.
    bool find(SpaceId space, const uakv_key &key, Found &found) const;

    // The same, but finds expired blocks too: for the daemon, which removes them.
    bool find_even_expired(SpaceId space, const uakv_key &key, Found &found) const;

    // Calls visit(i, found) for the keys in order until it returns false; `found` is null for those that are not
    // stored. The memory accesses of several keys are in flight together, which for a large index is most of the time
    // that a lookup takes.
    template <typename Visit> void find_each(SpaceId space, std::span<const uakv_key> keys, Visit visit) const {
        constexpr std::size_t group = 16;
        std::uint64_t hashes[group];
        for (std::size_t first = 0; first < keys.size(); first += group) {
            const std::size_t count = keys.size() - first < group ? keys.size() - first : group;
            prefetch(space, keys.subspan(first, count), hashes);
            for (std::size_t i = 0; i < count; ++i) {
                Found found;
                const bool present = find_hashed(space, keys[first + i], hashes[i], found) && !is_expired(found);
                if (!visit(first + i, present ? &found : nullptr)) {
                    return;
                }
            }
        }
    }

    static bool is_expired(const Found &found);

    const IndexEntry &entry(EntryId id) const { return region_.entries[id]; }
    std::uint64_t segment_bytes() const { return region_.header->segment_bytes; }
    std::uint32_t segment_capacity() const { return region_.header->segment_capacity; }
    LeaseStamp lease_clock() const { return load_relaxed(region_.header->lease_clock); }

private:
    bool find_hashed(SpaceId space, const uakv_key &key, std::uint64_t hash, Found &found) const;
    bool match(EntryId id, SpaceId space, const uakv_key &key, Found &found) const;
    void prefetch(SpaceId space, std::span<const uakv_key> keys, std::uint64_t *hashes) const;

    IndexRegion region_;
};

// ---- what each hit does: here, so that it is compiled into it -----------------------------------------------

// Most blocks have no end, and then no clock is read.
inline bool Lookup::is_expired(const Found &found) {
    return (found.flags & entry_expires) != 0 && boot_ms() >= found.expires_ms;
}

// The fields are read between two looks at the generation: equal and live, they belong together.
inline bool Lookup::match(EntryId id, SpaceId space, const uakv_key &key, Found &found) const {
    const IndexEntry &entry = region_.entries[id];
    const Generation generation = load_acquire(entry.generation);
    if (!is_live(generation) || !key_equals(entry.key, key)) {
        return false;
    }
    const EntryHome home = home_of(entry);
    const bool expires = (home.flags & entry_expires) != 0;
    found = {id,
             generation,
             home.flags,
             home.segment,
             load_relaxed(entry.offset),
             load_relaxed(entry.length),
             expires ? load_relaxed(entry.expires_ms) : UINT64_MAX};
    acquire_fence();
    return load_relaxed(entry.generation) == generation && home.space == space;
}

inline bool Lookup::find_hashed(SpaceId space, const uakv_key &key, std::uint64_t hash, Found &found) const {
    const std::uint64_t count = region_.header->bucket_count;
    const std::uint32_t tag = tag_of(hash);
    const std::uint64_t home = bucket_of(hash, count);
    std::uint64_t number = home;
    do {
        const IndexBucket &bucket = region_.buckets[number];
        for (const std::uint64_t &shared : bucket.references) {
            std::uint64_t reference = load_acquire(shared);
            while (reference != 0 && tag_of_reference(reference) == tag) {
                if (match(entry_of_reference(reference), space, key, found)) {
                    return true;
                }
                // A block that went to disk or came back meanwhile has another entry now, at the same place.
                const std::uint64_t again = load_acquire(shared);
                if (again == reference) {
                    break;
                }
                reference = again;
            }
        }
        if (load_acquire(bucket.passed) == 0) {
            return false;
        }
        number = (number + 1) & (count - 1);
    } while (number != home);
    return false;
}

inline bool Lookup::find_even_expired(SpaceId space, const uakv_key &key, Found &found) const {
    return find_hashed(space, key, hash_of_key(key, space, region_.header->hash_seed), found);
}

} // namespace uakv
