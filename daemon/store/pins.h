// Blocks that a client asked to keep: the policy does not offer them, and their segments are not taken over. What is
// charged for a pin is its slot, because that is what nobody else can have.
#pragma once

#include "daemon/policy/policy.h"
#include "daemon/store/expiry.h"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace uakv {

class Pins {
public:
    Pins(Policy &policy, std::uint64_t bytes_max) : policy_(policy), bytes_max_(bytes_max) {}

    // What is pinned stays so, even if it is more.
    void set_bytes_max(std::uint64_t bytes_max) { bytes_max_ = bytes_max; }

    // Keeps the block of a slot of `slot_bytes` until end_ms (boot_ms; UINT64_MAX: no end). Once more: only the end
    // changes. False when it would be too many bytes.
    bool pin(EntryId entry, SegmentId segment, std::uint64_t slot_bytes, std::uint64_t end_ms);

    // The same for a block that was pinned already, in another slot: it stays so, even if that is more.
    void keep(EntryId entry, SegmentId segment, std::uint64_t slot_bytes, std::uint64_t end_ms);

    // Until when it is pinned; nothing when it is not.
    std::optional<std::uint64_t> end_of(EntryId entry) const;

    // Also for entries that are not pinned.
    void unpin(EntryId entry);

    // Ends the pins that are due; the next one is at next_end_ms().
    void end_due(std::uint64_t now_ms);
    std::uint64_t next_end_ms() const { return ends_.next_ms(); }

    bool is_pinned(EntryId entry) const { return pins_.count(entry) != 0; }
    bool any_in(SegmentId segment) const { return segment < of_segment_.size() && of_segment_[segment] > 0; }
    std::uint64_t count() const { return pins_.size(); }
    std::uint64_t bytes() const { return bytes_; }

private:
    struct Pin {
        SegmentId segment = 0;
        std::uint64_t slot_bytes = 0;
        std::uint64_t end_ms = 0;
    };

    Policy &policy_;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    std::unordered_map<EntryId, Pin> pins_;
    std::vector<std::uint32_t> of_segment_; // how many
    Expiry ends_;
};

} // namespace uakv
