// What is only in memory when the daemon stops: written like what a flush wants, the most used first, for as long as
// there is time.
#pragma once

#include "daemon/flow/cleaner.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace uakv::flow {

class LastWrites {
public:
    LastWrites(Context &context, Writes &writes, const Cleaner &cleaner)
        : context_(context), writes_(writes), cleaner_(cleaner) {}

    void choose();

    // Begins what the disk takes now. True when there is more.
    bool turn();

private:
    struct Candidate {
        std::uint32_t uses = 0;
        std::uint64_t last_used = 0;
        EntryId entry = 0;
    };

    Context &context_;
    Writes &writes_;
    const Cleaner &cleaner_;
    std::vector<Candidate> candidates_; // the most used last
};

} // namespace uakv::flow
