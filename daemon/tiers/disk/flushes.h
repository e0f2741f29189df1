// Who waits for what was written to be durable.
#pragma once

#include "daemon/tiers/disk/compaction.h"

#include <cstdint>
#include <vector>

namespace uakv::disk {

class Flushes {
public:
    Flushes(Engine &engine, const Compaction::Parts &parts) : engine_(engine), parts_(parts) {}

    void add(DiskTier::Tag tag) { flushes_.push_back({tag, parts_.writer.upkeep_number(), ++number_, false}); }
    bool waiting() const { return !flushes_.empty(); }
    // A flush that does not get on is answered with UAKV_ERR_IO.
    void turn(bool can_reclaim);

private:
    struct Flush {
        DiskTier::Tag tag = 0;
        std::uint64_t upkeep = 0; // erasures up to this one are to be written first
        std::uint64_t number = 0;
        bool syncing = false;
    };
    void fail(bool with_syncing);
    void synced(std::uint64_t number, int error);

    Engine &engine_;
    Compaction::Parts parts_;
    std::vector<Flush> flushes_;
    std::uint64_t number_ = 0;
};

} // namespace uakv::disk
