#include "clientlib/grants.h"

#include "ipc/sequence_point.h"

#include <algorithm>

namespace uakv {

std::optional<GrantedSlot> Grants::take(SizeClass size_class) {
    const std::uint64_t capacity = slot_bytes_of(size_class);
    const std::scoped_lock lock(mutex_);
    for (std::uint32_t i = 0; i < places_.size(); ++i) {
        Place &place = places_[i];
        if (!place.used || place.slot.capacity != capacity) {
            continue;
        }
        place.used = false;
        if (take_kept(session_, i, place.slot.segment, place.slot.slot)) {
            UAKV_SEQUENCE_POINT(slot_taken);
            return place.slot;
        }
    }
    const auto found = std::find_if(stranded_.begin(), stranded_.end(),
                                    [capacity](const GrantedSlot &slot) { return slot.capacity == capacity; });
    if (found == stranded_.end()) {
        return std::nullopt;
    }
    const GrantedSlot slot = *found;
    stranded_.erase(found);
    return slot;
}

bool Grants::keep(const GrantedSlot &slot) {
    const std::scoped_lock lock(mutex_);
    std::uint32_t same = 0;
    std::uint32_t free = limits::kept_slots_max;
    for (std::uint32_t i = 0; i < places_.size(); ++i) {
        if (!places_[i].used) {
            free = std::min(free, i);
        } else if (places_[i].slot.capacity == slot.capacity) {
            ++same;
        }
    }
    if (free == limits::kept_slots_max || same >= limits::kept_slots_of_class_max) {
        return false;
    }
    places_[free] = {true, slot};
    keep_slot(session_, free, slot.segment, slot.slot);
    UAKV_SEQUENCE_POINT(slot_kept);
    return true;
}

void Grants::keep_always(const GrantedSlot &slot) {
    if (!keep(slot)) {
        const std::scoped_lock lock(mutex_);
        stranded_.push_back(slot);
    }
}

} // namespace uakv
