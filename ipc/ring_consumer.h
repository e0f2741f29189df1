// The daemon's half of the rings. The client is not trusted: heads and tails that the daemon owns are kept
// privately and only published, a tail that has run further ahead than the ring is long is a violation, and
// a submission is copied out once before it is looked at.
#pragma once

#include "ipc/atomic.h"
#include "ipc/sequence_point.h"
#include "ipc/session_layout.h"
#include "ipc/untrusted.h"
#include "ipc/wakeup.h"

namespace uakv {

class RingConsumer {
public:
    // `bell` is rung where the client asks for it.
    RingConsumer(SessionLayout &session, const Fd &bell) : session_(&session), bell_(&bell) {}

    enum class Next { submission, none, violation };

    // Takes the next submission, if there is one and a place for its completion: a client that does not read
    // its completions is not served further, and harms nobody else. `parked` is how many submissions taken
    // earlier have not been answered yet.
    Next next(Submission &submission, std::uint32_t parked) {
        const std::uint32_t waiting = load_once(session_->header.submission_tail) - head_;
        if (waiting == 0) {
            return Next::none;
        }
        const std::uint32_t unread = tail_ - load_once(session_->header.completion_head);
        if (waiting > limits::submissions || unread > limits::completions) {
            return Next::violation;
        }
        if (unread + parked >= limits::completions) {
            return Next::none; // the library never comes here: it has fewer submissions than places on their way
        }
        submission = copy_once(session_->submissions[head_ % limits::submissions]);
        ++head_;
        store_release(session_->header.submission_head, head_);
        return Next::submission;
    }

    void complete(const Completion &completion) {
        write_words(session_->completions[tail_ % limits::completions], completion);
        ++tail_;
        unpublished_ = true;
        UAKV_SEQUENCE_POINT(completion_written);
    }

    // Publishes what was completed since the last call, and wakes the client's threads if some sleep: then it
    // returns true.
    bool publish() {
        if (!unpublished_) {
            return false;
        }
        unpublished_ = false;
        store_release(session_->header.completion_tail, tail_);
        UAKV_SEQUENCE_POINT(completion_published);
        full_fence(); // pairs with the client's between asking to be woken and looking at the tail
        const bool sleeps = load_once(session_->header.completion_waiters) != 0;
        if (sleeps) {
            futex_wake_all(session_->header.completion_tail);
        }
        const bool listens = load_once(session_->header.bell_wanted) != 0;
        if (listens) {
            ring_bell(*bell_);
        }
        return sleeps || listens;
    }

    // Before the daemon stops looking at this ring: asks for a wake-up and looks once more. True when there
    // is nothing to do and the client knows that it must ring. For one that leaves its completions unread there is
    // nothing to do either: when it has read them, it rings with its next submission.
    bool sleep_unless_pending(std::uint32_t parked) {
        store_relaxed(session_->header.need_wakeup, 1);
        full_fence(); // pairs with RingProducer::notify
        const std::uint32_t unread = tail_ - load_once(session_->header.completion_head);
        if (load_once(session_->header.submission_tail) == head_ || unread + parked >= limits::completions) {
            return true;
        }
        stay_awake();
        return false;
    }

    void stay_awake() { store_relaxed(session_->header.need_wakeup, 0); }

private:
    SessionLayout *session_;
    const Fd *bell_;
    std::uint32_t head_ = 0;
    std::uint32_t tail_ = 0;
    bool unpublished_ = false;
};

} // namespace uakv
