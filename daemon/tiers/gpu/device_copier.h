// Moves the bytes for a DeviceMover, with a thread of its own, so that the reactor calls nothing of CUDA. There is no
// context on the device before the first copy; an engine that could not be had is tried again after a while.
//
// The memory of the host's store is registered with the driver bit by bit, while there is nothing to copy: copies of
// memory that is not registered yet are only slower.
#pragma once

#include "daemon/base/log_bucket.h"
#include "daemon/store/block_copier.h"
#include "daemon/store/store.h"
#include "daemon/tiers/gpu/copy_engine.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace uakv::gpu {

class DeviceCopier final : public BlockCopier {
public:
    // Between these two; they, and the driver, go after it. `name` of the device, for logs.
    static Result<std::unique_ptr<DeviceCopier>> start(const cuda::Driver &driver, int ordinal, std::string name,
                                                       Store &arena, Store &host);
    ~DeviceCopier() override; // waits for what the device does just now; what was not begun is not done
    DeviceCopier(const DeviceCopier &) = delete;
    DeviceCopier &operator=(const DeviceCopier &) = delete;

    void begin(const Copy &copy) override;
    void take_done(std::vector<Done> &done) override;
    bool has_failed() const override { return failed_.load(std::memory_order_relaxed); }

    // Becomes readable when something is done.
    const Fd &event() const { return event_; }

    std::uint64_t bytes_registered() const { return bytes_registered_.load(std::memory_order_relaxed); }
    bool has_context() const { return has_context_.load(std::memory_order_relaxed); }

private:
    struct Job {
        CopyEngine::Job copy;
        Fd descriptor; // of the segment, where the thread may not have it
    };

    DeviceCopier(const cuda::Driver &driver, int ordinal, std::string name, Store &arena, Store &host, Fd event);
    void serve();
    bool wait_for_work(std::unique_lock<std::mutex> &lock);
    void work(std::deque<Job> jobs);
    CopyEngine *engine();
    bool import(CopyEngine &engine, const Job &job);
    void register_next();
    void note_trouble(const std::string &what);
    void end(Tag tag, uakv_status status);
    void finish_ended();

    const cuda::Driver &driver_;
    const int ordinal_;
    const std::string name_;
    Store &arena_; // these two are the reactor's
    Store &host_;
    SegmentId segments_told_ = 0; // of the host's, the thread knows of
    Fd event_;
    std::atomic<bool> failed_{false};
    std::atomic<bool> has_context_{false};
    std::atomic<std::uint64_t> bytes_registered_{0};

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::deque<Job> waiting_;
    std::deque<std::span<std::byte>> to_register_;
    std::vector<Done> done_;

    // The thread's alone.
    std::unique_ptr<CopyEngine> engine_;
    std::uint64_t engine_again_ns_ = 0;
    bool registers_ = true;
    std::vector<Done> ended_;
    LogBucket troubles_;
    std::thread thread_; // the last to begin
};

} // namespace uakv::gpu
