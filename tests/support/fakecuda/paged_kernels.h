// The gather and scatter kernels as the stand-in runs them: C++ that reads the same parameter block and does what each
// thread of paged_copy.cu does. kernels.cc names them; tests without a driver call them by themselves.
#pragma once

#include <cstddef>
#include <cstdint>

namespace uakv::fakecuda {

struct Extent { // of a grid in CTAs, or of a CTA in threads
    unsigned x = 1;
    unsigned y = 1;
    unsigned z = 1;
};

// Device pointers mean nothing to the host: every access asks here first.
class DeviceMemory {
public:
    virtual ~DeviceMemory() = default;
    // The host address; null where these bytes are not mapped, or not with such access.
    virtual std::byte *find(std::uint64_t device_pointer, std::size_t bytes, bool write) const = 0;
};

constexpr std::size_t paged_copy_parameter_bytes = 4096; // the only parameter

// False: the launch does not fit the parameters, or an access was refused.
bool run_gather(Extent grid, Extent block, const void *parameter, const DeviceMemory &memory);
bool run_scatter(Extent grid, Extent block, const void *parameter, const DeviceMemory &memory);

} // namespace uakv::fakecuda
