// The segments of a device's arena in this process: one range of device addresses for all of them, in which each is
// mapped when it is met first. Kernels may read, and those of clients that store may write; for the others the mapping
// is read-only, as that of host memory is.
//
// Invariant: a segment that is mapped stays until nobody holds it; the range stays as long as one of them does.
#pragma once

#include "clientlib/cuda/device.h"
#include "clientlib/segments.h"

#include <cstdint>
#include <memory>
#include <mutex>

namespace uakv {

class ArenaSegments final : public SegmentMapper {
public:
    ArenaSegments(std::shared_ptr<ClientDevice> device, std::uint32_t capacity, std::uint64_t bytes, Access access)
        : device_(std::move(device)), capacity_(capacity), bytes_(bytes), access_(access) {}

    Result<std::shared_ptr<MappedSegment>> map(SegmentId segment, const Fd &fd) override;

private:
    class Range;
    class Segment;

    Result<std::shared_ptr<Range>> range();

    const std::shared_ptr<ClientDevice> device_;
    const std::uint32_t capacity_;
    const std::uint64_t bytes_;
    const Access access_;
    std::mutex mutex_;
    std::shared_ptr<Range> range_; // made with the first segment
};

} // namespace uakv
