#include "daemon/store/segment_maker.h"

#include "daemon/base/log.h"
#include "daemon/base/machine.h"
#include "daemon/base/units.h"
#include "ipc/memfd.h"
#include "ipc/sequence_point.h"
#include "ipc/wakeup.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace uakv {
namespace {

// What is left to the machine: where memory is promised beyond what there is, the kernel would kill
// somebody for the last pages instead of refusing them.
std::uint64_t reserve_bytes() {
    return std::max<std::uint64_t>(128ULL << 20, machine_memory_bytes() / 32);
}

Result<MadeSegment> make_segment(std::uint64_t bytes) {
    if (const std::uint64_t available = available_memory_bytes(); available < bytes + reserve_bytes()) {
        return error(UAKV_ERR_NO_SPACE, "the machine has %s of memory available, and %s are left to it",
                     format_size(available).c_str(), format_size(reserve_bytes()).c_str());
    }
    MadeSegment segment;
    auto fd = create_memfd("uakv-segment", bytes);
    if (!fd.ok()) {
        return fd.take_error();
    }
    segment.fd = std::move(fd.value());
    auto read_only = reopen_read_only(segment.fd);
    if (!read_only.ok()) {
        return read_only.take_error();
    }
    segment.read_only_fd = std::move(read_only.value());
    auto mapping = Mapping::map(segment.fd, bytes, Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    segment.mapping = std::move(mapping.value());
    segment.mapping.keep_out_of_dumps();
    segment.mapping.prefer_huge_pages();
    segment.mapping.make_huge_pages(bytes);
    if (auto allocated = allocate_memfd(segment.fd, 0, bytes); !allocated.ok()) {
        return allocated.take_error();
    }
    if (auto populated = segment.mapping.populate(); !populated.ok()) {
        return populated.take_error();
    }
    return segment;
}

} // namespace

Result<std::unique_ptr<SegmentMaker>> SegmentMaker::start(std::uint32_t count, std::uint64_t bytes,
                                                          std::uint32_t made) {
    auto event = create_doorbell();
    if (!event.ok()) {
        return event.take_error();
    }
    std::unique_ptr<SegmentMaker> maker(new SegmentMaker(count, bytes, made, std::move(event.value())));
    try {
        maker->thread_ = std::thread([raw = maker.get()] { raw->run(); });
    } catch (const std::system_error &failure) {
        return error(UAKV_ERR_NO_MEMORY, "cannot start the thread that makes memory for blocks: %s", failure.what());
    }
    return maker;
}

SegmentMaker::SegmentMaker(std::uint32_t count, std::uint64_t bytes, std::uint32_t made, Fd event)
    : count_(count), bytes_(bytes), event_(std::move(event)), made_(made) {}

SegmentMaker::~SegmentMaker() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::vector<MadeSegment> SegmentMaker::take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(ready_, {});
}

bool SegmentMaker::promising() const {
    const std::scoped_lock lock(mutex_);
    return (made_ < count_ && !short_of_memory_) || !ready_.empty();
}

void SegmentMaker::run() {
    for (;;) {
        {
            const std::scoped_lock lock(mutex_);
            if (stopping_ || made_ == count_) {
                return;
            }
        }
        auto segment = make_segment(bytes_);
        UAKV_SEQUENCE_POINT(segment_made);
        {
            const std::scoped_lock lock(mutex_);
            if (segment.ok()) {
                ++made_;
                ready_.push_back(std::move(segment.value()));
            } else if (!short_of_memory_) {
                log_warn("memory for blocks stays at {} of {} for now: {}; trying again each second",
                         format_size(made_ * bytes_), format_size(count_ * bytes_), segment.error().detail);
            }
            short_of_memory_ = !segment.ok();
        }
        ring_doorbell(event_);
        if (!segment.ok() && !pause()) {
            return;
        }
    }
}

// False when it is time to end.
bool SegmentMaker::pause() {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
}

} // namespace uakv
