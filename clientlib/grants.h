// Slots that the daemon has granted to this client and that no reservation holds yet: a reserve is served from
// here without asking. The daemon may take them back at any moment (ipc/kept_slots.h).
#pragma once

#include "ipc/kept_slots.h"
#include "ipc/size_class.h"

#include <array>
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
    explicit Grants(SessionLayout &session) : session_(session) {}

    // A slot of exactly this class.
    std::optional<GrantedSlot> take(SizeClass size_class);

    // Keeps the slot for a later reserve; false when there are enough of its class, and the daemon should have
    // it back.
    bool keep(const GrantedSlot &slot);

    // Keeps it in any case: for when the daemon cannot be told.
    void keep_always(const GrantedSlot &slot);

private:
    struct Place {
        bool used = false;
        GrantedSlot slot;
    };

    SessionLayout &session_;
    std::mutex mutex_;
    std::array<Place, limits::kept_slots_max> places_{};
    std::vector<GrantedSlot> stranded_; // beyond the places; the daemon cannot take these back
};

} // namespace uakv
