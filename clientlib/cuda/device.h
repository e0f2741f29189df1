// A GPU as this process counts it, and the context in which the library calls the driver for it.
//
// The library makes no context of its own: where the calling thread has one on the device, that one is used, otherwise
// the primary one, as the CUDA runtime has it. What needs no context (a hit) never comes here.
#pragma once

#include "abi/uakv.h"
#include "ipc/cuda/driver.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace uakv {

class ClientDevice {
public:
    // Loads the driver when it is needed first. UAKV_ERR_GPU: there is none; UAKV_ERR_INVALID: it has no such device.
    static Result<std::shared_ptr<ClientDevice>> open(std::int32_t ordinal);

    // A primary context that was retained is let go, but not in a forked child, nor once the driver has shut down.
    ~ClientDevice();
    ClientDevice(const ClientDevice &) = delete;
    ClientDevice &operator=(const ClientDevice &) = delete;

    const cuda::Driver &driver() const { return driver_; }
    const cuda::Functions &call() const { return driver_.call(); }
    std::int32_t ordinal() const { return ordinal_; }
    cuda::Device handle() const { return handle_; }
    const cuda::Uuid &uuid() const { return uuid_; } // what the daemon knows it by

    // Retained at the first call, and kept.
    Result<cuda::Context> primary_context();

    // A context that was found to be on this device. One that is lost does not even say which it is on.
    void note(cuda::Context context);
    bool has_seen(cuda::Context context);

    // In a forked child, which CUDA does not survive: from here on nothing is given back to the driver.
    void abandon() { abandoned_ = true; }
    bool is_abandoned() const { return abandoned_; }

private:
    ClientDevice(const cuda::Driver &driver, std::int32_t ordinal, cuda::Device handle, const cuda::Uuid &uuid)
        : driver_(driver), ordinal_(ordinal), handle_(handle), uuid_(uuid) {}

    const cuda::Driver &driver_;
    const std::int32_t ordinal_;
    const cuda::Device handle_;
    const cuda::Uuid uuid_;
    std::mutex mutex_;
    cuda::Context primary_ = nullptr;
    std::vector<cuda::Context> seen_;
    bool abandoned_ = false;
};

// While it lives, the calling thread has a context on the device; then it has again the one from before.
class ContextScope {
public:
    static Result<ContextScope> enter(ClientDevice &device);

    ContextScope(ContextScope &&other) noexcept;
    ContextScope &operator=(ContextScope &&) = delete;
    ContextScope(const ContextScope &) = delete;
    ContextScope &operator=(const ContextScope &) = delete;
    ~ContextScope();

    cuda::Context context() const { return context_; }

private:
    ContextScope(ClientDevice &device, cuda::Context context, bool pushed)
        : device_(&device), context_(context), pushed_(pushed) {}

    ClientDevice *device_;
    cuda::Context context_;
    bool pushed_;
};

// The device of an open view or slot; null when it is not on one, or its client has disconnected.
ClientDevice *device_of(const uakv_view &view);
ClientDevice *device_of(const uakv_slot &slot);

} // namespace uakv
