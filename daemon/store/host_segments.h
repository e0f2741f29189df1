// Segments in the machine's memory, each a memfd of its own.
#pragma once

#include "daemon/store/segment_source.h"

namespace uakv {

class HostSegments : public SegmentSource {
public:
    bool is_addressable() const override { return true; }
    Result<MadeSegment> make(std::uint64_t bytes) override;
    Result<MadeSegment> adopt(Fd fd, std::uint64_t bytes) override;
};

} // namespace uakv
