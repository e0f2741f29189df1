#include "ipc/lookup.h"

#include "ipc/clock.h"
#include "ipc/hashing.h"

namespace uakv {

bool Lookup::find(SpaceId space, const uakv_key &key, Found &found) const {
    return find_even_expired(space, key, found) && !is_expired(found);
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
