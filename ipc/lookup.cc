#include "ipc/lookup.h"

#include "ipc/clock.h"
#include "ipc/hashing.h"

namespace uakv {

bool Lookup::find(SpaceId space, const uakv_key &key, Found &found) const {
    return find_even_expired(space, key, found) && !is_expired(found);
}

bool Lookup::find_even_expired(SpaceId space, const uakv_key &key, Found &found) const {
    return find_hashed(space, key, hash_of_key(key, space, region_.header->hash_seed), found);
}

// Most blocks have no end, and then no clock is read.
bool Lookup::is_expired(const Found &found) {
    return found.expires_ms != UINT64_MAX && boot_ms() >= found.expires_ms;
}

bool Lookup::find_hashed(SpaceId space, const uakv_key &key, std::uint64_t hash, Found &found) const {
    const std::uint64_t count = region_.header->bucket_count;
    const std::uint32_t tag = tag_of(hash);
    std::uint64_t number = bucket_of(hash, count);
    for (std::uint64_t probes = 0; probes < count; ++probes) {
        const IndexBucket &bucket = region_.buckets[number];
        for (const std::uint64_t &shared : bucket.references) {
            const std::uint64_t reference = load_acquire(shared);
            if (reference != 0 && tag_of_reference(reference) == tag &&
                match(entry_of_reference(reference), space, key, found)) {
                return true;
            }
        }
        if (load_acquire(bucket.passed) == 0) {
            return false;
        }
        number = (number + 1) & (count - 1);
    }
    return false;
}

// The fields are read between two looks at the generation: equal and live, they belong together.
bool Lookup::match(EntryId id, SpaceId space, const uakv_key &key, Found &found) const {
    const IndexEntry &entry = region_.entries[id];
    const Generation generation = load_acquire(entry.generation);
    if (!is_live(generation) || !key_equals(entry.key, key)) {
        return false;
    }
    const EntryHome home = home_of(entry);
    const std::uint64_t expires_ms = (home.flags & entry_expires) != 0 ? load_relaxed(entry.expires_ms) : UINT64_MAX;
    found = {id, generation, home.segment, load_relaxed(entry.offset), load_relaxed(entry.length), expires_ms};
    acquire_fence();
    return load_relaxed(entry.generation) == generation && home.space == space;
}

void Lookup::prefetch(SpaceId space, std::span<const uakv_key> keys, std::uint64_t *hashes) const {
    const std::uint64_t count = region_.header->bucket_count;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        hashes[i] = hash_of_key(keys[i], space, region_.header->hash_seed);
        __builtin_prefetch(&region_.buckets[bucket_of(hashes[i], count)]);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
        for (const std::uint64_t &shared : region_.buckets[bucket_of(hashes[i], count)].references) {
            const std::uint64_t reference = load_relaxed(shared);
            if (reference != 0 && tag_of_reference(reference) == tag_of(hashes[i])) {
                __builtin_prefetch(&region_.entries[entry_of_reference(reference)]);
            }
        }
    }
}

} // namespace uakv
