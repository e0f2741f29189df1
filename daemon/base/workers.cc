#include "daemon/base/workers.h"

#include "ipc/assertion.h"
#include "ipc/wakeup.h"

#include <system_error>
#include <utility>

namespace uakv {

Result<std::unique_ptr<Workers>> Workers::start(std::uint32_t threads) {
    auto event = create_doorbell();
    if (!event.ok()) {
        return event.take_error();
    }
    std::unique_ptr<Workers> workers(new Workers(std::move(event.value())));
    for (std::uint32_t i = 0; i < threads; ++i) {
        try {
            workers->threads_.emplace_back([raw = workers.get()] { raw->serve(); });
        } catch (const std::system_error &failure) {
            return error(
                UAKV_ERR_NO_MEMORY,
                "cannot start worker thread %u of %u: %s; set num_workers lower, or raise the limit of threads", i + 1,
                threads, failure.what());
        }
    }
    return workers;
}

Workers::Workers(Fd event) : event_(std::move(event)) {}

Workers::~Workers() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread &thread : threads_) {
        thread.join();
    }
}

void Workers::run(Job job) {
    UAKV_ASSERT(job.work && job.done);
    ++under_way_;
    if (threads_.empty()) {
        job.work();
        finished_.push_back(std::move(job));
        ring_doorbell(event_);
        return;
    }
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(job));
    }
    wake_.notify_one();
}

bool Workers::take_done() {
    std::vector<Job> finished;
    {
        const std::scoped_lock lock(mutex_);
        finished.swap(finished_);
    }
    for (Job &job : finished) {
        --under_way_;
        // Its work goes with what it holds before `done` is called, which may want it back.
        job.work = nullptr;
        job.done();
    }
    return !finished.empty();
}

void Workers::wait() {
    if (under_way_ == 0) {
        return;
    }
    std::unique_lock lock(mutex_);
    finished_one_.wait(lock, [this] { return !finished_.empty(); });
}

void Workers::serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) {
            return;
        }
        Job job = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        job.work();
        lock.lock();
        finished_.push_back(std::move(job));
        finished_one_.notify_one();
        ring_doorbell(event_);
    }
}

} // namespace uakv
