// What tests of the client library's devices share: the stand-in driver, streams of a caller, and device memory as the
// host sees it.
#pragma once

#include "ipc/cuda/driver.h"
#include "support/check.h"
#include "support/fakecuda/fakecuda.h"
#include "support/pattern.h"

#include <uakv_cuda.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace uakv::test {

// Before the library asks for a driver, and for the daemons that are started from here on.
inline void use_stand_in(const char *options = "") {
    ::setenv("UAKV_CUDA_DRIVER", fakecuda::library, 1);
    ::setenv("UAKV_FAKECUDA", options, 1);
}

inline const cuda::Functions &driver() {
    static const cuda::Functions &functions = []() -> const cuda::Functions & {
        auto loaded = cuda::Driver::get(fakecuda::library);
        CHECK_MESSAGE(loaded.ok(), loaded.ok() ? "" : loaded.error().detail);
        return loaded.value()->call();
    }();
    return functions;
}

inline const fakecuda::Controls &fake() {
    return fakecuda::controls();
}

// A caller of CUDA: the primary context of a device is current in this thread.
class Caller {
public:
    explicit Caller(int ordinal = 0) {
        CHECK_EQ(driver().device_get(&device_, ordinal), cuda::success);
        CHECK_EQ(driver().device_primary_ctx_retain(&context_, device_), cuda::success);
        CHECK_EQ(driver().ctx_push_current(context_), cuda::success);
    }
    Caller(const Caller &) = delete;
    Caller &operator=(const Caller &) = delete;
    ~Caller() {
        cuda::Context popped = nullptr;
        driver().ctx_pop_current(&popped);
        driver().device_primary_ctx_release(device_);
    }
    cuda::Context context() const { return context_; }

private:
    cuda::Device device_ = 0;
    cuda::Context context_ = nullptr;
};

class OwnStream {
public:
    OwnStream() { CHECK_EQ(driver().stream_create(&stream_, cuda::stream_non_blocking), cuda::success); }
    OwnStream(OwnStream &&other) noexcept : stream_(other.stream_) { other.stream_ = nullptr; }
    OwnStream &operator=(OwnStream &&) = delete;
    OwnStream(const OwnStream &) = delete;
    OwnStream &operator=(const OwnStream &) = delete;
    ~OwnStream() { destroy(); }

    operator cuda::Stream() const { return stream_; }
    // What it has to do, it still does.
    void destroy() {
        if (stream_ != nullptr) {
            driver().stream_destroy(stream_);
            stream_ = nullptr;
        }
    }

private:
    cuda::Stream stream_ = nullptr;
};

inline cuda::DevicePtr address_of(const void *data) {
    return reinterpret_cast<cuda::DevicePtr>(data);
}

// The bytes of a block of the device, as the host sees them.
inline const std::uint8_t *bytes_of(const void *data, std::size_t n) {
    const void *bytes = fake().host_address(address_of(data), n);
    CHECK_MESSAGE(bytes != nullptr, "the block is not mapped");
    return static_cast<const std::uint8_t *>(bytes);
}

// Enqueues what writes the bytes of the key into the slot; `source` must stay until the stream has done it.
inline void enqueue_fill(const uakv_slot &slot, const uakv_key &key, cuda::Stream stream,
                         std::vector<std::uint8_t> &source) {
    source = make_block(slot.nbytes, key);
    CHECK_EQ(driver().memcpy_htod_async(address_of(slot.data), source.data(), slot.nbytes, stream), cuda::success);
}

} // namespace uakv::test
