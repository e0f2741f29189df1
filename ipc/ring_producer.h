// The client's half of the rings: it fills submissions and takes completions. One thread at a time (the
// caller's lock); the daemon is trusted, but what it wrote is still only read once it is published.
#pragma once

#include "ipc/atomic.h"
#include "ipc/session_layout.h"
#include "ipc/untrusted.h"
#include "ipc/wakeup.h"

namespace uakv {

class RingProducer {
public:
    explicit RingProducer(SessionLayout &session)
        : session_(session), tail_(load_relaxed(session.header.submission_tail)),
          head_(load_relaxed(session.header.completion_head)) {}

    // False when the daemon has not yet taken enough of the earlier ones.
    bool submit(const Submission &submission) {
        if (tail_ - load_acquire(session_.header.submission_head) >= limits::submissions) {
            return false;
        }
        write_words(session_.submissions[tail_ % limits::submissions], submission);
        ++tail_;
        store_release(session_.header.submission_tail, tail_);
        return true;
    }

    // After the last of some submissions: wakes the daemon if it sleeps. The fence pairs with the daemon's in
    // RingConsumer::sleep_unless_pending: either it sees the new tail, or this sees that it wants waking.
    void notify(const Fd &doorbell) const {
        full_fence();
        if (load_relaxed(session_.header.need_wakeup) != 0) {
            ring_doorbell(doorbell);
        }
    }

    // Takes the next completion; false when there is none.
    bool complete(Completion &completion) {
        if (load_acquire(session_.header.completion_tail) == head_) {
            return false;
        }
        completion = copy_once(session_.completions[head_ % limits::completions]);
        ++head_;
        store_release(session_.header.completion_head, head_);
        return true;
    }

    // What the futex of the completions stands at, as far as they were taken.
    std::uint32_t completions_seen() const { return head_; }

private:
    SessionLayout &session_;
    std::uint32_t tail_;
    std::uint32_t head_;
};

} // namespace uakv
