#include "clientlib/submitter.h"

#include "ipc/clock.h"
#include "ipc/processors.h"

#include <algorithm>

namespace uakv {
namespace {

// A daemon that is awake answers within a microsecond or two, so it is worth looking for a while before
// sleeping. Where that fails (it sleeps, or shares our processor), the next looks are shorter; where it
// succeeds, longer. Every so often a long look finds out whether things have changed.
constexpr std::uint32_t spin_ns_max = 20'000;
constexpr std::uint32_t spin_ns_min = 500;
constexpr std::uint32_t long_look_every = 32;
constexpr std::uint32_t looks_per_clock = 8;

// How long a thread sleeps before it asks whether the daemon still lives: its death wakes no futex.
constexpr std::uint64_t sleep_slice_ns = 50 * ns_per_ms;

} // namespace

Submitter::Submitter(SessionLayout &session, Fd doorbell, Connection &connection, Grants &grants)
    : session_(session), doorbell_(std::move(doorbell)), connection_(connection), grants_(grants), ring_(session) {
    free_.reserve(pending_.size());
    for (Call call = 0; call < pending_.size(); ++call) {
        free_.push_back(call);
    }
}

Result<Submitter::Call> Submitter::submit(Submission submission, std::uint64_t deadline_ns) {
    Call call = 0;
    std::uint32_t seen = 0;
    while (!try_submit(submission, call, seen)) {
        if (auto paused = pause(seen, deadline_ns); !paused.ok()) {
            return paused.take_error();
        }
    }
    ring_.notify(doorbell_);
    return call;
}

bool Submitter::try_submit(Submission &submission, Call &call, std::uint32_t &seen) {
    const std::scoped_lock lock(mutex_);
    reap();
    seen = ring_.completions_seen();
    if (free_.empty()) {
        return false;
    }
    call = free_.back();
    Pending &pending = pending_[call];
    submission.user_data = static_cast<std::uint64_t>(pending.turn) << 32 | call;
    if (!ring_.submit(submission)) {
        return false;
    }
    free_.pop_back();
    pending.state = State::waiting;
    return true;
}

Result<Completion> Submitter::call(const Submission &submission, std::uint64_t deadline_ns) {
    auto submitted = submit(submission, deadline_ns);
    return submitted.ok() ? wait(submitted.value(), deadline_ns) : submitted.take_error();
}

Result<Completion> Submitter::wait(Call call, std::uint64_t deadline_ns) {
    for (;;) {
        Completion completion;
        std::uint32_t seen = 0;
        if (try_take(call, completion, seen)) {
            return completion;
        }
        if (auto paused = pause(seen, deadline_ns); !paused.ok()) {
            if (try_take(call, completion, seen)) { // it came in the last moment
                return completion;
            }
            forget(call);
            return paused.take_error();
        }
    }
}

bool Submitter::try_take(Call call, Completion &completion, std::uint32_t &seen) {
    const std::scoped_lock lock(mutex_);
    reap();
    Pending &pending = pending_[call];
    if (pending.state == State::done) {
        completion = pending.completion;
        finish(pending);
        return true;
    }
    seen = ring_.completions_seen();
    return false;
}

void Submitter::forget(Call call) {
    const std::scoped_lock lock(mutex_);
    Pending &pending = pending_[call];
    if (pending.state == State::waiting) {
        pending.state = State::forgotten;
    } else if (pending.state == State::done) {
        drop(pending);
    }
}

// Ends a call that has its completion and no caller. A slot that came with it serves the next reserve.
void Submitter::drop(Pending &pending) {
    const Completion &completion = pending.completion;
    if (completion.capacity != 0) {
        grants_.keep_always({completion.segment, completion.slot, completion.offset, completion.capacity});
    }
    finish(pending);
}

// Takes all completions that there are. The caller holds the mutex.
void Submitter::reap() {
    Completion completion;
    while (ring_.complete(completion)) {
        const auto call = static_cast<Call>(completion.user_data & 0xFFFFFFFFU);
        UAKV_ASSERT(call < pending_.size() && pending_[call].turn == completion.user_data >> 32);
        Pending &pending = pending_[call];
        pending.completion = completion;
        if (pending.state == State::forgotten) {
            drop(pending);
        } else {
            pending.state = State::done;
        }
    }
}

void Submitter::finish(Pending &pending) {
    pending.state = State::free;
    ++pending.turn;
    free_.push_back(static_cast<Call>(&pending - pending_.data()));
}

// Looks for completions beyond `seen`, for a while that has proved useful.
bool Submitter::spin(std::uint32_t seen) {
    if (!several_processors()) {
        return false;
    }
    const bool long_look = looks_.fetch_add(1, std::memory_order_relaxed) % long_look_every == 0;
    const std::uint32_t usual = spin_ns_.load(std::memory_order_relaxed);
    const std::uint64_t begin = now_ns();
    do {
        for (std::uint32_t i = 0; i < looks_per_clock; ++i) {
            if (load_acquire(session_.header.completion_tail) != seen) {
                spin_ns_.store(std::min(2 * usual, spin_ns_max), std::memory_order_relaxed);
                return true;
            }
            cpu_relax();
        }
    } while (now_ns() - begin < (long_look ? spin_ns_max : usual));
    spin_ns_.store(std::max(usual / 2, spin_ns_min), std::memory_order_relaxed);
    return false;
}

// Waits for completions beyond `seen`: looks a little, sleeps after that.
Result<void> Submitter::pause(std::uint32_t seen, std::uint64_t deadline_ns) {
    if (spin(seen)) {
        return {};
    }
    const std::uint32_t &tail = session_.header.completion_tail;
    std::string why;
    if (connection_.lost(why)) {
        return load_acquire(tail) != seen ? Result<void>() : error(UAKV_ERR_DISCONNECTED, "%s", why.c_str());
    }
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) {
        return error(UAKV_ERR_TIMEOUT, "the daemon did not answer in time; is it stopped or overloaded?");
    }
    add_relaxed(session_.header.completion_waiters, 1U);
    full_fence(); // pairs with RingConsumer::publish
    if (load_acquire(tail) == seen) {
        futex_wait(tail, seen, std::min(sleep_slice_ns, deadline_ns - now));
    }
    add_relaxed(session_.header.completion_waiters, ~0U);
    return {};
}

} // namespace uakv
