#include "daemon/store/pins.h"

namespace uakv {

bool Pins::pin(EntryId entry, SegmentId segment, std::uint64_t slot_bytes, std::uint64_t end_ms) {
    if (const auto known = pins_.find(entry); known != pins_.end()) {
        ends_.remove(known->second.end_ms, entry);
        known->second.end_ms = end_ms;
    } else {
        if (bytes_ >= bytes_max_ || slot_bytes > bytes_max_ - bytes_) {
            return false;
        }
        keep(entry, segment, slot_bytes, end_ms);
        return true;
    }
    if (end_ms != UINT64_MAX) {
        ends_.add(end_ms, entry);
    }
    return true;
}

void Pins::keep(EntryId entry, SegmentId segment, std::uint64_t slot_bytes, std::uint64_t end_ms) {
    if (segment >= of_segment_.size()) {
        of_segment_.resize(segment + 1);
    }
    pins_[entry] = {segment, slot_bytes, end_ms};
    bytes_ += slot_bytes;
    ++of_segment_[segment];
    policy_.hold(entry);
    if (end_ms != UINT64_MAX) {
        ends_.add(end_ms, entry);
    }
}

std::optional<std::uint64_t> Pins::end_of(EntryId entry) const {
    const auto found = pins_.find(entry);
    return found == pins_.end() ? std::nullopt : std::optional(found->second.end_ms);
}

void Pins::unpin(EntryId entry) {
    const auto found = pins_.find(entry);
    if (found == pins_.end()) {
        return;
    }
    const Pin &pin = found->second;
    bytes_ -= pin.slot_bytes;
    --of_segment_[pin.segment];
    ends_.remove(pin.end_ms, entry);
    pins_.erase(found);
    policy_.let_go(entry);
}

void Pins::end_due(std::uint64_t now_ms) {
    while (const auto entry = ends_.first_due(now_ms)) {
        unpin(*entry);
    }
}

} // namespace uakv
