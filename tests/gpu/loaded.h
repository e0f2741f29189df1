// The stand-in driver, loaded into this process, with a current context: what most tests of it begin with.
#pragma once

#include "ipc/cuda/driver.h"
#include "support/check.h"
#include "support/fakecuda/fakecuda.h"

namespace uakv::test {

// A status of the driver that must be this one.
inline void check_driver_status(cuda::Status actual, cuda::Status expected, const char *text, const char *file,
                                int line) {
    check_equal(actual, expected, text, file, line);
}
#define CHECK_CUDA(call, expected) ::uakv::test::check_driver_status(call, expected, #call, __FILE__, __LINE__)
#define CHECK_DONE(call) CHECK_CUDA(call, ::uakv::cuda::success)

// With these options (fakecuda.h); for a process that has not loaded the stand-in before.
inline const cuda::Driver &load_fake(const char *options = "") {
    fakecuda::controls().configure(options);
    auto driver = cuda::Driver::get(fakecuda::library);
    CHECK_MESSAGE(driver.ok(), driver.ok() ? "" : driver.error().detail);
    return *driver.value();
}

// The primary context of a device, current on this thread for as long as it lives.
class Current {
public:
    explicit Current(const cuda::Driver &driver, cuda::Device device = 0) : driver_(driver), device_(device) {
        CHECK_DONE(driver_.call().device_primary_ctx_retain(&context_, device_));
        CHECK_DONE(driver_.call().ctx_push_current(context_));
    }
    Current(const Current &) = delete;
    Current &operator=(const Current &) = delete;
    ~Current() {
        cuda::Context popped = nullptr;
        if (driver_.call().ctx_pop_current(&popped) != cuda::success || popped != context_) {
            fail_later("the context of this thread is not the one that was made current");
        }
        if (driver_.call().device_primary_ctx_release(device_) != cuda::success) {
            fail_later("the primary context cannot be released");
        }
    }

    cuda::Context context() const { return context_; }

private:
    const cuda::Driver &driver_;
    cuda::Device device_;
    cuda::Context context_ = nullptr;
};

// What cuMemCreate is given for memory that other processes can map.
inline cuda::AllocationProp exportable_memory(int ordinal = 0) {
    cuda::AllocationProp properties = {};
    properties.type = cuda::allocation_pinned;
    properties.requested_handle_types = cuda::handle_posix_descriptor;
    properties.location = {cuda::location_device, ordinal};
    return properties;
}

// Reserves addresses for an allocation and maps it there.
inline cuda::DevicePtr map_memory(const cuda::Driver &driver, cuda::MemHandle handle, std::size_t bytes,
                                  int access = cuda::access_read_write, int ordinal = 0) {
    const cuda::AccessDesc description = {{cuda::location_device, ordinal}, access};
    cuda::DevicePtr pointer = 0;
    CHECK_DONE(driver.call().mem_address_reserve(&pointer, bytes, 0, 0, 0));
    CHECK_DONE(driver.call().mem_map(pointer, bytes, 0, handle, 0));
    CHECK_DONE(driver.call().mem_set_access(pointer, bytes, &description, 1));
    return pointer;
}

inline void unmap_memory(const cuda::Driver &driver, cuda::DevicePtr pointer, std::size_t bytes) {
    CHECK_DONE(driver.call().mem_unmap(pointer, bytes));
    CHECK_DONE(driver.call().mem_address_free(pointer, bytes));
}

} // namespace uakv::test
