// Reads every block, some at a time, and so finds what is damaged before somebody wants it.
#pragma once

#include "daemon/tiers/disk/reader.h"

#include <cstdint>

namespace uakv::disk {

class Scrub {
public:
    Scrub(Engine &engine, Blocks &blocks, Reader &reader) : engine_(engine), blocks_(blocks), reader_(reader) {}

    // One at a time: false.
    bool begin(DiskTier::Tag tag);
    void turn();
    // There is more to read, and nothing to wait for.
    bool busy() const { return progress_.running && under_way_ == 0 && !engine_.broken; }
    const DiskTier::VerifyProgress &progress() const { return progress_; }

private:
    void check(BlockNumber number);

    Engine &engine_;
    Blocks &blocks_;
    Reader &reader_;
    DiskTier::VerifyProgress progress_;
    DiskTier::Tag tag_ = 0;
    BlockNumber next_ = 0;
    std::uint64_t under_way_ = 0;
    std::uint64_t bytes_under_way_ = 0;
};

} // namespace uakv::disk
