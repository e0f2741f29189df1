// A process of the run: random calls on keys that all of them share, each written into its journal.
#pragma once

#include "history/journal.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace uakv::test {

// Lifetimes in the spaces: 0 is for ever.
inline constexpr uint32_t space_ttl_ms[space_count] = {0, 250, 0};

struct WorkerOptions {
    std::string socket_path;
    uint8_t process = 0;
    uint16_t incarnation = 0;
    uint64_t seed = 0;
};

// Works until told to stop, then ends all that is open. Throws Failure only at what has no place in a history.
void work(const WorkerOptions &options, Journal &journal, const std::atomic<bool> &stop);

} // namespace uakv::test
