// Makes an index whole that a daemon has left at any moment, while clients look blocks up in it. They miss no block
// that is live before and after, and find none that is not: references never move, and a count that sends them further
// on is never lower than it has to be. See docs/hot-restart.md.
#pragma once

#include "ipc/index_layout.h"

#include <cstdint>
#include <functional>

namespace uakv {

struct IndexRepair {
    IndexRegion region;
    // Entries that may have been used: of blocks in memory, below `residents`; of those on disk alone, from cold_begin
    // to before cold_end.
    std::uint32_t residents = 0;
    EntryId cold_begin = 0;
    EntryId cold_end = 0;

    struct Outcome {
        std::uint64_t blocks = 0;       // live ones in memory
        std::uint64_t unbelievable = 0; // entries that were live and are retired: for what they say
        std::uint64_t unreachable = 0;  // because nothing leads to them, or to another block of the key first
        std::uint64_t cold = 0;         // because they are of blocks on disk
        std::uint64_t buckets = 0;      // that were not as they should be
    };

    // Afterwards exactly the live entries of blocks in memory have a reference, and each key has one at most.
    Outcome run(const std::function<bool(EntryId)> &is_believable) const;
};

} // namespace uakv
