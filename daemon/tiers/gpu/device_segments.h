// Segments in the memory of a GPU. Each is an allocation of the driver's, known by the descriptor that it was exported
// as; who has that descriptor can import and map it, and as long as anybody does, the memory stays. The daemon neither
// maps it nor keeps the driver's own handle, so it needs no context and its end frees nothing.
#pragma once

#include "daemon/store/segment_source.h"
#include "daemon/tiers/gpu/devices.h"

namespace uakv::gpu {

class DeviceSegments : public SegmentSource {
public:
    // The driver outlives it, as it does all of the process.
    DeviceSegments(const cuda::Driver &driver, Device device) : driver_(driver), device_(std::move(device)) {}

    bool is_addressable() const override { return false; }

    // `bytes` is a multiple of the device's granularity.
    Result<MadeSegment> make(std::uint64_t bytes) override;

    // Nobody can tell how large the memory behind a descriptor is but who maps it; that the driver knows it is checked.
    Result<MadeSegment> adopt(Fd fd, std::uint64_t bytes) override;

private:
    const cuda::Driver &driver_;
    const Device device_;
};

} // namespace uakv::gpu
