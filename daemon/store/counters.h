// What happened to blocks since the daemon started, and what there is now.
#pragma once

#include "daemon/store/departures.h"

#include <cstdint>
#include <vector>

namespace uakv {

struct SpaceCounters {
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0; // their lengths
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
    std::uint64_t blocks = 0;
    std::uint64_t bytes_blocks = 0;
    std::vector<SpaceCounters> spaces; // by number; those that ever had a block

    void entered(SpaceId space, std::uint64_t length);
    void left(SpaceId space, std::uint64_t length, Departure why);
};

} // namespace uakv
