#include "daemon/store/counters.h"

#include "ipc/assertion.h"

namespace uakv {

void Counters::entered(SpaceId space, std::uint64_t length) {
    if (space >= spaces.size()) {
        spaces.resize(space + 1);
    }
    ++stores;
    bytes_stored += length;
    ++blocks;
    bytes_blocks += length;
    ++spaces[space].blocks;
    spaces[space].bytes += length;
}

void Counters::left(SpaceId space, std::uint64_t length, Departure why) {
    UAKV_ASSERT(space < spaces.size() && spaces[space].blocks > 0 && spaces[space].bytes >= length);
    --blocks;
    bytes_blocks -= length;
    --spaces[space].blocks;
    spaces[space].bytes -= length;
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
    }
}

} // namespace uakv
