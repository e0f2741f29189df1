// Who waits until the host has all blocks of a space that are in the arena.
#pragma once

#include "daemon/flow/device_context.h"
#include "daemon/flow/device_downs.h"

#include <cstdint>
#include <map>
#include <optional>

namespace uakv::flow {

class DeviceFlushes {
public:
    DeviceFlushes(DeviceContext &context, DeviceDowns &downs) : context_(context), downs_(downs) {}

    void begin(SpaceId space, DeviceMover::Tag tag);
    bool cancel(DeviceMover::Tag tag);

    // How a copy ended that a flush waits for.
    void ended(const DeviceDowns::Ended &ended);

    // Bounded. When it wants to be called again at the latest, in ns from now.
    std::uint64_t turn(std::uint64_t now_ns);

private:
    struct Flush {
        SpaceId space = 0;
        std::optional<DeviceMover::Tag> tag; // nothing: nobody waits for it any more
        uakv_status status = UAKV_OK;
        EntryId cursor = 0;
        EntryId end = 0;
        std::uint64_t waits_for = 0;
        std::uint64_t blocked_ns = 0; // since when it cannot go on; 0: it can
    };
    enum class Walked : std::uint8_t { some, blocked, all };

    Walked walk(std::uint64_t number, Flush &flush, std::uint64_t now_ns);
    void fail(Flush &flush) const;

    DeviceContext &context_;
    DeviceDowns &downs_;
    std::map<std::uint64_t, Flush> flushes_;
    std::uint64_t next_ = 1;
};

} // namespace uakv::flow
