#include "clientlib/cuda/device.h"

#include <algorithm>
#include <utility>

namespace uakv {

Result<std::shared_ptr<ClientDevice>> ClientDevice::open(std::int32_t ordinal) {
    auto loaded = cuda::Driver::get();
    if (!loaded.ok()) {
        return loaded.take_error();
    }
    const cuda::Driver &driver = *loaded.value();
    int count = 0;
    if (const cuda::Status status = driver.call().device_get_count(&count); status != cuda::success) {
        return driver.error("cuDeviceGetCount", status);
    }
    if (ordinal < 0 || ordinal >= count) {
        return error(UAKV_ERR_INVALID, "device %d: this process sees %d CUDA devices, counted from 0", ordinal, count);
    }
    cuda::Device handle = 0;
    if (const cuda::Status status = driver.call().device_get(&handle, ordinal); status != cuda::success) {
        return driver.error("cuDeviceGet", status);
    }
    cuda::Uuid uuid{};
    if (const cuda::Status status = driver.call().device_get_uuid(&uuid, handle); status != cuda::success) {
        return driver.error("cuDeviceGetUuid", status);
    }
    return std::shared_ptr<ClientDevice>(new ClientDevice(driver, ordinal, handle, uuid));
}

ClientDevice::~ClientDevice() {
    if (primary_ != nullptr && !abandoned_) {
        static_cast<void>(call().device_primary_ctx_release(handle_));
    }
}

Result<cuda::Context> ClientDevice::primary_context() {
    const std::scoped_lock lock(mutex_);
    if (primary_ == nullptr) {
        cuda::Context made = nullptr;
        if (const cuda::Status status = call().device_primary_ctx_retain(&made, handle_); status != cuda::success) {
            return driver_.error("cuDevicePrimaryCtxRetain", status);
        }
        primary_ = made;
    }
    return primary_;
}

void ClientDevice::note(cuda::Context context) {
    const std::scoped_lock lock(mutex_);
    if (std::find(seen_.begin(), seen_.end(), context) == seen_.end()) {
        seen_.push_back(context);
    }
}

bool ClientDevice::has_seen(cuda::Context context) {
    const std::scoped_lock lock(mutex_);
    return std::find(seen_.begin(), seen_.end(), context) != seen_.end();
}

Result<ContextScope> ContextScope::enter(ClientDevice &device) {
    const cuda::Functions &call = device.call();
    cuda::Context current = nullptr;
    if (const cuda::Status status = call.ctx_get_current(&current); status != cuda::success) {
        return device.driver().error("cuCtxGetCurrent", status);
    }
    if (current != nullptr) {
        cuda::Device of = 0;
        const cuda::Status status = call.ctx_get_device(&of);
        if (status == cuda::success ? of == device.handle() : device.has_seen(current)) {
            device.note(current);
            return ContextScope(device, current, false);
        }
        if (status != cuda::success) {
            return device.driver().error("cuCtxGetDevice", status);
        }
    }
    auto primary = device.primary_context();
    if (!primary.ok()) {
        return primary.take_error();
    }
    if (const cuda::Status status = call.ctx_push_current(primary.value()); status != cuda::success) {
        return device.driver().error("cuCtxPushCurrent", status);
    }
    return ContextScope(device, primary.value(), true);
}

ContextScope::ContextScope(ContextScope &&other) noexcept
    : device_(other.device_), context_(other.context_), pushed_(std::exchange(other.pushed_, false)) {}

ContextScope::~ContextScope() {
    if (pushed_) {
        cuda::Context popped = nullptr;
        static_cast<void>(device_->call().ctx_pop_current(&popped));
    }
}

} // namespace uakv
