#include "clientlib/grants.h"

namespace uakv {

std::optional<GrantedSlot> Grants::take(SizeClass size_class) {
    const std::scoped_lock lock(mutex_);
    auto &slots = slots_[size_class];
    if (slots.empty()) {
        return std::nullopt;
    }
    const GrantedSlot slot = slots.back();
    slots.pop_back();
    return slot;
}

bool Grants::keep(const GrantedSlot &slot, bool always) {
    const std::scoped_lock lock(mutex_);
    auto &slots = slots_[size_class_of(slot.capacity)];
    if (slots.size() >= limits::grants_kept_max && !always) {
        return false;
    }
    slots.push_back(slot);
    return true;
}

} // namespace uakv
