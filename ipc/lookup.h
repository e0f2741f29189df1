// Finding a key in the mapped index: no lock, no system call, no write. Safe against an index that changes
// meanwhile; what it finds is only a hint until a lease on it has succeeded (lease_table.h).
#pragma once

#include "ipc/index_layout.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace uakv {

class Lookup {
public:
    explicit Lookup(IndexRegion region) : region_(region) {}

    struct Found {
        EntryId id = 0;
        Generation generation = 0;
        SegmentId segment = 0;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        std::uint64_t expires_ms = UINT64_MAX;
    };

    // False when the key is not stored, or has expired.
    bool find(SpaceId space, const uakv_key &key, Found &found) const;

    // The same, but finds expired blocks too: for the daemon, which removes them.
    bool find_even_expired(SpaceId space, const uakv_key &key, Found &found) const;

    // Calls visit(i, present) for the keys in order until it returns false. The memory accesses of several
    // keys are in flight together, which for a large index is most of the time that a lookup takes.
    template <typename Visit> void find_each(SpaceId space, std::span<const uakv_key> keys, Visit visit) const {
        constexpr std::size_t group = 16;
        std::uint64_t hashes[group];
        for (std::size_t first = 0; first < keys.size(); first += group) {
            const std::size_t count = keys.size() - first < group ? keys.size() - first : group;
            prefetch(space, keys.subspan(first, count), hashes);
            for (std::size_t i = 0; i < count; ++i) {
                Found found;
                const bool present = find_hashed(space, keys[first + i], hashes[i], found) && !is_expired(found);
                if (!visit(first + i, present)) {
                    return;
                }
            }
        }
    }

    static bool is_expired(const Found &found);

    const IndexEntry &entry(EntryId id) const { return region_.entries[id]; }
    std::uint64_t segment_bytes() const { return region_.header->segment_bytes; }
    std::uint32_t segment_capacity() const { return region_.header->segment_capacity; }

private:
    bool find_hashed(SpaceId space, const uakv_key &key, std::uint64_t hash, Found &found) const;
    bool match(EntryId id, SpaceId space, const uakv_key &key, Found &found) const;
    void prefetch(SpaceId space, std::span<const uakv_key> keys, std::uint64_t *hashes) const;

    IndexRegion region_;
};

} // namespace uakv
