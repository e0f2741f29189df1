// A daemon with the stand-in driver, and processes that use a device through it. The process of a test itself never
// touches CUDA, for what it forks could not use it any more.
#pragma once

#include "gpu/gpu_client.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"

#include <atomic>
#include <functional>

namespace uakv::test {

constexpr std::size_t mebi = 1 << 20;
constexpr std::size_t arena_blocks = 16; // of one MiB, in the arena of these daemons

inline DaemonOptions gpu_daemon(const std::string &stand_in = "") {
    DaemonOptions options;
    options.environment = {{"UAKV_GPU_DRIVER", fakecuda::library},
                           {"UAKV_GPU_MEMORY", "16MiB"},
                           {"UAKV_GPU_SEGMENT", "2MiB"},
                           {"UAKV_FAKECUDA", stand_in}};
    return options;
}

// Runs all of a test's case in a process of its own.
template <void (*body)()> void in_child() {
    run_child(body);
}

// A step that processes wait for.
class Stage {
public:
    void reach(int stage) const { stage_->store(stage); }
    void await_stage(int stage) const {
        await("the other process is that far", [&] { return stage_->load() >= stage; });
    }

private:
    Shared<std::atomic<int>> stage_;
};

// Stores the bytes of the key from the device's stream, and waits for nothing.
inline void store_on_stream(uakv_space *space, const uakv_key &key, std::size_t n, cuda::Stream stream,
                            std::vector<std::uint8_t> &source) {
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve_cuda(space, &key, n, 0, nullptr, &slot), UAKV_OK);
    CHECK_EQ(slot.nbytes, n);
    enqueue_fill(slot, key, stream, source);
    CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
}

inline uakv_status look_on_device(uakv_space *space, const uakv_key &key, uakv_view &view) {
    uakv_retrieve_options options{};
    options.struct_size = sizeof options;
    options.flags = UAKV_RESIDENT_ONLY;
    return uakv_retrieve_cuda(space, &key, 0, &options, &view);
}

inline bool is_on_device(uakv_space *space, const uakv_key &key) {
    uakv_view view;
    const uakv_status status = look_on_device(space, key, view);
    if (status == UAKV_OK) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
        return true;
    }
    CHECK_STATUS(status, UAKV_MISS);
    return false;
}

inline void await_on_device(uakv_space *space, const uakv_key &key) {
    await("the block is on the device", [&] { return is_on_device(space, key); });
}

// Retrieves and compares.
inline void check_on_device(uakv_space *space, const uakv_key &key, std::size_t n) {
    uakv_view view;
    CHECK_STATUS(look_on_device(space, key, view), UAKV_OK);
    CHECK_EQ(view.nbytes, n);
    CHECK_EQ(view.tier, UAKV_TIER_GPU);
    CHECK_EQ(view.device, 0);
    check_block(bytes_of(view.data, n), n, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

// Stores it and waits until it is published.
inline void store_on_device(uakv_space *space, const uakv_key &key, std::size_t n) {
    const OwnStream stream;
    std::vector<std::uint8_t> source;
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve_cuda(space, &key, n, 0, nullptr, &slot), UAKV_OK);
    enqueue_fill(slot, key, stream, source);
    CHECK_EQ(driver().stream_synchronize(stream), cuda::success);
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
}

} // namespace uakv::test
