// Attacks on the rings and on the rest of the session's memory: all of it is mapped for writing, at any moment.
#include "hostile/arena.h"

#include <array>
#include <atomic>
#include <thread>

namespace uakv::test {
namespace {

constexpr const char *impossible = "the heads and tails of its rings are impossible";

template <typename T> void write_shared(T &word, std::uint64_t value) {
    __atomic_store_n(&word, static_cast<T>(value), __ATOMIC_RELEASE);
}

// Rings whatever need_wakeup says, as the library never would.
void ring(RawClient &raw) {
    ring_doorbell(raw.doorbell());
}

void put_random(SessionLayout &session, std::uint32_t place, Random &random) {
    Submission submission;
    fill_random(&submission, sizeof submission, random);
    submission.opcode = static_cast<Opcode>(random.below(15)); // else nearly all end at the opcode
    write_words(session.submissions[place % limits::submissions], submission);
}

void random_submissions() {
    Arena arena;
    for_seeds([&](Random &random) {
        arena.survive([&] {
            RawClient raw(arena.daemon().socket_path());
            raw.attach();
            SessionLayout &session = raw.session();
            for (std::uint32_t tail = 0; tail < 2'000 && !has_hung_up(raw.socket());) {
                const std::uint32_t more = static_cast<std::uint32_t>(1 + random.below(8));
                for (std::uint32_t i = 0; i < more; ++i) {
                    put_random(session, tail + i, random);
                }
                tail += more;
                write_shared(session.header.submission_tail, tail);
                write_shared(session.header.completion_head, load_once(session.header.completion_tail));
                ring(raw);
            }
        });
    });
    arena.finish();
}

// One thread submits what is right, another flips words of it meanwhile: what the daemon checks and what it uses must
// be the same. The session ends sooner or later, for a slot or an opcode that is wrong by then.
void submissions_that_change() {
    Arena arena;
    for_seeds([&](Random &random) {
        arena.survive([&] {
            RawClient raw(arena.daemon().socket_path());
            raw.attach();
            const SpaceId space = raw.open_space("changing");
            std::atomic<bool> done{false};
            std::thread flipper([&] {
                for (std::uint32_t i = 0; !done; ++i) {
                    auto *words = reinterpret_cast<std::uint64_t *>(&raw.session().submissions[i % 64]);
                    __atomic_fetch_xor(words + 1 + random.below(15), 1ULL << random.below(64), __ATOMIC_RELAXED);
                }
            });
            for (std::uint64_t i = 0; i < 20'000 && !has_hung_up(raw.socket()); ++i) {
                Submission submission = submission_for(Opcode::grant, space, make_key("changing", i));
                const auto completion = raw.take();
                if (completion && completion->capacity != 0) {
                    submission = with_slot_of(submission, *completion);
                    submission.opcode = Opcode::commit;
                    submission.flags = submission_has_parent;
                }
                // A daemon that has ended the session takes no more: the ring is full then.
                if (i % 64 != 63) {
                    raw.submit(submission);
                } else {
                    await("the ring is empty, or the session over", [&] {
                        return load_once(raw.session().header.submission_head) ==
                                   load_once(raw.session().header.submission_tail) ||
                               has_hung_up(raw.socket());
                    });
                }
            }
            done = true;
            flipper.join();
        });
    });
    arena.finish();
}

void heads_and_tails_that_jump() {
    Arena arena;
    const std::array<void (*)(SessionLayout &), 6> jumps = {
        [](SessionLayout &session) { write_shared(session.header.submission_tail, limits::submissions + 1); },
        [](SessionLayout &session) { write_shared(session.header.submission_tail, UINT32_MAX); },
        [](SessionLayout &session) { write_shared(session.header.submission_tail, 1U << 31); },
        [](SessionLayout &session) {
            write_shared(session.header.completion_head, 1);
            write_shared(session.header.submission_tail, 1);
        },
        [](SessionLayout &session) {
            write_shared(session.header.completion_head, 1U << 31);
            write_shared(session.header.submission_tail, 1);
        },
        [](SessionLayout &session) {
            write_shared(session.header.completion_head, 0U - (limits::completions + 1));
            write_shared(session.header.submission_tail, limits::submissions);
        }};
    for (const auto jump : jumps) {
        arena.violate(impossible, [&](RawClient &raw) {
            jump(raw.session());
            ring(raw);
        });
    }
    arena.finish();
}

// Behind the daemon's own head, after it has answered something.
void tail_that_goes_back() {
    Arena arena;
    arena.violate(impossible, [](RawClient &raw) {
        raw.call(submission_for(Opcode::stats, 0, {}));
        raw.call(submission_for(Opcode::stats, 0, {}));
        write_shared(raw.session().header.submission_tail, 1);
        ring(raw);
    });
    arena.finish();
}

// All that the daemon writes itself, and never reads back.
void words_of_the_daemon() {
    Arena arena;
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            SessionLayout &session = raw.session();
            for (int i = 0; i < 200; ++i) {
                fill_random(&session.statistics, sizeof session.statistics, random);
                fill_random(session.latencies, sizeof session.latencies, random);
                fill_random(session.completions, sizeof session.completions, random);
                fill_random(&session.header, offsetof(SessionHeader, submission_tail), random);
                for (std::uint32_t *word :
                     {&session.header.submission_head, &session.header.completion_tail, &session.header.need_wakeup,
                      &session.header.completion_waiters, &session.header.bell_wanted}) {
                    write_shared(*word, random.next());
                }
                for (std::uint64_t *word : {&session.header.bytes_hit, &session.header.misses,
                                            &session.header.misses_expired, &session.header.touch_tail}) {
                    write_shared(*word, random.next());
                }
                fill_random(session.kept, sizeof session.kept, random);
                const auto tail = static_cast<std::uint32_t>(i + 1);
                write_words(session.submissions[(tail - 1) % limits::submissions],
                            submission_for(Opcode::stats, 0, {}));
                write_shared(session.header.submission_tail, tail);
                write_shared(session.header.completion_head, tail - 1); // not more than it has answered, at most
                ring(raw);
                await("the submission is taken", [&] {
                    ring(raw);
                    return load_once(session.header.submission_head) == tail;
                });
            }
        });
    });
    arena.finish();
}

// A daemon that is short of slots takes back those that clients keep: by words that clients write.
void kept_slots_that_are_not() {
    Arena arena(Memory::short_);
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            for (std::uint64_t i = 0; i < limits::grants_per_client_max; ++i) {
                if (raw.call(submission_for(Opcode::grant, 0, {}, 64 << 10)).status != UAKV_OK) {
                    break; // now others run short
                }
                for (std::uint64_t &word : raw.session().kept) {
                    // Small numbers name slots that there are: of this client, of the victim, free ones.
                    write_shared(word, random.below(2) == 0 ? random.next()
                                                            : (random.below(40) << 32 | random.below(64)) + 1);
                }
            }
        });
    });
    arena.finish();
}

void touches_of_entries_that_cannot_be() {
    Arena arena;
    for_seeds([&](Random &random) {
        arena.violate("it reported a hit on an entry that cannot exist", [&](RawClient &raw) {
            SessionLayout &session = raw.session();
            for (std::uint32_t &touch : session.touches) {
                write_shared(touch, UINT32_MAX - random.below(1'000));
            }
            write_shared(session.header.touch_tail, 1 + random.next() / 2);
        });
    });
    arena.finish();
}

// Numbers that entries can have, a tail that goes anywhere: wrong, but about nothing that matters.
void touches_that_are_lies() {
    Arena arena;
    for_seeds([&](Random &random) {
        arena.tolerate([&](RawClient &raw) {
            SessionLayout &session = raw.session();
            for (int i = 0; i < 100; ++i) {
                for (std::uint32_t &touch : session.touches) {
                    write_shared(touch, random.below(64));
                }
                write_shared(session.header.touch_tail, random.next());
                raw.call(submission_for(Opcode::stats, 0, {}));
            }
        });
    });
    arena.finish();
}

// It is not served any further once its completions are full, and waits for nobody but itself.
void completions_never_read() {
    Arena arena;
    arena.tolerate([](RawClient &raw) {
        SessionLayout &session = raw.session();
        std::uint32_t tail = 0;
        for (; tail < limits::completions + limits::submissions; ++tail) {
            await("the submission ring has a place, or the completions are full", [&] {
                return tail - load_once(session.header.submission_head) < limits::submissions ||
                       load_once(session.header.completion_tail) == limits::completions;
            });
            write_words(session.submissions[tail % limits::submissions], submission_for(Opcode::cancel, 0, {}));
            write_shared(session.header.submission_tail, tail + 1);
            ring(raw);
        }
        await("the completions are full",
              [&] { return load_once(session.header.completion_tail) == limits::completions; });
        CHECK_EQ(load_once(session.header.submission_head), limits::completions);
    });
    arena.finish();
}

constexpr Case cases[] = {
    {"random_submissions", random_submissions},
    {"submissions_that_change", submissions_that_change},
    {"heads_and_tails_that_jump", heads_and_tails_that_jump},
    {"tail_that_goes_back", tail_that_goes_back},
    {"words_of_the_daemon", words_of_the_daemon},
    {"kept_slots_that_are_not", kept_slots_that_are_not},
    {"touches_of_entries_that_cannot_be", touches_of_entries_that_cannot_be},
    {"touches_that_are_lies", touches_that_are_lies},
    {"completions_never_read", completions_never_read},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile.rings", uakv::test::cases);
}
