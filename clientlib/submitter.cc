#include "clientlib/submitter.h"

#include "ipc/clock.h"
#include "ipc/processors.h"
#include "ipc/sequence_point.h"

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

void pass_submitted(Opcode opcode) {
    switch (opcode) {
    case Opcode::grant:
        return UAKV_SEQUENCE_POINT(grant_submitted);
    case Opcode::commit:
        return UAKV_SEQUENCE_POINT(commit_submitted);
    case Opcode::abort:
        return UAKV_SEQUENCE_POINT(abort_submitted);
    case Opcode::remove:
        return UAKV_SEQUENCE_POINT(remove_submitted);
    case Opcode::check:
        return UAKV_SEQUENCE_POINT(check_submitted);
    case Opcode::stats:
        return UAKV_SEQUENCE_POINT(stats_submitted);
    case Opcode::claim:
        return UAKV_SEQUENCE_POINT(claim_submitted);
    case Opcode::cancel:
        return UAKV_SEQUENCE_POINT(cancel_submitted);
    case Opcode::pin:
        return UAKV_SEQUENCE_POINT(pin_submitted);
    case Opcode::clear:
        return UAKV_SEQUENCE_POINT(clear_submitted);
    case Opcode::load:
    case Opcode::prefetch:
    case Opcode::flush:
        return UAKV_SEQUENCE_POINT(tier_submitted);
    }
}

// What the daemon may keep waiting.
bool may_stand_in_line(Opcode opcode) {
    return opcode == Opcode::grant || opcode == Opcode::claim || opcode == Opcode::load || opcode == Opcode::flush;
}

} // namespace

Submitter::Submitter(SessionLayout &session, Fd doorbell, Connection &connection, Grants &grants)
    : session_(session), doorbell_(std::move(doorbell)), connection_(connection), grants_(grants), ring_(session) {
    free_.reserve(pending_.size());
    arrivals_.reserve(pending_.size()); // so that reap() cannot fail
    for (Number number = 0; number < pending_.size(); ++number) {
        free_.push_back(number);
    }
}

Result<Submitter::Number> Submitter::submit(Submission submission, std::uint64_t deadline_ns) {
    Number number = 0;
    std::uint32_t seen = 0;
    while (!try_submit(submission, number, seen)) {
        if (auto paused = pause(seen, deadline_ns); !paused.ok()) {
            return paused.take_error();
        }
    }
    ring_.notify(doorbell_);
    return number;
}

bool Submitter::try_submit(const Submission &submission, Number &number, std::uint32_t &seen) {
    const std::scoped_lock lock(mutex_);
    reap();
    seen = ring_.completions_seen();
    if (free_.empty()) {
        return false;
    }
    number = free_.back();
    free_.pop_back();
    UAKV_SEQUENCE_POINT(number_claimed);
    send(number, submission);
    pending_[number].state = State::waiting;
    return true;
}

// There is always a place in the ring: it has as many as there are numbers, and each number asks once at a time. The
// caller holds the mutex, and notifies the daemon.
void Submitter::send(Number number, Submission submission) {
    pending_[number].opcode = submission.opcode;
    submission.user_data = user_data(number);
    const bool sent = ring_.submit(submission);
    UAKV_ASSERT(sent);
    pass_submitted(submission.opcode);
}

Result<Completion> Submitter::wait(Number number, std::uint64_t deadline_ns) {
    for (;;) {
        Completion completion;
        std::uint32_t seen = 0;
        if (try_take(number, completion, seen)) {
            return completion;
        }
        if (auto paused = pause(seen, deadline_ns); !paused.ok()) {
            if (try_take(number, completion, seen)) { // it came in the last moment
                return completion;
            }
            forget(number);
            return paused.take_error();
        }
    }
}

bool Submitter::try_take(Number number, Completion &completion, std::uint32_t &seen) {
    const std::scoped_lock lock(mutex_);
    reap();
    Pending &pending = pending_[number];
    if (pending.state == State::done) {
        completion = pending.completion;
        finish(number);
        return true;
    }
    seen = ring_.completions_seen();
    return false;
}

std::optional<Completion> Submitter::poll(Number number) {
    Completion completion;
    std::uint32_t seen = 0;
    return try_take(number, completion, seen) ? std::optional(completion) : std::nullopt;
}

void Submitter::forget(Number number) {
    const std::scoped_lock lock(mutex_);
    if (pending_[number].state == State::waiting) {
        give_up(number);
    } else if (pending_[number].state == State::done) {
        drop(number);
    }
}

std::optional<Submitter::Number> Submitter::reserve(void *owner) {
    const std::scoped_lock lock(mutex_);
    reap();
    if (free_.empty()) {
        return std::nullopt;
    }
    const Number number = free_.back();
    free_.pop_back();
    pending_[number].state = State::reserved;
    pending_[number].owner = owner;
    UAKV_SEQUENCE_POINT(number_reserved);
    return number;
}

void Submitter::release(Number number) {
    const std::scoped_lock lock(mutex_);
    UAKV_ASSERT(pending_[number].state == State::reserved);
    finish(number);
}

void Submitter::submit_reserved(Number number, Submission submission) {
    {
        const std::scoped_lock lock(mutex_);
        UAKV_ASSERT(pending_[number].state == State::reserved);
        send(number, submission);
        pending_[number].state = State::waiting;
    }
    ring_.notify(doorbell_);
}

void Submitter::collect(std::vector<Arrival> &arrivals) {
    const std::scoped_lock lock(mutex_);
    reap();
    arrivals.insert(arrivals.end(), arrivals_.begin(), arrivals_.end());
    arrivals_.clear();
}

bool Submitter::take_back(Number number) {
    const std::scoped_lock lock(mutex_);
    reap();
    if (pending_[number].state != State::waiting) {
        return false;
    }
    give_up(number);
    return true;
}

// The fence pairs with RingConsumer::publish: either the daemon sees that the bell is wanted, or this sees what it
// has completed.
bool Submitter::arm_bell() {
    const std::scoped_lock lock(mutex_);
    want_bell();
    full_fence();
    UAKV_SEQUENCE_POINT(bell_armed);
    reap();
    return !arrivals_.empty();
}

void Submitter::look_a_while() {
    std::uint32_t seen = 0;
    {
        const std::scoped_lock lock(mutex_);
        seen = ring_.completions_seen();
    }
    spin(seen);
}

// The call goes on without its caller. The daemon need not keep it in line. The caller holds the mutex.
void Submitter::give_up(Number number) {
    Pending &pending = pending_[number];
    pending.state = State::forgotten;
    pending.owner = nullptr;
    UAKV_SEQUENCE_POINT(call_given_up);
    if (!may_stand_in_line(pending.opcode) || free_.empty()) {
        return;
    }
    Submission cancel{};
    cancel.opcode = Opcode::cancel;
    cancel.target = user_data(number);
    const Number own = free_.back();
    free_.pop_back();
    send(own, cancel);
    pending_[own].state = State::forgotten;
    ring_.notify(doorbell_);
}

// Ends a call that has its completion and no caller. A slot that came with it serves the next reserve; but one to
// compute a block in, for which others wait, goes back at once.
void Submitter::drop(Number number) {
    const Completion &completion = pending_[number].completion;
    if (completion.capacity == 0) {
        finish(number);
        return;
    }
    if (pending_[number].opcode != Opcode::claim) {
        grants_.keep_always({completion.segment, completion.slot, completion.offset, completion.capacity});
        finish(number);
        return;
    }
    Submission abort{};
    abort.opcode = Opcode::abort;
    abort.segment = completion.segment;
    abort.slot = completion.slot;
    ++pending_[number].turn;
    send(number, abort);
    pending_[number].state = State::forgotten;
    ring_.notify(doorbell_);
}

// Takes all completions that there are. The caller holds the mutex.
void Submitter::reap() {
    Completion completion;
    while (ring_.complete(completion)) {
        UAKV_SEQUENCE_POINT(completion_taken);
        const auto number = static_cast<Number>(completion.user_data & 0xFFFFFFFFU);
        UAKV_ASSERT(number < pending_.size() && user_data(number) == completion.user_data);
        Pending &pending = pending_[number];
        pending.completion = completion;
        if (pending.state == State::forgotten) {
            drop(number);
        } else if (pending.owner != nullptr) {
            pending.state = State::reserved;
            ++pending.turn; // the next step is another submission
            arrivals_.push_back({pending.owner, number, completion});
        } else {
            pending.state = State::done;
        }
    }
}

void Submitter::finish(Number number) {
    Pending &pending = pending_[number];
    pending.state = State::free;
    pending.owner = nullptr;
    ++pending.turn;
    free_.push_back(number);
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
    UAKV_SEQUENCE_POINT(waiter_counted);
    if (load_acquire(tail) == seen) {
        futex_wait(tail, seen, std::min(sleep_slice_ns, deadline_ns - now));
    }
    add_relaxed(session_.header.completion_waiters, ~0U);
    return {};
}

} // namespace uakv
