// Where the memory of segments comes from: the machine's (host_segments.h), or that of a GPU (daemon/tiers/gpu). All
// else of a store is the same for both.
#pragma once

#include "ipc/fd.h"
#include "ipc/mapping.h"
#include "ipc/result.h"

#include <cstdint>

namespace uakv {

struct MadeSegment {
    Fd fd;           // the daemon's own
    Fd read_only_fd; // for clients that only read; not valid where they get `fd`, too
    Mapping mapping; // empty where the daemon cannot look at the memory
};

class SegmentSource {
public:
    SegmentSource() = default;
    SegmentSource(const SegmentSource &) = delete;
    SegmentSource &operator=(const SegmentSource &) = delete;
    virtual ~SegmentSource() = default;

    // Whether the daemon can look at the bytes of its segments.
    virtual bool is_addressable() const = 0;

    // A new one, whose memory is there. Called by the thread of a SegmentMaker; may take long. UAKV_ERR_NO_SPACE and
    // any other error: it is asked again later.
    virtual Result<MadeSegment> make(std::uint64_t bytes) = 0;

    // One that a daemon before has made. UAKV_ERR_LAYOUT: it is not what it should be.
    virtual Result<MadeSegment> adopt(Fd fd, std::uint64_t bytes) = 0;
};

} // namespace uakv
