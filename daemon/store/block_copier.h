// Copies blocks between the memory of a device and that of the host. Two implementations: that of the GPU tier, with a
// driver and a thread (daemon/tiers/gpu), and that of the simulation. Called by a DeviceMover, in the reactor.
#pragma once

#include "abi/uakv.h"
#include "ipc/index_layout.h"

#include <cstdint>
#include <vector>

namespace uakv {

class BlockCopier {
public:
    virtual ~BlockCopier() = default;

    using Tag = std::uint64_t; // chosen by the caller, given back unread
    enum class Way : std::uint8_t { down, up };
    struct Place {
        SegmentId segment = 0;
        std::uint64_t offset = 0;
    };
    struct Copy {
        Way way = Way::down;
        Place device;
        Place host;
        std::uint64_t bytes = 0;
        Tag tag = 0;
    };

    // Never waits. Until the copy is done its source stays as it is, and nobody else uses its target.
    virtual void begin(const Copy &copy) = 0;

    // Appends what is done since the last call, in any order: each copy once. UAKV_ERR_GPU: the driver has refused it,
    // and the target holds anything.
    struct Done {
        Tag tag = 0;
        uakv_status status = UAKV_OK;
    };
    virtual void take_done(std::vector<Done> &done) = 0;

    // The device fails for good: every copy from here on ends in UAKV_ERR_GPU.
    virtual bool has_failed() const = 0;
};

} // namespace uakv
