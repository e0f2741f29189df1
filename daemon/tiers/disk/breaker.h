// Opens when the disk does not answer or fails again and again: then nobody waits for it. Closes when it is well.
#pragma once

#include "daemon/tiers/disk/log_files.h"

#include <cstdint>

namespace uakv::disk {

class Breaker {
public:
    Breaker(Engine &engine, const LogFiles &files) : engine_(engine), files_(files), page_(page_bytes) {}

    // Sets engine.broken. While it is open, the header of a file is read each second to see whether the disk is well.
    void turn();
    // When it wants to look again, in ns from now; UINT64_MAX: when something is done.
    std::uint64_t wants_turn_ns() const;

private:
    void probe();
    bool stalled() const;

    Engine &engine_;
    const LogFiles &files_;
    PageBuffer page_; // for the probe
    bool probing_ = false;
    std::uint64_t next_probe_ns_ = 0;
};

} // namespace uakv::disk
