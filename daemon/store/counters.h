// What happened to blocks since the daemon started, and what there is now.
#pragma once

#include "daemon/store/departures.h"

#include <cstdint>
#include <vector>

namespace uakv {

struct SpaceCounters {
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0; // their lengths
    std::uint64_t blocks_cold = 0;
    std::uint64_t bytes_cold = 0;
};

struct Counters {
    std::uint64_t stores = 0;
    std::uint64_t bytes_stored = 0;
    std::uint64_t exists = 0;
    std::uint64_t evictions = 0;
    std::uint64_t evictions_rebalance = 0; // of them
    std::uint64_t bytes_evicted = 0;
    std::uint64_t removals = 0;
    std::uint64_t expirations = 0;
    std::uint64_t corruptions = 0;
    std::uint64_t no_space = 0;
    std::uint64_t drops = 0; // blocks that the disk let go of and that were nowhere else
    std::uint64_t blocks = 0;
    std::uint64_t bytes_blocks = 0;
    std::uint64_t blocks_cold = 0; // on disk alone; not among `blocks`
    std::uint64_t bytes_cold = 0;
    std::vector<SpaceCounters> spaces; // by number; those that ever had a block

    // Memory: a client stored it, or it came from below; it left.
    void entered(SpaceId space, std::uint64_t length);
    void loaded(SpaceId space, std::uint64_t length);
    void left(SpaceId space, std::uint64_t length, Departure why);

    // Disk alone.
    void entered_cold(SpaceId space, std::uint64_t length);
    void left_cold(SpaceId space, std::uint64_t length); // it is in memory again
    void left_cold(SpaceId space, std::uint64_t length, Departure why);

private:
    SpaceCounters &of(SpaceId space);
    void count(Departure why, std::uint64_t length);
};

} // namespace uakv
