// Makes segments in the background: allocating and zeroing memory takes a good part of a second for each
// GiB, and the daemon serves meanwhile. A thread hands over one segment after another.
#pragma once

#include "daemon/store/segment_source.h"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace uakv {

class SegmentMaker {
public:
    struct Wanted {
        std::string title; // whose they are, in the log: "tenant chat"
        std::uint32_t count = 0;
        std::uint64_t bytes = 0; // of each
    };

    // Starts to make segments, until there are as many as wanted with the `made` that there are already.
    static Result<std::unique_ptr<SegmentMaker>> start(std::shared_ptr<SegmentSource> source, const Wanted &wanted,
                                                       std::uint32_t made = 0);
    ~SegmentMaker();
    SegmentMaker(const SegmentMaker &) = delete;
    SegmentMaker &operator=(const SegmentMaker &) = delete;

    // Becomes readable when there is something new.
    const Fd &event() const { return event_; }

    // What has been made since the last call.
    std::vector<MadeSegment> take();

    // Whether another segment may come soon: not when all are made, nor while there is no memory for the
    // next. Then it tries again each second.
    bool promising() const;

private:
    SegmentMaker(std::shared_ptr<SegmentSource> source, Wanted wanted, std::uint32_t made, Fd event);
    void run();
    bool pause();

    const std::shared_ptr<SegmentSource> source_;
    const Wanted wanted_;
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
