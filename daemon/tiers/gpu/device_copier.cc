#include "daemon/tiers/gpu/device_copier.h"

#include "daemon/base/log.h"
#include "ipc/clock.h"
#include "ipc/wakeup.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace uakv::gpu {
namespace {

// A copy of a block takes some ten to some hundred microseconds; nobody tells us of its end.
constexpr auto look_every = std::chrono::microseconds(20);
constexpr std::uint64_t engine_pause_ns = ns_per_s;

} // namespace

Result<std::unique_ptr<DeviceCopier>> DeviceCopier::start(const cuda::Driver &driver, int ordinal, std::string name,
                                                          Store &arena, Store &host) {
    auto event = create_doorbell();
    if (!event.ok()) {
        return event.take_error();
    }
    std::unique_ptr<DeviceCopier> copier(
        new DeviceCopier(driver, ordinal, std::move(name), arena, host, std::move(event.value())));
    try {
        copier->thread_ = std::thread([raw = copier.get()] { raw->serve(); });
    } catch (const std::system_error &failure) {
        return error(UAKV_ERR_NO_MEMORY,
                     "cannot start the thread that copies blocks of %s: %s; raise the limit of threads",
                     copier->name_.c_str(), failure.what());
    }
    return copier;
}

DeviceCopier::DeviceCopier(const cuda::Driver &driver, int ordinal, std::string name, Store &arena, Store &host,
                           Fd event)
    : driver_(driver), ordinal_(ordinal), name_(std::move(name)), arena_(arena), host_(host), event_(std::move(event)) {
}

DeviceCopier::~DeviceCopier() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

// ---- the reactor's half -----------------------------------------------------------------------------------------

void DeviceCopier::begin(const Copy &copy) {
    Job job;
    job.copy = {copy.way,           copy.device.segment,
                copy.device.offset, host_.segment_memory(copy.host.segment).data(),
                copy.bytes,         copy.tag};
    job.copy.host += copy.host.offset;
    // A descriptor for each copy, which the thread closes where it has the segment already: it may have to try again.
    job.descriptor = duplicate(*arena_.segment_fd(copy.device.segment, false));
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(job));
        for (; segments_told_ < host_.segments(); ++segments_told_) {
            to_register_.push_back(host_.segment_memory(segments_told_));
        }
    }
    wake_.notify_one();
}

void DeviceCopier::take_done(std::vector<Done> &done) {
    const std::scoped_lock lock(mutex_);
    done.insert(done.end(), done_.begin(), done_.end());
    done_.clear();
}

// ---- the thread -------------------------------------------------------------------------------------------------

void DeviceCopier::serve() {
    std::unique_lock lock(mutex_);
    while (wait_for_work(lock)) {
        std::deque<Job> jobs = std::exchange(waiting_, {});
        const bool idle = jobs.empty() && (engine_ == nullptr || !engine_->any());
        lock.unlock();
        if (idle) {
            register_next();
        } else {
            work(std::move(jobs));
        }
        finish_ended();
        lock.lock();
    }
    lock.unlock();
    engine_.reset();
}

// False: it is over.
bool DeviceCopier::wait_for_work(std::unique_lock<std::mutex> &lock) {
    const auto something = [this] {
        return stopping_ || !waiting_.empty() || (registers_ && engine_ != nullptr && !to_register_.empty());
    };
    if (engine_ != nullptr && engine_->any()) {
        if (!stopping_ && waiting_.empty()) {
            wake_.wait_for(lock, look_every);
        }
    } else {
        wake_.wait(lock, something);
    }
    return !stopping_;
}

void DeviceCopier::work(std::deque<Job> jobs) {
    for (Job &job : jobs) {
        CopyEngine *const copying = engine();
        if (copying == nullptr || !import(*copying, job)) {
            end(job.copy.tag, UAKV_ERR_GPU);
        } else if (auto begun = copying->begin(job.copy); !begun.ok()) {
            note_trouble(begun.error().detail);
            end(job.copy.tag, UAKV_ERR_GPU);
        }
    }
    if (engine_ == nullptr) {
        return;
    }
    engine_->take_done(ended_);
    if (const std::string trouble = engine_->take_trouble(); !trouble.empty()) {
        note_trouble(trouble);
    }
    if (engine_->is_lost() && !has_failed()) {
        failed_ = true;
        log_error("{}: blocks are not copied between device and host any more, until uakvd is started again; the "
                  "driver has lost the context. Blocks that are on the device are served on",
                  name_);
    }
}

// Null: there is none now, or no more.
CopyEngine *DeviceCopier::engine() {
    if (has_failed()) {
        return nullptr;
    }
    if (engine_ == nullptr && now_ns() >= engine_again_ns_) {
        auto opened = CopyEngine::open(driver_, ordinal_, arena_.segment_bytes());
        if (opened.ok()) {
            engine_ = std::move(opened.value());
            has_context_ = true;
        } else {
            engine_again_ns_ = now_ns() + engine_pause_ns;
            note_trouble(opened.error().detail);
        }
    }
    return engine_.get();
}

bool DeviceCopier::import(CopyEngine &engine, const Job &job) {
    if (engine.has(job.copy.segment)) {
        return true;
    }
    if (!job.descriptor.valid()) {
        note_trouble("there are no descriptors left; raise the limit of open files");
        return false;
    }
    auto imported = engine.import(job.copy.segment, job.descriptor);
    if (!imported.ok()) {
        note_trouble(imported.error().detail);
    }
    return imported.ok();
}

// One segment at a time, for that may take a tenth of a second. Who refuses one would refuse the others.
void DeviceCopier::register_next() {
    std::span<std::byte> memory;
    {
        const std::scoped_lock lock(mutex_);
        if (engine_ == nullptr || to_register_.empty()) {
            return;
        }
        memory = to_register_.front();
        to_register_.pop_front();
    }
    if (auto done = engine_->register_memory(memory); done.ok()) {
        bytes_registered_ += memory.size();
    } else {
        registers_ = false;
        log_warn("{}: copies between device and host are slower than they could be, for the driver does not register "
                 "memory: {}",
                 name_, done.error().detail);
    }
}

void DeviceCopier::note_trouble(const std::string &what) {
    troubles_.warn("{}: a block was not copied: {}", name_, what);
}

void DeviceCopier::end(Tag tag, uakv_status status) {
    ended_.push_back({tag, status});
}

void DeviceCopier::finish_ended() {
    if (ended_.empty()) {
        return;
    }
    {
        const std::scoped_lock lock(mutex_);
        done_.insert(done_.end(), ended_.begin(), ended_.end());
    }
    ended_.clear();
    ring_doorbell(event_);
}

} // namespace uakv::gpu
