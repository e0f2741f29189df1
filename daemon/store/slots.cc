#include "daemon/store/slots.h"

#include "ipc/sequence_point.h"

namespace uakv {

void Slots::add_segment() {
    state_.add_segment();
    segments_.emplace_back();
    unassigned_.push_back(segments() - 1);
}

// The first slots are handed out first, and the last segments, as of new ones.
void Slots::load() {
    UAKV_ASSERT(segments_.empty());
    segments_.resize(state_.segments());
    for (SegmentId number = 0; number < segments(); ++number) {
        const auto size_class = state_.class_of(number);
        if (!size_class) {
            unassigned_.push_back(number);
            continue;
        }
        carve(number, *size_class);
        Segment &segment = segments_[number];
        for (std::uint32_t i = segment.count; i > 0; --i) {
            const OwnerWord owner = segment.records[i - 1].owner;
            granted_ += uakv::is_granted(owner) ? 1U : 0U;
            if (owner == owner_nobody) {
                segment.free.push_back(i - 1);
            }
        }
        segment.used = segment.count - static_cast<std::uint32_t>(segment.free.size());
        classes_[*size_class].free += static_cast<std::uint32_t>(segment.free.size());
        if (!segment.free.empty()) {
            open(number);
        }
        if (segment.used == 0) {
            unassign(number);
        }
    }
}

std::optional<SlotRef> Slots::take(SizeClass size_class, std::uint32_t client) {
    ClassState &state = classes_[size_class];
    if (state.open.empty()) {
        if (unassigned_.empty()) {
            return std::nullopt;
        }
        if (!assign(unassigned_.back(), size_class)) {
            return std::nullopt;
        }
        unassigned_.pop_back();
    }
    const SegmentId number = state.open.back();
    Segment &segment = segments_[number];
    const SlotRef slot{number, segment.free.back()};
    segment.free.pop_back();
    set_owner(slot, owner_of_client(client));
    UAKV_SEQUENCE_POINT(owner_noted);
    ++segment.used;
    ++granted_;
    --state.free;
    if (segment.free.empty()) {
        close(number);
    }
    return slot;
}

void Slots::give_back(SlotRef slot) {
    Segment &segment = segments_[slot.segment];
    ClassState &state = classes_[segment.size_class];
    const OwnerWord owner = record(slot).owner;
    UAKV_ASSERT(segment.assigned && owner != owner_nobody);
    if (uakv::is_granted(owner)) {
        --granted_;
    }
    set_owner(slot, owner_nobody);
    UAKV_SEQUENCE_POINT(owner_cleared);
    --segment.used;
    segment.free.push_back(slot.index);
    if (!segment.draining) {
        ++state.free;
        if (segment.free.size() == 1) {
            open(slot.segment);
        }
    }
    if (segment.used == 0) {
        unassign(slot.segment);
    }
}

// What is said of the block comes before the block: it is believed only of a slot that the block has.
void Slots::set_block(SlotRef slot, EntryId block) {
    UAKV_ASSERT(uakv::is_granted(record(slot).owner));
    note_used(slot);
    note_pinned(slot, 0);
    set_owner(slot, owner_of_entry(block));
    UAKV_SEQUENCE_POINT(block_noted);
    --granted_;
}

void Slots::pass_on(SlotRef slot, std::uint32_t client) {
    UAKV_ASSERT(is_granted(slot.segment, slot.index));
    set_owner(slot, owner_of_client(client));
}

bool Slots::is_granted(SegmentId segment, std::uint32_t index) const {
    return segment < segments_.size() && segments_[segment].assigned && index < segments_[segment].count &&
           uakv::is_granted(segments_[segment].records[index].owner);
}

std::optional<SizeClass> Slots::class_of(SegmentId segment) const {
    const Segment &state = segments_[segment];
    return state.assigned && !state.draining ? std::optional<SizeClass>(state.size_class) : std::nullopt;
}

void Slots::drain(SegmentId number) {
    Segment &segment = segments_[number];
    UAKV_ASSERT(segment.assigned && !segment.draining && segment.used > 0);
    if (!segment.free.empty()) {
        close(number);
        classes_[segment.size_class].free -= static_cast<std::uint32_t>(segment.free.size());
    }
    segment.draining = true;
}

void Slots::stop_drain(SegmentId number) {
    Segment &segment = segments_[number];
    UAKV_ASSERT(segment.assigned && segment.draining);
    segment.draining = false;
    if (!segment.free.empty()) {
        open(number);
        classes_[segment.size_class].free += static_cast<std::uint32_t>(segment.free.size());
    }
}

// False when the machine has no memory for its records.
bool Slots::assign(SegmentId number, SizeClass size_class) {
    UAKV_ASSERT(!segments_[number].assigned);
    if (!state_.assign(number, size_class).ok()) {
        return false;
    }
    carve(number, size_class);
    Segment &segment = segments_[number];
    for (std::uint32_t i = segment.count; i > 0; --i) {
        segment.free.push_back(i - 1); // the first slots are handed out first
    }
    classes_[size_class].free += segment.count;
    open(number);
    return true;
}

// All but who is free.
void Slots::carve(SegmentId number, SizeClass size_class) {
    Segment &segment = segments_[number];
    segment.assigned = true;
    segment.size_class = size_class;
    segment.count = state_.slots_of(size_class);
    UAKV_ASSERT(segment.count > 0);
    segment.records = state_.records(number);
    segment.free.clear();
    classes_in_use_ += classes_[size_class].total == 0 ? 1U : 0U;
    classes_[size_class].total += segment.count;
}

void Slots::unassign(SegmentId number) {
    Segment &segment = segments_[number];
    ClassState &state = classes_[segment.size_class];
    const std::uint32_t count = segment.count;
    if (!segment.draining) {
        close(number);
        state.free -= count;
    }
    state.total -= count;
    classes_in_use_ -= state.total == 0 ? 1U : 0U;
    segment.assigned = false;
    segment.draining = false;
    state_.unassign(number);
    unassigned_.push_back(number);
}

void Slots::open(SegmentId number) {
    auto &open = classes_[segments_[number].size_class].open;
    segments_[number].open_place = static_cast<std::uint32_t>(open.size());
    open.push_back(number);
}

void Slots::close(SegmentId number) {
    auto &open = classes_[segments_[number].size_class].open;
    const std::uint32_t place = segments_[number].open_place;
    UAKV_ASSERT(place < open.size() && open[place] == number);
    open[place] = open.back();
    segments_[open[place]].open_place = place;
    open.pop_back();
}

} // namespace uakv
