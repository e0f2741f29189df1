#include "daemon/store/segment_maker.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "ipc/sequence_point.h"
#include "ipc/wakeup.h"

#include <chrono>
#include <system_error>

namespace uakv {
Result<std::unique_ptr<SegmentMaker>> SegmentMaker::start(std::shared_ptr<SegmentSource> source, const Wanted &wanted,
                                                          std::uint32_t made) {
    auto event = create_doorbell();
    if (!event.ok()) {
        return event.take_error();
    }
    std::unique_ptr<SegmentMaker> maker(new SegmentMaker(std::move(source), wanted, made, std::move(event.value())));
    try {
        maker->thread_ = std::thread([raw = maker.get()] { raw->run(); });
    } catch (const std::system_error &failure) {
        return error(UAKV_ERR_NO_MEMORY, "cannot start the thread that makes memory for blocks: %s", failure.what());
    }
    return maker;
}

SegmentMaker::SegmentMaker(std::shared_ptr<SegmentSource> source, Wanted wanted, std::uint32_t made, Fd event)
    : source_(std::move(source)), wanted_(std::move(wanted)), event_(std::move(event)), made_(made) {}

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
    return (made_ < wanted_.count && !short_of_memory_) || !ready_.empty();
}

void SegmentMaker::run() {
    for (;;) {
        {
            const std::scoped_lock lock(mutex_);
            if (stopping_ || made_ == wanted_.count) {
                return;
            }
        }
        auto segment = source_->make(wanted_.bytes);
        UAKV_SEQUENCE_POINT(segment_made);
        {
            const std::scoped_lock lock(mutex_);
            if (segment.ok()) {
                ++made_;
                ready_.push_back(std::move(segment.value()));
            } else if (!short_of_memory_) {
                log_warn("{}: memory for blocks stays at {} of {} for now: {}; trying again each second", wanted_.title,
                         format_size(made_ * wanted_.bytes), format_size(wanted_.count * wanted_.bytes),
                         segment.error().detail);
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
