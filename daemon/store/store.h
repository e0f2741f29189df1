// The store of a tenant: what can be done with blocks, in the daemon's one thread.
#pragma once

#include "daemon/store/evictor.h"
#include "daemon/store/segment_maker.h"
#include "daemon/store/spaces.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace uakv {

class Store {
public:
    // With room for memory_bytes of blocks, which come in the background.
    static Result<std::unique_ptr<Store>> create(std::uint64_t memory_bytes);

    // ---- slots -------------------------------------------------------------------------------------------

    enum class GrantOutcome {
        granted,
        later, // a segment is on its way
        none,  // all blocks of this size are in use, and no memory is to be had
    };
    struct Grant {
        GrantOutcome outcome = GrantOutcome::none;
        SlotRef slot;
    };

    // A slot for a block of `length` bytes, evicting where need be.
    Grant grant(std::uint64_t length);

    // A slot for a client that will probably want one: only while there are plenty.
    std::optional<SlotRef> grant_ahead(SizeClass size_class);

    void give_back(SlotRef slot) { slots_.give_back(slot); }
    const Slots &slots() const { return slots_; }

    // ---- blocks ------------------------------------------------------------------------------------------

    struct CommitRequest {
        SpaceId space = 0;
        uakv_key key{};
        std::optional<uakv_key> parent;
        std::uint64_t length = 0;
        std::uint64_t checksum = 0;
        std::uint32_t ttl_ms = 0;
    };

    // Publishes a granted slot. UAKV_OK: it is a block now. UAKV_EXISTS and UAKV_ERR_NO_SPACE (no memory for
    // an entry): it is still granted.
    uakv_status commit(SlotRef slot, const CommitRequest &request);

    // False when there was no such block.
    bool remove(SpaceId space, const uakv_key &key);

    // A client says that the block is corrupt: it is dropped if that is so.
    bool drop_if_corrupt(SpaceId space, const uakv_key &key);

    // A client hit the entry. Any number below entry_capacity().
    void touch(EntryId entry);

    // ---- upkeep ------------------------------------------------------------------------------------------

    // Frees slots ahead of need, drains a segment that is being taken over, settles what was retired. True
    // when there is more to do at once.
    bool maintain();

    // Drops the blocks whose lifetime is over; the next one's is at next_expiry_ms (boot_ms).
    void expire();
    std::uint64_t next_expiry_ms() const { return expiry_.next_ms(); }

    // Looks again after blocks that left while somebody read them. Now and then, while there are some.
    void revisit_limbo() { evictor_.settle(); }
    bool has_limbo() const { return evictor_.limbo() > 0; }

    // Readable when segments have been made; take_segments() puts them to use.
    const Fd &segment_event() const { return maker_->event(); }
    void take_segments();

    // ---- what clients map --------------------------------------------------------------------------------

    LeaseTables &leases() { return leases_; }
    Spaces &spaces() { return spaces_; }
    const IndexWriter &index() const { return index_; }
    std::uint64_t segment_bytes() const { return segment_bytes_; }

    // The descriptor of a segment; null when there is no such segment.
    const Fd *segment_fd(SegmentId segment, bool read_only) const;

    const Counters &counters() const { return counters_; }
    void count_refusal() { ++counters_.no_space; }
    // Fills in what the store knows.
    void describe(uakv_statistics &statistics) const;

private:
    Store(IndexWriter index, std::unique_ptr<SegmentMaker> maker, std::uint32_t segments, std::uint64_t segment_bytes);

    // A slot of the next larger class that has segments, up to slot_bytes_max.
    std::optional<SlotRef> take_larger(SizeClass size_class, std::uint64_t slot_bytes_max);
    std::uint32_t low_watermark(SizeClass size_class) const;

    IndexWriter index_;
    std::unique_ptr<SegmentMaker> maker_;
    std::uint32_t segment_count_;
    std::uint64_t segment_bytes_;
    std::vector<MadeSegment> segments_;
    Slots slots_;
    Spaces spaces_;
    LeaseTables leases_;
    std::unique_ptr<Policy> policy_;
    Expiry expiry_;
    Counters counters_;
    Evictor evictor_;
    std::vector<SizeClass> pressed_; // classes of which slots were taken since the last upkeep
};

} // namespace uakv
