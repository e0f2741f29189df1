// How blocks leave memory. A block that is retired is invisible at once; its slot is used again when no
// client holds a lease on it and nobody below memory reads it (hold()). Until then it is in limbo.
//
// Works in batches: one fence and one scan of the lease tables serve all blocks that leave together.
#pragma once

#include "daemon/policy/policy.h"
#include "daemon/store/below.h"
#include "daemon/store/cold_blocks.h"
#include "daemon/store/counters.h"
#include "daemon/store/departures.h"
#include "daemon/store/expiry.h"
#include "daemon/store/index_writer.h"
#include "daemon/store/lease_tables.h"
#include "daemon/store/pins.h"
#include "daemon/store/slots.h"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace uakv {

class Evictor {
public:
    // What a block that leaves must be taken out of.
    struct Records {
        Expiry &expiry;
        Pins &pins;
        Counters &counters;
        Departures &departures;
        ColdBlocks &cold;
    };
    Evictor(IndexWriter &index, Slots &slots, Policy &policy, const LeaseTables &leases, Records records)
        : index_(index), slots_(slots), policy_(policy), leases_(leases), records_(records) {}

    // Whom to tell of what leaves; null: nobody.
    void set_below(Below *below) { below_ = below; }

    // Whether blocks may be evicted at all; without it make_room() only settles.
    void set_evicting(bool evicting);

    // The block was stored or hit: neither it nor its segment is cold.
    void used(EntryId entry);
    void segment_used(SegmentId segment);

    // Takes the block out of memory and puts it into limbo; settle() ends that. One that is evicted, and is on disk,
    // goes on as a cold entry; otherwise it leaves the index.
    void retire(EntryId entry, Departure departure);

    // Puts an entry into limbo that is not live any more, because another one has taken its place in the index. As the
    // last part of retire(), or for a block that goes on in another slot.
    void leave(EntryId entry);

    // The same for one of a daemon before, which nothing here knows.
    void adopt(EntryId entry) { limbo_.push_back(entry); }

    // Somebody other than clients reads the slot of a block that is live: it is not used again before as many let_go().
    void hold(EntryId entry) { ++holds_[entry]; }
    void let_go(EntryId entry);
    bool is_held(EntryId entry) const { return !holds_.empty() && holds_.count(entry) != 0; }

    // Frees the slots in limbo that nobody reads any more.
    void settle();

    // Evicts the coldest blocks of the class that nobody reads, until `wanted` slots of it are free or none
    // is left to go. Where another class holds colder ones, begins to take a segment over from it.
    void make_room(SizeClass size_class, std::uint32_t wanted);

    // A segment is being taken over, a batch of blocks at a time: call continue_drain() until it is not.
    bool draining() const { return !drain_list_.empty(); }
    void continue_drain();

    // The segment is not taken over: a block in it was pinned.
    void spare(SegmentId segment);

    std::size_t limbo() const { return limbo_.size(); }
    // Blocks were retired since the last settle().
    bool unsettled() const { return unsettled_; }

private:
    void mark_leased();
    bool is_leased(EntryId entry) const { return entry < marks_.size() && marks_[entry] == mark_; }
    void evict_coldest(SizeClass size_class, std::uint32_t wanted);
    std::optional<SegmentId> segment_to_take(SizeClass size_class) const;
    bool can_drain(SegmentId segment) const;
    bool is_worth_taking(SegmentId segment, SizeClass for_class) const;
    void begin_drain(SegmentId segment);

    IndexWriter &index_;
    Slots &slots_;
    Policy &policy_;
    const LeaseTables &leases_;
    Records records_;

    Below *below_ = nullptr;
    bool evicting_ = true;
    std::unordered_map<EntryId, std::uint32_t> holds_;
    std::vector<EntryId> limbo_;
    bool unsettled_ = false;
    std::vector<std::uint32_t> marks_; // entry is leased when its mark is that of the last scan
    std::uint32_t mark_ = 0;
    std::vector<std::uint64_t> segment_used_; // by the policy's clock
    std::vector<EntryId> drain_list_;         // blocks of the segment that is taken over, still to go
    SegmentId drain_segment_ = 0;
};

} // namespace uakv
