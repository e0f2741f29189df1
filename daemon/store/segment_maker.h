// Makes segments in the background: allocating and zeroing memory takes a good part of a second for each
// GiB, and the daemon serves meanwhile. A thread hands over one segment after another.
#pragma once

#include "ipc/fd.h"
#include "ipc/mapping.h"
#include "ipc/result.h"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace uakv {

struct MadeSegment {
    Fd fd;           // the daemon's own
    Fd read_only_fd; // for clients that only read
    Mapping mapping;
};

class SegmentMaker {
public:
    // Starts to make segments of `bytes` each, until there are `count` with the `made` that there are already.
    static Result<std::unique_ptr<SegmentMaker>> start(std::uint32_t count, std::uint64_t bytes,
                                                       std::uint32_t made = 0);
    ~SegmentMaker();
    SegmentMaker(const SegmentMaker &) = delete;
    SegmentMaker &operator=(const SegmentMaker &) = delete;

    // Becomes readable when there is something new.
    const Fd &event() const { return event_; }

    // What has been made since the last call.
    std::vector<MadeSegment> take();

    // Whether another segment may come soon: not when all are made, nor while the machine has no memory for
    // the next. Then it tries again each second.
    bool promising() const;

private:
    SegmentMaker(std::uint32_t count, std::uint64_t bytes, std::uint32_t made, Fd event);
    void run();
    bool pause();

    const std::uint32_t count_;
    const std::uint64_t bytes_;
    Fd event_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    bool short_of_memory_ = false;
    std::uint32_t made_;
    std::vector<MadeSegment> ready_;
    std::thread thread_;
};

} // namespace uakv
