#include "daemon/tiers/gpu/device_segments.h"

#include "ipc/assertion.h"
#include "ipc/cuda/status.h"

#include <fcntl.h>
#include <utility>

namespace uakv::gpu {
namespace {

cuda::AllocationProp properties_of(const Device &device, bool rdma) {
    cuda::AllocationProp properties{};
    properties.type = cuda::allocation_pinned;
    properties.requested_handle_types = cuda::handle_posix_descriptor;
    properties.location = {cuda::location_device, device.ordinal};
    properties.alloc_flags.gpu_direct_rdma_capable = rdma ? 1 : 0;
    return properties;
}

// The memory itself stays for whoever has it mapped, or has a descriptor of it.
class Allocation {
public:
    Allocation(const cuda::Driver &driver, cuda::MemHandle handle) : driver_(driver), handle_(handle) {}
    Allocation(const Allocation &) = delete;
    Allocation &operator=(const Allocation &) = delete;
    ~Allocation() { driver_.call().mem_release(handle_); }
    cuda::MemHandle handle() const { return handle_; }

private:
    const cuda::Driver &driver_;
    cuda::MemHandle handle_;
};

} // namespace

Result<MadeSegment> DeviceSegments::make(std::uint64_t bytes) {
    UAKV_ASSERT(bytes != 0 && bytes % device_.granularity == 0);
    cuda::MemHandle handle = 0;
    cuda::Status status = cuda::success;
    for (const bool rdma : {true, false}) { // some say that they can, and then cannot
        if (rdma && !device_.rdma) {
            continue;
        }
        const cuda::AllocationProp properties = properties_of(device_, rdma);
        status = driver_.call().mem_create(&handle, bytes, &properties, 0);
        if (status == cuda::success || cuda::kind_of(status) == cuda::Kind::no_space) {
            break;
        }
    }
    if (status != cuda::success) {
        return driver_.error("cuMemCreate", status);
    }
    const Allocation allocation(driver_, handle);
    int descriptor = -1;
    status = driver_.call().mem_export_to_shareable_handle(&descriptor, allocation.handle(),
                                                           cuda::handle_posix_descriptor, 0);
    if (status != cuda::success) {
        return driver_.error("cuMemExportToShareableHandle", status);
    }
    MadeSegment segment;
    segment.fd = Fd(descriptor);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    return segment;
}

Result<MadeSegment> DeviceSegments::adopt(Fd fd, std::uint64_t bytes) {
    UAKV_ASSERT(bytes != 0 && fd.valid());
    cuda::MemHandle handle = 0;
    // The driver takes a descriptor by value, in the shape of a pointer.
    void *shareable = reinterpret_cast<void *>(static_cast<std::uintptr_t>(fd.get()));
    const cuda::Status status =
        driver_.call().mem_import_from_shareable_handle(&handle, shareable, cuda::handle_posix_descriptor);
    if (status == cuda::success) {
        const Allocation imported(driver_, handle);
    } else if (cuda::kind_of(status) != cuda::Kind::bad_context) { // else it wants a context, which we do not have
        return error(UAKV_ERR_LAYOUT, "one of its segments is no memory of %s any more: %s", device_.name.c_str(),
                     driver_.error("cuMemImportFromShareableHandle", status).detail.c_str());
    }
    MadeSegment segment;
    segment.fd = std::move(fd);
    return segment;
}

} // namespace uakv::gpu
