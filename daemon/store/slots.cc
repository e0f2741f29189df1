#include "daemon/store/slots.h"

namespace uakv {

void Slots::add_segment() {
    segments_.emplace_back();
    unassigned_.push_back(segments() - 1);
}

std::optional<SlotRef> Slots::take(SizeClass size_class) {
    ClassState &state = classes_[size_class];
    if (state.open.empty()) {
        if (unassigned_.empty()) {
            return std::nullopt;
        }
        const SegmentId segment = unassigned_.back();
        unassigned_.pop_back();
        assign(segment, size_class);
    }
    const SegmentId number = state.open.back();
    Segment &segment = segments_[number];
    const SlotRef slot{number, segment.free.back()};
    segment.free.pop_back();
    segment.owners[slot.index] = owner_client;
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
    std::uint32_t &owner = segment.owners[slot.index];
    UAKV_ASSERT(segment.assigned && owner != owner_none);
    if (owner == owner_client) {
        --granted_;
    }
    owner = owner_none;
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

void Slots::set_block(SlotRef slot, EntryId block) {
    std::uint32_t &owner = segments_[slot.segment].owners[slot.index];
    UAKV_ASSERT(owner == owner_client);
    owner = block;
    --granted_;
}

bool Slots::is_granted(SegmentId segment, std::uint32_t index) const {
    return segment < segments_.size() && segments_[segment].assigned && index < segments_[segment].owners.size() &&
           segments_[segment].owners[index] == owner_client;
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

void Slots::assign(SegmentId number, SizeClass size_class) {
    Segment &segment = segments_[number];
    const auto count = static_cast<std::uint32_t>(segment_bytes_ / slot_bytes_of(size_class));
    UAKV_ASSERT(count > 0 && !segment.assigned);
    segment.assigned = true;
    segment.size_class = size_class;
    segment.owners.assign(count, owner_none);
    segment.free.clear();
    for (std::uint32_t i = count; i > 0; --i) {
        segment.free.push_back(i - 1); // the first slots are handed out first
    }
    classes_in_use_ += classes_[size_class].total == 0 ? 1U : 0U;
    classes_[size_class].free += count;
    classes_[size_class].total += count;
    open(number);
}

void Slots::unassign(SegmentId number) {
    Segment &segment = segments_[number];
    ClassState &state = classes_[segment.size_class];
    const auto count = static_cast<std::uint32_t>(segment.owners.size());
    if (!segment.draining) {
        close(number);
        state.free -= count;
    }
    state.total -= count;
    classes_in_use_ -= state.total == 0 ? 1U : 0U;
    segment.assigned = false;
    segment.draining = false;
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
