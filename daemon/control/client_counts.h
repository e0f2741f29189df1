// What clients count themselves, in memory that they share with us: hits, misses and how long their calls took. A
// client can write anything there, so these numbers are added up and shown, and nothing is decided by them.
#pragma once

#include "abi/uakv.h"
#include "ipc/session_layout.h"

#include <array>
#include <cstdint>

namespace uakv {

struct ClientCounts {
    std::uint64_t hits = 0;
    std::uint64_t bytes_hit = 0;
    std::uint64_t misses = 0;
    std::uint64_t misses_expired = 0;

    void add(const SessionHeader &header);
};

using Latencies = std::array<Histogram, timed_calls>; // by TimedCall

void add_latencies(Latencies &sum, const SessionLayout &session);

} // namespace uakv
