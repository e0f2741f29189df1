// The rings, and how the two sides sleep and wake each other: ipc/ring_producer.h, ipc/ring_consumer.h.
//
// One client thread with two numbers for its calls (Submitter), two rings of two places, a daemon. Counters run
// modulo 4, so they come round. The daemon answers at once or later. The client waits in either of its ways: on the
// futex, or on its event descriptor; the daemon sleeps whenever it finds nothing to do. Nobody's sleep has a timeout.
//
// Memory: store buffers (store_buffer.pml), for x86-64 and AArch64. The copy of an entry lies between an acquire and a
// release; where it lies elsewhere is a broken variant. The barriers of the kernel in futex, eventfd and epoll are not
// counted on. One thread waits, so the relaxed additions to completion_waiters are relaxed stores.
//
// Properties: nobody sleeps for ever while there is work (no invalid end state), each submission is answered once, to
// its own number, with its own answer, and no entry is written over before it was taken.

#define submission_tail 0
#define submission_head 1
#define completion_tail 2
#define completion_head 3
#define need_wakeup 4
#define completion_waiters 5
#define bell_wanted 6
#define submission(place) (7 + (place) % 2)
#define completion(place) (9 + (place) % 2)
#define words_count 11

#define client 0
#define daemon 1
#define writers_count 2
#define pending_max 6

#include "store_buffer.pml"

#define calls_max 4
#ifdef CROWDED // more calls than places: the ring alone must hold them back
#define has_place(tail, calls) (calls < 3 && distance(load(submission_head), tail) < 2)
#else // as the library has it: each call has its place
#define has_place(tail, calls) (calls < 2)
#endif
#define later(counter) ((counter + 1) % 4)
#define distance(from, to) ((to - from + 4) % 4)

bit doorbell; // rung for the daemon, and not looked at yet
bit bell;     // the same for the client: its event descriptor is readable
bit dozes;    // the client sleeps on the futex

// mirrors: ipc/ring_producer.h submit notify complete
// mirrors: clientlib/submitter.cc Submitter::send Submitter::reap Submitter::pause Submitter::arm_bell
// mirrors: clientlib/async_calls.cc settle
// mirrors: clientlib/event_queue.cc EventQueue::take EPOLLET
inline submit() {
    assert(distance(load(submission_head), tail) < 2); // Submitter::send
    calls++;
#ifdef BREAK_TAIL_FIRST
    store_release(client, submission_tail, later(tail));
    store_relaxed(client, submission(tail), calls);
#else
    store_relaxed(client, submission(tail), calls);
    store_release(client, submission_tail, later(tail));
#endif
    tail = later(tail);
#ifndef BREAK_NO_NOTIFY_FENCE
    full_fence(client);
#endif
    if
    :: load(need_wakeup) -> doorbell = 1
    :: else
    fi
}

inline take() { // RingProducer::complete, Submitter::reap
#ifdef BREAK_HEAD_FIRST
    store_release(client, completion_head, later(head));
    answer = load(completion(head));
#else
    answer = load(completion(head));
    store_release(client, completion_head, later(head));
#endif
    head = later(head);
    assert(answer > 0 && answer <= calls && !(taken >> answer & 1));
    taken = taken | 1 << answer;
    answer = 0;
    answered++
}

inline sleep_on_futex() { // Submitter::pause
    store_relaxed(client, completion_waiters, 1);
#ifndef BREAK_NO_WAIT_FENCE
    full_fence(client);
#endif
    if
#ifndef BREAK_FUTEX_BLIND
    :: atomic { load(completion_tail) == head -> dozes = 1 } // the kernel compares and sleeps in one step
    :: load(completion_tail) != head -> skip
#else
    :: dozes = 1
#endif
    fi;
    !dozes;
    store_relaxed(client, completion_waiters, 0)
}

inline sleep_on_bell() { // AsyncCalls::settle, EventQueue::take
#ifdef BREAK_DRAIN_LATE
    store_relaxed(client, bell_wanted, 1);
    full_fence(client);
    if
    :: load(completion_tail) != head -> skip
    :: load(completion_tail) == head -> bell = 0; bell
    fi;
#else
    bell = 0;
    store_relaxed(client, bell_wanted, 1); // Submitter::arm_bell
#ifndef BREAK_NO_BELL_FENCE
    full_fence(client);
#endif
#ifdef BREAK_NO_BELL_LOOK
    bell;
#else
    if
    :: load(completion_tail) != head -> skip
    :: load(completion_tail) == head -> bell
    fi;
#endif
#endif
    bell = 0
}

active proctype Client() {
    byte tail, head, calls, answer, answered, taken;
    do
    :: calls < calls_max && has_place(tail, calls - answered) -> submit()
    :: load(completion_tail) != head -> take()
    :: answered < calls && load(completion_tail) == head ->
        if
        :: sleep_on_futex()
        :: sleep_on_bell()
        fi
    :: answered == calls_max -> break
    od
}

// mirrors: ipc/ring_consumer.h next complete publish sleep_unless_pending stay_awake
// mirrors: daemon/control/sessions.cc Sessions::make_hot Sessions::cool_down Sessions::on_doorbell
// mirrors: ipc/wakeup.cc futex_wake_all ring_doorbell
inline next() {
#ifdef BREAK_TAKE_FIRST
    store_release(daemon, submission_head, later(head));
    call = load(submission(head));
#else
    call = load(submission(head));
    store_release(daemon, submission_head, later(head));
#endif
    head = later(head)
}

inline complete(which) {
    assert(distance(load(completion_head), tail) < 2);
    store_relaxed(daemon, completion(tail), which);
    tail = later(tail);
    unpublished = 1
}

inline publish() {
    store_release(daemon, completion_tail, tail);
    unpublished = 0;
#ifndef BREAK_NO_PUBLISH_FENCE
    full_fence(daemon);
#endif
    if
    :: load(completion_waiters) -> dozes = 0
    :: else
    fi;
    if
    :: load(bell_wanted) -> bell = 1
    :: else
    fi
}

inline sleep_unless_pending() {
    store_relaxed(daemon, need_wakeup, 1);
#ifndef BREAK_NO_SLEEP_FENCE
    full_fence(daemon);
#endif
    if
#ifndef BREAK_NO_SECOND_LOOK
    :: load(submission_tail) != head -> skip
    :: load(submission_tail) == head ->
#else
    :: skip ->
#endif
end:
        do
        :: doorbell -> doorbell = 0; break
        :: parked != 0 -> complete(parked); parked = 0; publish() // the upkeep: SlotRequests::retry
        od
    fi;
    store_relaxed(daemon, need_wakeup, 0) // stay_awake
}

active proctype Daemon() {
    byte head, tail, call, parked;
    bit unpublished;
    do
    :: load(submission_tail) != head && distance(load(completion_head), tail) + (parked != 0) < 2 ->
        next();
        if
        :: complete(call)
        :: parked == 0 -> parked = call // SlotRequests: it waits
        fi;
        call = 0
    :: parked != 0 -> complete(parked); parked = 0
    :: unpublished -> publish()
    :: load(submission_tail) == head && !unpublished -> sleep_unless_pending()
    od
}
