// Device addresses of one process: what is reserved, mapped and registered, and where the host finds it. A device
// address is a host address plus a bias that makes no address of the host, so that a pointer taken for the wrong kind
// faults instead of working.
//
// Thread-safe. A Use keeps what was translated mapped: whoever copies holds one meanwhile.
#pragma once

#include "support/fakecuda/allocations.h"

#include <map>
#include <shared_mutex>
#include <vector>

namespace uakv::fakecuda {

// Bits that neither x86-64 nor aarch64 ignores, above every address that the kernel gives out unasked.
constexpr DevicePtr device_bias = DevicePtr{1} << 52;
constexpr DevicePtr registered_bias = DevicePtr{1} << 53;

enum class Want { read, write };

class AddressSpace {
public:
    static AddressSpace &get();

    Status reserve(DevicePtr *pointer, std::size_t bytes, std::size_t alignment);
    Status free(DevicePtr pointer, std::size_t bytes);
    Status map(DevicePtr pointer, std::size_t bytes, AllocationRef allocation);
    Status unmap(DevicePtr pointer, std::size_t bytes);
    Status free_allocated(DevicePtr pointer); // of cuMemAlloc: unmaps, and gives the reservation back
    Status set_access(DevicePtr pointer, std::size_t bytes, const AccessDesc *descriptions, std::size_t count);

    Status register_host(void *pointer, std::size_t bytes, unsigned flags);
    Status unregister_host(void *pointer);
    Status registered_pointer(DevicePtr *device_pointer, void *pointer) const;

    // Where `bytes` from there on are, or null: not mapped, not wholly, or not for this device and purpose. What a
    // kernel can reach: device memory, and registered memory by the pointer that cuMemHostGetDevicePointer gives.
    std::byte *reach(DevicePtr pointer, std::size_t bytes, Want want, int ordinal) const;
    // What a copy can reach besides: any host memory, but not across the end of a registered piece.
    std::byte *reach_for_copy(DevicePtr pointer, std::size_t bytes, Want want, int ordinal) const;
    // Host memory that is wholly registered: the device reads and writes it when its turn comes.
    bool is_registered(DevicePtr pointer, std::size_t bytes) const;

    std::uint64_t reservations() const;
    std::uint64_t mappings() const;
    std::uint64_t registrations() const;

    // While it lives, no mapping changes.
    class Use {
    public:
        explicit Use(const AddressSpace &space) : lock_(space.in_use_) {}

    private:
        std::shared_lock<std::shared_mutex> lock_;
    };

private:
    struct Mapped {
        std::size_t bytes;
        AllocationRef allocation;
        std::array<int, devices_max> access;
    };
    struct Registered {
        std::size_t bytes;
        unsigned flags;
    };
    using Place = std::map<DevicePtr, Mapped>::iterator;

    // All mappings of the range, which must begin and end with one; empty otherwise.
    std::vector<Place> exactly(DevicePtr pointer, std::size_t bytes);
    std::byte *device_memory(DevicePtr pointer, std::size_t bytes, Want want, int ordinal) const;
    const std::pair<const DevicePtr, Registered> *piece(DevicePtr host, std::size_t bytes) const;

    mutable std::shared_mutex in_use_; // taken before mutex_; exclusive to change anything
    mutable std::mutex mutex_;
    std::map<DevicePtr, std::size_t> reserved_;
    std::map<DevicePtr, Mapped> mapped_;         // by device address
    std::map<DevicePtr, Registered> registered_; // by host address
};

} // namespace uakv::fakecuda
