// The index, as its only writer sees it: entries are published into shared memory and retired from it. There
// is no second, private index: clients map it read-only, so what lies there is the truth.
#pragma once

#include "ipc/lookup.h"
#include "ipc/mapping.h"
#include "ipc/memfd.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace uakv {

// What an entry says of its block.
struct BlockDescription {
    SpaceId space = 0;
    uakv_key key{};
    std::optional<uakv_key> parent;
    SegmentId segment = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t checksum = 0;
    std::uint64_t expires_ms = UINT64_MAX;
};

class IndexWriter {
public:
    // For memory of segment_capacity segments, of which every page may hold a block.
    static Result<IndexWriter> create(std::uint32_t segment_capacity, std::uint64_t segment_bytes);

    // A descriptor for clients.
    Result<Fd> reopen() const { return reopen_read_only(fd_); }
    std::uint64_t bytes() const { return mapping_.bytes(); }
    std::uint64_t bytes_allocated() const { return allocated_; }

    const Lookup &lookup() const { return lookup_; }
    std::uint32_t entry_capacity() const { return region_.header->entry_capacity; }
    // Entries from here on were never used and may have no memory.
    std::uint32_t entries_used() const { return entries_used_; }
    const IndexEntry &entry(EntryId id) const { return region_.entries[id]; }

    // Makes the block visible to everybody. UAKV_ERR_NO_SPACE when the machine has no memory for an entry.
    Result<EntryId> publish(const BlockDescription &block);

    // Makes it invisible: E1 of lease_table.h, without its fence, so that many can share one. The entry still
    // tells where its slot is, and is not used again before release().
    void retire(EntryId id);

    // Nobody reads the block any more.
    void release(EntryId id) { free_.push_back(id); }

    // What readers stamp their leases with from now on, as soon as this has returned.
    void show_lease_clock(LeaseStamp stamp);

private:
    IndexWriter(Fd fd, Mapping mapping);

    Result<EntryId> take_entry();
    void insert_reference(std::uint64_t hash, EntryId id);
    void remove_reference(std::uint64_t hash, EntryId id);
    std::uint64_t hash_of(EntryId id) const;

    Fd fd_;
    Mapping mapping_;
    IndexRegion region_;
    Lookup lookup_;
    std::uint64_t allocated_ = 0;
    std::uint32_t entries_allocated_ = 0; // entries below have memory
    std::uint32_t entries_used_ = 0;      // entries below were used at least once
    std::vector<EntryId> free_;
};

} // namespace uakv
