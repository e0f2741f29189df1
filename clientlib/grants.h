// Slots that the daemon has granted to this client and that no reservation holds yet: a reserve is served
// from here without asking.
#pragma once

#include "ipc/index_layout.h"
#include "ipc/size_class.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace uakv {

struct GrantedSlot {
    SegmentId segment = 0;
    std::uint32_t slot = 0;
    std::uint64_t offset = 0;
    std::uint64_t capacity = 0; // slot_bytes_of its size class
};

class Grants {
public:
    // A slot of exactly this class.
    std::optional<GrantedSlot> take(SizeClass size_class);

    // Keeps the slot for a later reserve; false when there are enough of its class, and the daemon should
    // have it back. `always`: keeps it in any case.
    bool keep(const GrantedSlot &slot, bool always = false);

private:
    std::mutex mutex_;
    std::vector<GrantedSlot> slots_[size_classes];
};

} // namespace uakv
