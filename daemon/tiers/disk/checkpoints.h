// When a checkpoint is made, where it finds room, and which ones go.
#pragma once

#include "daemon/tiers/disk/checkpoint.h"
#include "daemon/tiers/disk/compaction.h"

#include <cstdint>
#include <vector>

namespace uakv::disk {

class Checkpoints {
public:
    Checkpoints(Engine &engine, const Compaction::Parts &parts, Compaction &compaction);

    void adopt(const Recovered &found, const std::vector<BlockDevice::FileInfo> &there);

    void turn();
    bool running() const { return checkpointer_.running(); }
    // In ns from now.
    std::uint64_t wants_turn_ns() const;

    // At the end: there is something that the last one does not tell, and room for one that does.
    bool is_stale() const;
    bool has_place() const;
    // Now, whatever the time. False: it cannot be begun.
    bool begin();
    bool last_failed() const { return last_failed_; }

private:
    bool due() const;
    void ended(std::uint32_t number, std::uint64_t sequence, int error);
    void remove_old(std::uint32_t newest);

    Engine &engine_;
    Compaction::Parts parts_;
    Compaction &compaction_;
    Checkpointer checkpointer_;
    std::uint32_t next_number_ = 1;
    std::vector<std::uint32_t> old_; // that are there
    std::uint64_t sequence_ = 0;     // that the last one tells of
    std::uint64_t log_bytes_ = 0;    // when it was begun
    std::uint64_t ended_ns_ = 0;
    bool last_failed_ = false;
    Backoff backoff_;
};

} // namespace uakv::disk
