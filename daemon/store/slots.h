// Where blocks can lie: segments carved into equal slots, each segment for one size class at a time. Knows
// who has each slot: nobody, a client or the daemon that was granted it, or a block. That stands in the state, where
// the next daemon finds it; what follows from it (who is free, and how many) is kept here alone.
#pragma once

#include "daemon/store/state.h"
#include "ipc/index_layout.h"
#include "ipc/size_class.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace uakv {

struct SlotRef {
    SegmentId segment = 0;
    std::uint32_t index = 0;
    bool operator==(const SlotRef &) const = default;
};

class Slots {
public:
    explicit Slots(State &state) : state_(state) {}

    // A new segment, number segments(), without a class yet. The state counts it from here on.
    void add_segment();

    // Goes on with the segments that the state has, whose owners are right. One without a slot in use loses its class.
    void load();
    std::uint32_t segments() const { return static_cast<std::uint32_t>(segments_.size()); }

    // A slot of the class, from a segment of the class or a segment without one. It counts as granted: to the client
    // of this session, or to the daemon itself (0).
    std::optional<SlotRef> take(SizeClass size_class, std::uint32_t client = 0);

    // The granted slot is another client's.
    void pass_on(SlotRef slot, std::uint32_t client);

    // The slot goes back; a segment of which no slot is in use loses its class.
    void give_back(SlotRef slot);

    // The granted slot now holds a block.
    void set_block(SlotRef slot, EntryId block);

    // The block in the slot was used just now.
    void note_used(SlotRef slot) { store_relaxed(record_of(slot).used, State::tick_now()); }

    // Until when the block in the slot is pinned; 0: it is not.
    void note_pinned(SlotRef slot, std::uint64_t until_ms) { store_release(record_of(slot).pinned_until_ms, until_ms); }

    // Whether this is a slot that is granted to a client or the daemon, so that its numbers can be relied on.
    bool is_granted(SegmentId segment, std::uint32_t index) const;

    std::uint64_t offset(SlotRef slot) const { return slot.index * slot_bytes(slot.segment); }
    std::uint64_t slot_bytes(SegmentId segment) const { return slot_bytes_of(segments_[segment].size_class); }
    SlotRef slot_at(SegmentId segment, std::uint64_t offset) const {
        return {segment, static_cast<std::uint32_t>(offset / slot_bytes(segment))};
    }

    std::uint32_t free_slots(SizeClass size_class) const { return classes_[size_class].free; }
    std::uint32_t total_slots(SizeClass size_class) const { return classes_[size_class].total; }
    std::uint32_t unassigned_segments() const { return static_cast<std::uint32_t>(unassigned_.size()); }
    // How many classes have segments.
    std::uint32_t classes_in_use() const { return classes_in_use_; }
    std::uint32_t granted_slots() const { return granted_; }

    // The class of a segment that has one and is not being drained.
    std::optional<SizeClass> class_of(SegmentId segment) const;

    bool is_draining(SegmentId segment) const { return segments_[segment].draining; }

    // Hands out no more slots of the segment, so that it loses its class once all have come back.
    void drain(SegmentId number);

    // Takes drain() back: the segment keeps its class.
    void stop_drain(SegmentId number);

    // Whether the block has this slot still.
    bool is_block(SlotRef slot, EntryId block) const {
        const Segment &segment = segments_[slot.segment];
        return segment.assigned && slot.index < segment.count &&
               segment.records[slot.index].owner == owner_of_entry(block);
    }

    // Calls visit(owner) for the slots in use: an entry, or nothing for a granted slot.
    template <typename Visit> void for_each_used(SegmentId segment, Visit visit) const {
        const Segment &state = segments_[segment];
        for (std::uint32_t index = 0; state.assigned && index < state.count; ++index) {
            const OwnerWord owner = state.records[index].owner;
            if (owner != owner_nobody) {
                visit(uakv::is_granted(owner) ? std::nullopt : std::optional<EntryId>(entry_of_owner(owner)));
            }
        }
    }

    const SlotRecord &record(SlotRef slot) const { return segments_[slot.segment].records[slot.index]; }

private:
    struct Segment {
        bool assigned = false;
        bool draining = false;
        SizeClass size_class = 0;
        std::uint32_t used = 0;
        std::uint32_t count = 0;         // of its slots
        SlotRecord *records = nullptr;   // in the state, one for each slot
        std::vector<std::uint32_t> free; // slots without an owner
        std::uint32_t open_place = 0;    // where it stands in ClassState::open, if it has free slots
    };

    struct ClassState {
        std::vector<SegmentId> open; // segments of the class with free slots
        std::uint32_t free = 0;
        std::uint32_t total = 0;
    };

    SlotRecord &record_of(SlotRef slot) { return segments_[slot.segment].records[slot.index]; }
    void set_owner(SlotRef slot, OwnerWord owner) { store_release(record_of(slot).owner, owner); }
    bool assign(SegmentId number, SizeClass size_class);
    void carve(SegmentId number, SizeClass size_class);
    void unassign(SegmentId number);
    void open(SegmentId number);
    void close(SegmentId number);

    State &state_;
    std::vector<Segment> segments_;
    std::vector<SegmentId> unassigned_;
    std::array<ClassState, size_classes> classes_{};
    std::uint32_t classes_in_use_ = 0;
    std::uint32_t granted_ = 0;
};

} // namespace uakv
