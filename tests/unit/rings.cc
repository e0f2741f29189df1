// The rings between a client and the daemon, both halves over one session.
#include "ipc/ring_consumer.h"
#include "ipc/ring_producer.h"
#include "support/check.h"

#include <cstdint>
#include <memory>
#include <thread>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr std::uint32_t submissions = limits::submissions;
constexpr std::uint32_t completions = limits::completions;

Submission submission_of(std::uint64_t number) {
    Submission submission{};
    submission.opcode = Opcode::remove;
    submission.user_data = number;
    submission.key.bytes[31] = static_cast<std::uint8_t>(number);
    submission.checksum = ~number;
    return submission;
}

Completion completion_of(std::uint64_t number) {
    Completion completion{};
    completion.user_data = number;
    completion.capacity = number * 3;
    return completion;
}

struct Session {
    std::unique_ptr<SessionLayout> layout = std::make_unique<SessionLayout>();
    RingProducer producer{*layout};
    Fd bell;
    RingConsumer consumer{*layout, bell};
};

void check_next(RingConsumer &consumer, std::uint64_t number, std::uint32_t parked = 0) {
    Submission submission{};
    CHECK(consumer.next(submission, parked) == RingConsumer::Next::submission);
    CHECK_EQ(submission.user_data, number);
    CHECK_EQ(submission.checksum, ~number);
    CHECK_EQ(submission.key.bytes[31], number & 0xFF);
    CHECK(submission.opcode == Opcode::remove);
}

void check_nothing(RingConsumer &consumer, std::uint32_t parked = 0) {
    Submission submission{};
    CHECK(consumer.next(submission, parked) == RingConsumer::Next::none);
}

void check_violation(RingConsumer &consumer) {
    Submission submission{};
    CHECK(consumer.next(submission, 0) == RingConsumer::Next::violation);
}

// Back and forth, several times round both rings.
void round_and_round() {
    Session session;
    std::uint64_t submitted = 0;
    std::uint64_t completed = 0;
    for (std::uint64_t turn = 0; turn < 100; ++turn) {
        for (std::uint64_t i = 0; i < 1 + turn * 7 % submissions; ++i) {
            CHECK(session.producer.submit(submission_of(submitted++)));
        }
        for (std::uint64_t number = completed; number < submitted; ++number) {
            check_next(session.consumer, number);
            session.consumer.complete(completion_of(number));
        }
        check_nothing(session.consumer);
        Completion completion{};
        CHECK(!session.producer.complete(completion)); // not published yet
        session.consumer.publish();
        for (; completed < submitted; ++completed) {
            CHECK(session.producer.complete(completion));
            CHECK_EQ(completion.user_data, completed);
            CHECK_EQ(completion.capacity, completed * 3);
        }
        CHECK(!session.producer.complete(completion));
        CHECK_EQ(session.producer.completions_seen(), static_cast<std::uint32_t>(completed));
    }
}

void full_ring() {
    Session session;
    for (std::uint64_t i = 0; i < submissions; ++i) {
        CHECK(session.producer.submit(submission_of(i)));
    }
    CHECK(!session.producer.submit(submission_of(0)));
    check_next(session.consumer, 0);
    CHECK(session.producer.submit(submission_of(submissions)));
    CHECK(!session.producer.submit(submission_of(0)));
    for (std::uint64_t i = 1; i <= submissions; ++i) {
        check_next(session.consumer, i);
    }
    check_nothing(session.consumer);
}

// The counts stand just before 2^32, as after years. (The daemon's own are private, and begin at 0.)
void counts_wrap() {
    Session session;
    SessionHeader &header = session.layout->header;
    constexpr std::uint32_t begin = 0U - 100;
    header.submission_tail = header.submission_head = begin;
    header.completion_tail = header.completion_head = begin;
    RingProducer producer(*session.layout);
    for (std::uint32_t i = 0; i < submissions; ++i) {
        CHECK(producer.submit(submission_of(i)));
        CHECK_EQ(session.layout->submissions[(begin + i) % submissions].user_data, i);
    }
    CHECK(!producer.submit(submission_of(0)));
    CHECK_EQ(header.submission_tail, begin + submissions);
    header.submission_head = begin + submissions; // beyond 2^32
    CHECK(producer.submit(submission_of(0)));
    for (std::uint32_t i = 0; i < 200; ++i) {
        session.layout->completions[(begin + i) % completions] = completion_of(i);
    }
    header.completion_tail = begin + 200;
    Completion completion{};
    for (std::uint32_t i = 0; i < 200; ++i) {
        CHECK(producer.complete(completion));
        CHECK_EQ(completion.user_data, i);
    }
    CHECK(!producer.complete(completion));
    CHECK_EQ(header.completion_head, 100);
}

void tail_too_far_ahead() {
    Session session;
    session.layout->header.submission_tail = submissions + 1;
    check_violation(session.consumer);
    session.layout->header.submission_tail = submissions;
    Submission submission{};
    CHECK(session.consumer.next(submission, 0) == RingConsumer::Next::submission);
}

void tail_goes_back() {
    Session session;
    session.producer.submit(submission_of(0));
    check_next(session.consumer, 0);
    session.layout->header.submission_tail = 0;
    check_violation(session.consumer);
}

void head_beyond_what_was_completed() {
    Session session;
    session.producer.submit(submission_of(0));
    session.layout->header.completion_head = 1;
    check_violation(session.consumer);
}

// What the client writes over the daemon's own words changes nothing.
void own_words_are_private() {
    Session session;
    session.producer.submit(submission_of(0));
    session.producer.submit(submission_of(1));
    check_next(session.consumer, 0);
    session.layout->header.submission_head = 77;
    session.layout->header.completion_tail = 4711;
    check_next(session.consumer, 1);
    CHECK_EQ(session.layout->header.submission_head, 2);
    session.consumer.complete(completion_of(0));
    session.consumer.publish();
    CHECK_EQ(session.layout->header.completion_tail, 1);
}

// A client that reads no completions is not served beyond what fits, and loses none.
void completions_fill_up() {
    Session session;
    for (std::uint64_t i = 0; i < completions; ++i) {
        CHECK(session.producer.submit(submission_of(i)));
        check_next(session.consumer, i);
        session.consumer.complete(completion_of(i));
    }
    session.consumer.publish();
    CHECK(session.producer.submit(submission_of(completions)));
    check_nothing(session.consumer);
    CHECK(session.consumer.sleep_unless_pending(0)); // it cannot keep the daemon looking at what cannot be served
    session.consumer.stay_awake();
    Completion completion{};
    CHECK(session.producer.complete(completion));
    CHECK_EQ(completion.user_data, 0);
    check_next(session.consumer, completions);
    session.consumer.complete(completion_of(completions));
    session.consumer.publish();
    for (std::uint64_t i = 1; i <= completions; ++i) {
        CHECK(session.producer.complete(completion));
        CHECK_EQ(completion.user_data, i);
    }
}

// What is parked will need a place too.
void parked_ones_keep_their_place() {
    Session session;
    constexpr std::uint32_t parked = 10;
    for (std::uint64_t i = 0; i < completions - parked; ++i) {
        CHECK(session.producer.submit(submission_of(i)));
        check_next(session.consumer, i, parked);
        session.consumer.complete(completion_of(i));
    }
    session.consumer.publish();
    CHECK(session.producer.submit(submission_of(completions - parked)));
    check_nothing(session.consumer, parked);
    CHECK(session.consumer.sleep_unless_pending(parked));
    CHECK(!session.consumer.sleep_unless_pending(parked - 1));
    check_next(session.consumer, completions - parked, parked - 1);
}

bool rings(const Fd &doorbell) {
    std::uint64_t count = 0;
    return ::read(doorbell.get(), &count, sizeof count) == static_cast<ssize_t>(sizeof count);
}

void wake_up_when_asleep() {
    Session session;
    auto doorbell = create_doorbell();
    CHECK(doorbell.ok());
    session.producer.submit(submission_of(0));
    session.producer.notify(doorbell.value());
    CHECK(!rings(doorbell.value())); // it is awake
    CHECK(!session.consumer.sleep_unless_pending(0));
    CHECK_EQ(session.layout->header.need_wakeup, 0);
    check_next(session.consumer, 0);
    CHECK(session.consumer.sleep_unless_pending(0));
    session.producer.submit(submission_of(1));
    session.producer.notify(doorbell.value());
    CHECK(rings(doorbell.value()));
    session.consumer.stay_awake();
    session.producer.notify(doorbell.value());
    CHECK(!rings(doorbell.value()));
}

// Two threads: one that submits and rings, one that sleeps on the doorbell. If a wake-up were ever lost, both
// would wait for ever.
void no_wake_up_is_lost() {
    Session session;
    auto doorbell = create_doorbell();
    CHECK(doorbell.ok());
    constexpr std::uint64_t count = sanitized ? 20'000 : 200'000;
    std::thread daemon([&] {
        Submission submission{};
        for (std::uint64_t taken = 0; taken < count;) {
            while (session.consumer.next(submission, 0) == RingConsumer::Next::submission) {
                session.consumer.complete(completion_of(submission.user_data));
                ++taken;
            }
            session.consumer.publish();
            if (taken < count && session.consumer.sleep_unless_pending(0)) {
                while (!rings(doorbell.value())) {
                    std::this_thread::yield();
                }
                session.consumer.stay_awake();
            }
        }
    });
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        session.producer.submit(submission_of(i));
        session.producer.notify(doorbell.value());
        Completion completion{};
        for (;;) {
            const std::uint32_t seen = session.producer.completions_seen();
            if (session.producer.complete(completion)) {
                break;
            }
            SessionHeader &header = session.layout->header;
            add_relaxed(header.completion_waiters, 1U);
            full_fence();
            if (load_acquire(header.completion_tail) == seen) {
                // Longer than any test may take: only a wake-up ends it.
                futex_wait(header.completion_tail, seen, 3600 * 1'000'000'000ULL);
            }
            add_relaxed(header.completion_waiters, ~0U);
        }
        wrong += completion.user_data != i ? 1U : 0U;
    }
    daemon.join();
    CHECK_EQ(wrong, 0);
}

constexpr Case cases[] = {
    {"round_and_round", round_and_round},
    {"full_ring", full_ring},
    {"counts_wrap", counts_wrap},
    {"tail_too_far_ahead", tail_too_far_ahead},
    {"tail_goes_back", tail_goes_back},
    {"head_beyond_what_was_completed", head_beyond_what_was_completed},
    {"own_words_are_private", own_words_are_private},
    {"completions_fill_up", completions_fill_up},
    {"parked_ones_keep_their_place", parked_ones_keep_their_place},
    {"wake_up_when_asleep", wake_up_when_asleep},
    {"no_wake_up_is_lost", no_wake_up_is_lost},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("rings", uakv::test::cases);
}
