#include "daemon/store/counters.h"

#include "ipc/assertion.h"

namespace uakv {

SpaceCounters &Counters::of(SpaceId space) {
    if (space >= spaces.size()) {
        spaces.resize(space + 1);
    }
    return spaces[space];
}

void Counters::entered(SpaceId space, std::uint64_t length) {
    ++stores;
    bytes_stored += length;
    loaded(space, length);
}

void Counters::loaded(SpaceId space, std::uint64_t length) {
    SpaceCounters &counters = of(space);
    ++blocks;
    bytes_blocks += length;
    ++counters.blocks;
    counters.bytes += length;
}

void Counters::left(SpaceId space, std::uint64_t length, Departure why) {
    SpaceCounters &counters = of(space);
    UAKV_ASSERT(counters.blocks > 0 && counters.bytes >= length);
    --blocks;
    bytes_blocks -= length;
    --counters.blocks;
    counters.bytes -= length;
    count(why, length);
}

void Counters::entered_cold(SpaceId space, std::uint64_t length) {
    SpaceCounters &counters = of(space);
    ++blocks_cold;
    bytes_cold += length;
    ++counters.blocks_cold;
    counters.bytes_cold += length;
}

void Counters::left_cold(SpaceId space, std::uint64_t length) {
    SpaceCounters &counters = of(space);
    UAKV_ASSERT(counters.blocks_cold > 0 && counters.bytes_cold >= length);
    --blocks_cold;
    bytes_cold -= length;
    --counters.blocks_cold;
    counters.bytes_cold -= length;
}

void Counters::left_cold(SpaceId space, std::uint64_t length, Departure why) {
    left_cold(space, length);
    count(why, length);
}

void Counters::count(Departure why, std::uint64_t length) {
    switch (why) {
    case Departure::rebalanced:
        ++evictions_rebalance;
        [[fallthrough]];
    case Departure::evicted:
        ++evictions;
        bytes_evicted += length;
        break;
    case Departure::removed:
    case Departure::cleared:
        ++removals;
        break;
    case Departure::expired:
        ++expirations;
        break;
    case Departure::corrupt:
        ++corruptions;
        break;
    case Departure::dropped:
        ++drops;
        break;
    }
}

} // namespace uakv
