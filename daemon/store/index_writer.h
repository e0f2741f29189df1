// The index, as its only writer sees it: entries are published into shared memory and retired from it. There
// is no second, private index: clients map it read-only, so what lies there is the truth.
//
// Entries of blocks in memory come first, one for each slot that there can be; behind them come those of blocks that
// are on disk alone. So whether an entry is cold is seen by its number, and whatever is kept of the blocks in memory by
// the number of their entry does not grow with the disk. No lease counts on a cold entry, whoever claims one.
#pragma once

#include "daemon/store/index_repair.h"
#include "ipc/lookup.h"
#include "ipc/mapping.h"
#include "ipc/memfd.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
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
    bool cold = false;              // on disk alone: segment and offset mean nothing
    bool on_disk = false;           // on disk too
    std::uint64_t stored_bytes = 0; // the slot holds a frame of so many bytes; 0: the block itself
};

class IndexWriter {
public:
    // For memory of segment_capacity segments, of which every page may hold a block, and for `cold_capacity` blocks
    // that are on disk alone.
    static Result<IndexWriter> create(std::uint32_t segment_capacity, std::uint64_t segment_bytes,
                                      std::uint32_t cold_capacity = 0);

    // Goes on with the index that a daemon before has left for such a memory. Before anything else is done with it:
    // mend(), and then find_free(). It has the cold_capacity that it was made with, which may be half of what is
    // wanted, or more. UAKV_ERR_LAYOUT says why it is of no use.
    static Result<IndexWriter> adopt(Fd fd, std::uint32_t segment_capacity, std::uint64_t segment_bytes,
                                     std::uint32_t cold_capacity);

    // Entries that are not believed are retired, and so are all cold ones. Says of no block that it is on disk.
    IndexRepair::Outcome mend(const std::function<bool(EntryId)> &is_believable);

    // All entries that are not live are free, but for those in `limbo`.
    void find_free(std::span<const EntryId> limbo);

    const Fd &fd() const { return fd_; }
    std::uint64_t epoch() const { return region_.header->epoch; }

    // A descriptor for clients.
    Result<Fd> reopen() const { return reopen_read_only(fd_); }
    std::uint64_t bytes() const { return mapping_.bytes(); }
    std::uint64_t bytes_allocated() const { return allocated_; }

    const Lookup &lookup() const { return lookup_; }
    std::uint32_t entry_capacity() const { return region_.header->entry_capacity; }
    const IndexEntry &entry(EntryId id) const { return region_.entries[id]; }

    // Entries of blocks in memory from here on were never used and may have no memory.
    std::uint32_t entries_used() const { return resident_.used; }
    // Those of blocks on disk alone: from cold_begin() to before cold_end(), and none that was used beyond it.
    EntryId cold_begin() const { return cold_.first; }
    EntryId cold_end() const { return cold_.first + cold_.used; }
    bool is_cold(EntryId id) const { return id >= cold_.first; }

    // A walk over all entries that were ever used: from 0 until there is none (UINT32_MAX) at or after `id`.
    EntryId first_from(EntryId id) const;

    // Makes the block visible to everybody. UAKV_ERR_NO_SPACE when the machine has no memory for an entry, or there are
    // cold_capacity cold ones.
    Result<EntryId> publish(const BlockDescription &block);

    // As publish() of another entry for the key of `old` and retire() of that, but whoever looks for the key finds the
    // one or the other at any moment.
    Result<EntryId> replace(EntryId old, const BlockDescription &block);

    // Says of a block that is live in memory whether the disk has it too. Readers may see the one or the other.
    void set_on_disk(EntryId id, bool on_disk);

    // Makes it invisible: E1 of lease_table.h, without its fence, so that many can share one. The entry still
    // tells where its slot is, and is not used again before release().
    void retire(EntryId id);

    // What was said of a block that is live.
    BlockDescription describe(EntryId id) const;

    // Nobody reads the block any more.
    void release(EntryId id) { (is_cold(id) ? cold_ : resident_).free.push_back(id); }

    // What readers stamp their leases with from now on, as soon as this has returned.
    void show_lease_clock(LeaseStamp stamp);

private:
    // Entries of one kind: those below `used` were used at least once, those below `allocated` have memory.
    struct Entries {
        EntryId first = 0;
        std::uint32_t capacity = 0;
        std::uint32_t used = 0;
        std::uint32_t allocated = 0;
        std::vector<EntryId> free;
    };

    IndexWriter(Fd fd, Mapping mapping, std::uint32_t cold_capacity);

    void count_used(Entries &entries);
    Result<EntryId> take_entry(Entries &entries);
    Result<EntryId> write_entry(const BlockDescription &block);
    void insert_reference(std::uint64_t hash, EntryId id);
    void remove_reference(std::uint64_t hash, EntryId id);
    struct Place {
        std::uint64_t *reference = nullptr;
        std::uint64_t distance = 0; // in buckets from home
    };
    Place find_reference(std::uint64_t hash, EntryId id) const;
    std::uint64_t hash_of(EntryId id) const;

    Fd fd_;
    Mapping mapping_;
    IndexRegion region_;
    Lookup lookup_;
    std::uint64_t allocated_ = 0;
    Entries resident_;
    Entries cold_;
};

} // namespace uakv
