// Brings blocks into memory that nobody waits for: those that clients have said they will want, and the most used ones
// of the disk, at start or when an operator asks.
#pragma once

#include "daemon/flow/fetches.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace uakv::flow {

class Warmer {
public:
    Warmer(Context &context, Fetches &fetches) : context_(context), fetches_(fetches) {}

    // Forgotten when there are too many.
    void hint(const BlockKey &block);

    // The `count` most used, as long as nothing has to leave memory for them. Replaces what is left of an earlier one.
    void warm(std::optional<SpaceId> space, std::uint64_t count);

    // True when there is more to do at once.
    bool turn();

    std::uint64_t left() const { return wanted_ != 0 ? wanted_ : chosen_.size(); }

private:
    using Candidate = std::pair<std::uint32_t, disk::BlockNumber>; // by uses

    void choose();

    Context &context_;
    Fetches &fetches_;
    std::deque<BlockKey> hints_;

    std::optional<disk::SpaceNumber> space_;
    bool of_one_space_ = false;
    std::uint64_t wanted_ = 0; // while the catalog is gone through; 0: it is not
    disk::BlockNumber cursor_ = 0;
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> best_; // the least used of them on top
    std::vector<BlockKey> chosen_;                                                // the most used last
};

} // namespace uakv::flow
