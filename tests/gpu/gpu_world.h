// A device of the stand-in driver, with memory that the host can look at and streams; all is given back at the end.
#pragma once

#include "support/check.h"
#include "support/fakecuda/fakecuda.h"

#include "ipc/cuda/driver.h"

#include <cstring>
#include <vector>

namespace uakv::test {

inline const cuda::Driver &fake_driver() {
    auto driver = cuda::Driver::get(fakecuda::library);
    CHECK_MESSAGE(driver.ok(), driver.error().detail);
    return *driver.value();
}

inline void check_cuda(cuda::Status status, const char *what) {
    CHECK_MESSAGE(status == cuda::success, std::string(what) + ": " + fake_driver().describe(status));
}
#define CHECK_CUDA(call) check_cuda(call, #call)

class GpuWorld {
public:
    explicit GpuWorld(int ordinal = 0) : call(fake_driver().call()), device_(ordinal) {
        CHECK_CUDA(call.device_primary_ctx_retain(&context, device_));
        CHECK_CUDA(call.ctx_push_current(context));
        CHECK_CUDA(call.stream_create(&stream, cuda::stream_non_blocking));
        leave();
    }
    GpuWorld(const GpuWorld &) = delete;
    GpuWorld &operator=(const GpuWorld &) = delete;
    ~GpuWorld() {
        fakecuda::controls().mend();
        static_cast<void>(call.ctx_push_current(context));
        static_cast<void>(call.stream_synchronize(stream));
        static_cast<void>(call.stream_destroy(stream));
        for (const cuda::DevicePtr each : allocated_) {
            static_cast<void>(call.mem_free(each));
        }
        leave();
        static_cast<void>(call.device_primary_ctx_release(device_));
    }

    std::uint64_t allocate(std::size_t bytes) {
        CHECK_CUDA(call.ctx_push_current(context));
        CHECK_CUDA(call.mem_alloc(&allocated_.emplace_back(), bytes));
        leave();
        return allocated_.back();
    }
    static std::byte *host(std::uint64_t pointer, std::size_t bytes) {
        auto *found = static_cast<std::byte *>(fakecuda::controls().host_address(pointer, bytes));
        CHECK(found != nullptr);
        return found;
    }
    static void put(std::uint64_t pointer, const std::vector<std::byte> &bytes) {
        std::memcpy(host(pointer, bytes.size()), bytes.data(), bytes.size());
    }
    static std::vector<std::byte> get(std::uint64_t pointer, std::size_t bytes) {
        const std::byte *from = host(pointer, bytes);
        return {from, from + bytes};
    }
    cuda::Status end() const {
        CHECK_CUDA(call.ctx_push_current(context));
        const cuda::Status status = call.stream_synchronize(stream);
        leave();
        return status;
    }
    void finish() const { CHECK_CUDA(end()); }

    const cuda::Functions &call;
    cuda::Context context = nullptr;
    cuda::Stream stream = nullptr;

private:
    void leave() const {
        cuda::Context popped = nullptr;
        static_cast<void>(call.ctx_pop_current(&popped));
    }

    const cuda::Device device_;
    std::vector<cuda::DevicePtr> allocated_;
};

} // namespace uakv::test
