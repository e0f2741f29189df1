#include "clientlib/cuda/arena_segments.h"

#include <utility>

namespace uakv {

// Reserved addresses of the device.
class ArenaSegments::Range {
public:
    Range(std::shared_ptr<ClientDevice> device, cuda::DevicePtr base, std::uint64_t bytes)
        : device_(std::move(device)), base_(base), bytes_(bytes) {}
    ~Range() {
        if (!device_->is_abandoned()) {
            const auto scope = ContextScope::enter(*device_); // this thread may never have had one
            static_cast<void>(device_->call().mem_address_free(base_, bytes_));
        }
    }
    Range(const Range &) = delete;
    Range &operator=(const Range &) = delete;

    ClientDevice &device() const { return *device_; }
    cuda::DevicePtr base() const { return base_; }

private:
    const std::shared_ptr<ClientDevice> device_;
    const cuda::DevicePtr base_;
    const std::uint64_t bytes_;
};

// Takes a place in the range that is mapped already. What fails at the end is left to the driver, which may have shut
// down before us.
class ArenaSegments::Segment final : public MappedSegment {
public:
    Segment(std::shared_ptr<Range> range, cuda::DevicePtr place, std::uint64_t bytes)
        : range_(std::move(range)), place_(place), bytes_(bytes) {}
    ~Segment() override {
        if (!range_->device().is_abandoned()) {
            const auto scope = ContextScope::enter(range_->device());
            static_cast<void>(range_->device().call().mem_unmap(place_, bytes_));
        }
    }
    Segment(const Segment &) = delete;
    Segment &operator=(const Segment &) = delete;

    std::byte *base() const override {
        return reinterpret_cast<std::byte *>(place_); // NOLINT(performance-no-int-to-ptr): never followed here
    }
    void abandon() override {} // the device is

private:
    const std::shared_ptr<Range> range_;
    const cuda::DevicePtr place_;
    const std::uint64_t bytes_;
};

Result<std::shared_ptr<ArenaSegments::Range>> ArenaSegments::range() {
    const std::scoped_lock lock(mutex_);
    if (range_ == nullptr) {
        const std::uint64_t all = capacity_ * bytes_;
        cuda::DevicePtr base = 0;
        const cuda::Status status = device_->call().mem_address_reserve(&base, all, 0, 0, 0);
        if (status != cuda::success) {
            return device_->driver().error("cuMemAddressReserve", status);
        }
        range_ = std::make_shared<Range>(device_, base, all);
    }
    return range_;
}

Result<std::shared_ptr<MappedSegment>> ArenaSegments::map(SegmentId segment, const Fd &fd) {
    auto scope = ContextScope::enter(*device_);
    if (!scope.ok()) {
        return scope.take_error();
    }
    auto range = this->range();
    if (!range.ok()) {
        return range.take_error();
    }
    const cuda::Functions &call = device_->call();
    const cuda::Driver &driver = device_->driver();
    cuda::MemHandle handle = 0;
    auto *shareable = reinterpret_cast<void *>(static_cast<std::intptr_t>(fd.get())); // NOLINT: as the driver wants it
    if (const cuda::Status status =
            call.mem_import_from_shareable_handle(&handle, shareable, cuda::handle_posix_descriptor);
        status != cuda::success) {
        return driver.error("cuMemImportFromShareableHandle", status);
    }
    const cuda::DevicePtr place = range.value()->base() + segment * bytes_;
    const cuda::Status mapped = call.mem_map(place, bytes_, 0, handle, 0);
    static_cast<void>(call.mem_release(handle)); // the mapping keeps the memory
    if (mapped != cuda::success) {
        return driver.error("cuMemMap", mapped);
    }
    auto owner = std::make_shared<Segment>(range.value(), place, bytes_);
    const cuda::AccessDesc access{{cuda::location_device, device_->handle()},
                                  access_ == Access::read_only ? cuda::access_read : cuda::access_read_write};
    if (const cuda::Status status = call.mem_set_access(place, bytes_, &access, 1); status != cuda::success) {
        return driver.error("cuMemSetAccess", status);
    }
    return std::shared_ptr<MappedSegment>(std::move(owner));
}

} // namespace uakv
