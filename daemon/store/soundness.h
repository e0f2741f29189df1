// Whether blocks in memory are what they were when they were stored: one on which doubt is cast, and all of those that
// a daemon has left that did not end in order.
#pragma once

#include "daemon/store/index_writer.h"
#include "daemon/store/segment_maker.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace uakv {

// `stored` is the block, or a frame of it. What cannot be decoded for want of memory is not called unsound.
bool is_sound(std::span<const std::byte> stored, const BlockDescription &block);

// Goes through the blocks in memory a few at a time. The death of a process does no harm to memory, so nobody waits.
class Suspects {
public:
    Suspects() = default;
    // Those of the entries below `end`.
    Suspects(std::string tenant, EntryId end);

    bool any() const { return next_ < end_; }

    // Looks at the next few, and returns those that have to go. Says so in the log when it is through.
    std::vector<EntryId> look(const IndexWriter &index, std::span<const MadeSegment> segments);

private:
    void report() const;

    std::string tenant_;
    EntryId next_ = 0;
    EntryId end_ = 0;
    std::uint64_t began_ns_ = 0;
    std::uint64_t blocks_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t unsound_ = 0;
};

} // namespace uakv
