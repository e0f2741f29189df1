// Where blocks can lie: segments carved into equal slots, each segment for one size class at a time. Knows
// who has each slot: nobody, a client that was granted it, or a block.
#pragma once

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
    explicit Slots(std::uint64_t segment_bytes) : segment_bytes_(segment_bytes) {}

    // A new segment, number segments(), without a class yet.
    void add_segment();
    std::uint32_t segments() const { return static_cast<std::uint32_t>(segments_.size()); }

    // A slot of the class, from a segment of the class or a segment without one. It counts as granted.
    std::optional<SlotRef> take(SizeClass size_class);

    // The slot goes back; a segment of which no slot is in use loses its class.
    void give_back(SlotRef slot);

    // The granted slot now holds a block.
    void set_block(SlotRef slot, EntryId block);

    // Whether this is a slot that is granted to a client, so that its numbers can be relied on.
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
        const std::vector<std::uint32_t> &owners = segments_[slot.segment].owners;
        return segments_[slot.segment].assigned && slot.index < owners.size() && owners[slot.index] == block;
    }

    // Calls visit(owner) for the slots in use: an entry, or nothing for a granted slot.
    template <typename Visit> void for_each_used(SegmentId segment, Visit visit) const {
        for (const std::uint32_t owner : segments_[segment].owners) {
            if (owner != owner_none) {
                visit(owner == owner_client ? std::nullopt : std::optional<EntryId>(owner));
            }
        }
    }

private:
    static constexpr std::uint32_t owner_none = UINT32_MAX;
    static constexpr std::uint32_t owner_client = UINT32_MAX - 1;
    static_assert(limits::entries_max <= owner_client);

    struct Segment {
        bool assigned = false;
        bool draining = false;
        SizeClass size_class = 0;
        std::uint32_t used = 0;
        std::vector<std::uint32_t> owners; // one for each slot
        std::vector<std::uint32_t> free;   // slots without an owner
        std::uint32_t open_place = 0;      // where it stands in ClassState::open, if it has free slots
    };

    struct ClassState {
        std::vector<SegmentId> open; // segments of the class with free slots
        std::uint32_t free = 0;
        std::uint32_t total = 0;
    };

    void assign(SegmentId number, SizeClass size_class);
    void unassign(SegmentId number);
    void open(SegmentId number);
    void close(SegmentId number);

    std::uint64_t segment_bytes_;
    std::vector<Segment> segments_;
    std::vector<SegmentId> unassigned_;
    std::array<ClassState, size_classes> classes_{};
    std::uint32_t classes_in_use_ = 0;
    std::uint32_t granted_ = 0;
};

} // namespace uakv
