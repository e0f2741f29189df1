// The parts of the tier, put together.
#pragma once

#include "daemon/tiers/disk/breaker.h"
#include "daemon/tiers/disk/checkpoints.h"
#include "daemon/tiers/disk/flushes.h"
#include "daemon/tiers/disk/scrub.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace uakv::disk {

struct DiskTier::State {
    State(std::unique_ptr<Engine> engine, Recovered found, const std::vector<BlockDevice::FileInfo> &there,
          std::function<Moment()> clock);

    // What changes from one turn to the next, in the order in which one part gives to another.
    std::uint64_t turn(Moment now);
    std::uint64_t wants_turn_ns() const;
    void measure();

    SpaceNumber space_number(const SpaceDescription &description);
    void write(const Write &write);
    std::optional<uakv_status> refusal(const Write &write);
    void read(const Read &read);
    void erase(SpaceNumber space, const uakv_key &key);
    void clear(SpaceNumber space);
    // A block that cannot be read is forgotten for good.
    void forget_damaged(BlockNumber number);

    bool close(std::uint64_t timeout_ns);
    bool run_until(const std::function<bool()> &done, std::uint64_t deadline_ns);
    void wait(std::uint64_t timeout_ns);

    std::unique_ptr<Engine> engine;
    std::function<Moment()> clock;
    std::string description; // of the directory as it was found
    SpaceNumber next_space;
    std::unordered_map<std::string, SpaceNumber> space_numbers; // by the bytes of their description

    Blocks blocks;
    LogFiles files;
    LogWriter writer;
    Reader reader;
    Syncer syncer;
    Compaction compaction;
    Checkpoints checkpoints;
    Flushes flushes;
    Breaker breaker;
    Scrub scrub;

    std::uint64_t rounds_seen = 0;  // of syncs
    std::uint64_t written_seen = 0; // bytes, told to admission
    std::uint64_t window_ns = 0;    // since when the rate is measured
    std::uint64_t window_bytes = 0; // written before
};

// The options as they can be kept: a file is small beside the cap. What cannot be kept at all is an error.
Result<DiskOptions> fitting(const DiskOptions &options);

} // namespace uakv::disk
