// The GPUs of the machine as the daemon needs them: who they are, how much memory they have, and whether segments in it
// can be shared with other processes, which is tried and not only asked. Made once at the start; makes no context.
#pragma once

#include "ipc/cuda/driver.h"
#include "ipc/fd.h"
#include "ipc/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uakv::gpu {

// Bytes in the order in which they are written: what daemon and clients call a device, for their ordinals may differ.
using Uuid = std::array<std::uint8_t, 16>;

// "GPU-5a3c...": as nvidia-smi writes it.
std::string text_of(const Uuid &uuid);
// 32 hex digits.
std::string hex_of(const Uuid &uuid);

struct Device {
    Uuid uuid{};
    int ordinal = 0;               // as this process counts
    std::string name;              // "NVIDIA H200"
    std::string bus_id;            // "0000:17:00.0"; empty: not known
    std::uint64_t bytes = 0;       // of its memory
    std::uint64_t granularity = 0; // of allocations
    bool rdma = false;             // other devices can reach its memory
    std::string why_not;           // no segments can be made there, and why; empty: they can

    bool is_usable() const { return why_not.empty(); }

    // Whether an operator who says this means it: an ordinal, or the UUID with or without "GPU-" and hyphens.
    bool is_called(std::string_view text) const;
};

class Devices {
public:
    // Loads the driver, `path` or the usual one, and looks. UAKV_ERR_GPU: there is none, and the detail says why.
    static Result<Devices> find(const std::string &path);

    const cuda::Driver &driver() const { return *driver_; }
    std::span<const Device> all() const { return all_; }
    const Device *find(const Uuid &uuid) const; // null: not here

private:
    explicit Devices(const cuda::Driver &driver) : driver_(&driver) {}
    Result<Device> look_at(int ordinal) const;
    Result<void> look_closely(Device &device, cuda::Device handle) const;
    Result<void> try_segment(const Device &device) const;

    const cuda::Driver *driver_;
    std::vector<Device> all_;
};

// The device's node, open: where the driver lets go of a device that nobody has open, and of its memory with it, the
// descriptors of segments alone would not keep it. Not valid where the device has no node of its own.
Fd open_node(const Device &device);

} // namespace uakv::gpu
