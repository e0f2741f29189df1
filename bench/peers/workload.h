// The same work on each peer, in turns: what else happens on the machine meets all of them.
//
// One process stores a window of blocks, as many as fill half of the memory that each peer may take; then client
// processes, started after that, connect, compare each byte of each block once, and work:
//
//   in_hand   a random block of the window, until the caller has a pointer to all of it: in place where the peer can,
//             otherwise in a buffer of the caller's; and its release
//   summed    the same, and every byte is read once (added up) before the release
//   copied    until a buffer of the caller's holds the block; without in-place reads that is in_hand
//   mixed     nine of ten are `summed`, one stores a new block; memory is full, so each store makes something leave.
//             The window moves along: it is always the newest blocks, which no LRU should have let go
//   store     only new blocks, by one process, into full memory
//
// After the last of it the blocks that are still there are compared once more.
#pragma once

#include "peer.h"

#include <array>
#include <string>
#include <vector>

namespace uakv::bench {

enum class Work { in_hand, summed, copied, mixed, store };
constexpr std::array all_works{Work::in_hand, Work::summed, Work::copied, Work::mixed, Work::store};

struct WorkPlan {
    unsigned runs;
    std::uint64_t run_ns; // of each peer, work and run
    std::uint64_t memory_bytes;
};

struct WorkCase {
    std::uint64_t block_bytes;
    unsigned processes;
};

// Of one run. Latencies are of retrieves that found their block, in store those of stores.
struct Outcome {
    double p50_ns = 0;
    double p99_ns = 0;
    double operations_per_s = 0;
    double gigabytes_per_s = 0;
    double found_percent = 0; // of the retrieves
};

// outcomes[work][peer][run]; no runs where a peer does not do that work.
using Outcomes = std::array<std::vector<std::vector<Outcome>>, all_works.size()>;

// All kinds must be there. Throws when a byte is wrong or a peer fails.
Outcomes do_work(const WorkPlan &plan, const WorkCase &what, const std::vector<PeerKind> &kinds,
                 const Programs &programs, const Contents &contents);

} // namespace uakv::bench
