// What happened to blocks since the daemon started, and what there is now.
#pragma once

#include <cstdint>

namespace uakv {

enum class Departure { evicted, removed, expired, corrupt };

struct Counters {
    std::uint64_t stores = 0;
    std::uint64_t bytes_stored = 0;
    std::uint64_t exists = 0;
    std::uint64_t evictions = 0;
    std::uint64_t bytes_evicted = 0;
    std::uint64_t removals = 0;
    std::uint64_t expirations = 0;
    std::uint64_t corruptions = 0;
    std::uint64_t no_space = 0;
    std::uint64_t blocks = 0;
    std::uint64_t bytes_blocks = 0;
};

} // namespace uakv
