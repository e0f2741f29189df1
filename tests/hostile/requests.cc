// Attacks by requests: as fast as the ring takes them, and about things that are not the asker's.
#include "hostile/arena.h"

#include <array>

namespace uakv::test {
namespace {

Completion granted(RawClient &raw, std::uint64_t length = 4096) {
    const Completion completion = raw.call(submission_for(Opcode::grant, 0, {}, length));
    CHECK_STATUS(completion.status, UAKV_OK);
    return completion;
}

Submission commit_of(RawClient &raw, const Completion &slot, std::uint64_t number, std::uint64_t length = 4096) {
    return with_slot_of(submission_for(Opcode::commit, raw.open_space("mine"), make_key("mine", number), length), slot);
}

// Whatever a well-formed request can ask for, all kinds mixed, with the ring always full.
void flood() {
    Arena arena(Memory::short_);
    for_seeds([&](Random &random) {
        arena.tolerate(
            [&](RawClient &raw) {
                const SpaceId space = raw.open_space("flooded");
                constexpr std::array opcodes = {Opcode::grant,   Opcode::claim, Opcode::cancel, Opcode::pin,
                                                Opcode::clear,   Opcode::check, Opcode::stats,  Opcode::remove,
                                                Opcode::commit,  Opcode::abort, Opcode::load,   Opcode::flush,
                                                Opcode::prefetch};
                std::vector<Completion> slots;
                for (std::uint64_t i = 0; i < 20'000; ++i) {
                    while (const auto completion = raw.take()) {
                        if (completion->capacity != 0) {
                            slots.push_back(*completion);
                        }
                    }
                    Submission submission = submission_for(opcodes[random.below(opcodes.size())], space,
                                                           make_key("flooded", random.below(64)), 4096);
                    submission.user_data = i;
                    submission.target = i - random.below(64);
                    submission.ttl_ms = 20;
                    submission.checksum = random.next(); // what it stores is corrupt, and found so by its checks
                    if (submission.opcode == Opcode::commit || submission.opcode == Opcode::abort) {
                        if (slots.empty()) {
                            continue;
                        }
                        submission = with_slot_of(submission, slots.back());
                        slots.pop_back();
                    }
                    raw.submit(submission);
                }
            },
            0, Arena::Log::expected);
    });
    arena.finish();
}

// Each block that a check finds corrupt is a line of the log, but not as many as a client likes.
void log_of_corrupt_blocks() {
    Arena arena;
    constexpr std::uint64_t blocks = 500;
    arena.tolerate(
        [](RawClient &raw) {
            for (std::uint64_t i = 0; i < blocks; ++i) {
                Submission commit = commit_of(raw, granted(raw), i);
                commit.checksum = i;
                CHECK_STATUS(raw.call(commit).status, UAKV_OK);
                Submission check = commit;
                check.opcode = Opcode::check;
                CHECK_EQ(raw.call(check).value, 1);
            }
        },
        0, Arena::Log::expected);
    const std::string log = arena.daemon().log();
    std::uint64_t lines = 0;
    for (std::size_t at = 0; (at = log.find("its checksum failed", at)) != std::string::npos; ++at) {
        ++lines;
    }
    CHECK(lines > 0);
    CHECK_MESSAGE(lines < blocks, "every one is logged");
    arena.finish();
}

void slots_that_it_does_not_hold() {
    Arena arena;
    const std::array<Opcode, 2> opcodes = {Opcode::commit, Opcode::abort};
    for (const Opcode opcode : opcodes) {
        const char *words = opcode == Opcode::commit ? "it committed slot" : "it gave back slot";
        for (std::uint32_t slot = 0; slot < 3; ++slot) { // the victim's, or nobody's
            arena.violate(words, [&](RawClient &raw) {
                Completion foreign{};
                foreign.segment = slot == 2 ? UINT32_MAX : slot;
                foreign.slot = slot == 2 ? UINT32_MAX : 0;
                Submission submission = commit_of(raw, foreign, slot);
                submission.opcode = opcode;
                raw.submit(submission);
            });
        }
    }
    arena.finish();
}

void slots_used_twice() {
    Arena arena;
    const auto twice = [&](Opcode first, Opcode second, const char *words) {
        arena.violate(words, [&](RawClient &raw) {
            const auto number = static_cast<std::uint64_t>(::getpid());
            Submission submission = commit_of(raw, granted(raw, 1 << 20), number, 1 << 20); // too big for one ahead
            submission.opcode = first;
            CHECK_STATUS(raw.call(submission).status, UAKV_OK);
            submission.opcode = second;
            submission.key = make_key("mine", 8);

            raw.submit(submission);
        });
    };
    twice(Opcode::commit, Opcode::commit, "it committed slot");
    twice(Opcode::commit, Opcode::abort, "it gave back slot");
    twice(Opcode::abort, Opcode::abort, "it gave back slot");
    twice(Opcode::abort, Opcode::commit, "it committed slot");
    arena.finish();
}

void lengths_that_do_not_fit() {
    Arena arena;
    for (const std::uint64_t length : std::array<std::uint64_t, 4>{0, 4097, 1ULL << 63, UINT64_MAX}) {
        arena.violate("bytes in a slot of 4096",
                      [&](RawClient &raw) { raw.submit(commit_of(raw, granted(raw), 1, length)); });
        if (length != 4097) {
            arena.violate("it asked for a slot of",
                          [&](RawClient &raw) { raw.submit(submission_for(Opcode::grant, 0, {}, length)); });
        }
    }
    arena.finish();
}

void spaces_that_there_are_not() {
    Arena arena;
    for (const std::uint32_t space : std::array<std::uint32_t, 3>{2, limits::spaces_max, UINT32_MAX}) {
        arena.violate("or to space", [&](RawClient &raw) {
            raw.submit(with_slot_of(submission_for(Opcode::commit, space, {}), granted(raw)));
        });
        arena.violate("it claimed a block of",
                      [&](RawClient &raw) { raw.submit(submission_for(Opcode::claim, space, {})); });
        arena.violate("there is no space",
                      [&](RawClient &raw) { raw.submit(submission_for(Opcode::clear, space, {})); });
        for (const Opcode opcode : {Opcode::load, Opcode::prefetch, Opcode::flush}) {
            arena.violate("which there is not", [&](RawClient &raw) { raw.submit(submission_for(opcode, space, {})); });
        }
    }
    arena.tolerate([](RawClient &raw) { // these find nothing there
        for (const Opcode opcode : {Opcode::remove, Opcode::check, Opcode::pin}) {
            const Completion completion = raw.call(submission_for(opcode, UINT32_MAX, {}));
            CHECK_STATUS(completion.status, UAKV_OK);
            CHECK_EQ(completion.value, 0);
        }
    });
    arena.finish();
}

// A block that hangs on itself, and two on each other: no order of leaving may go round in circles.
void parents_in_circles() {
    Arena arena(Memory::short_);
    arena.tolerate([](RawClient &raw) {
        for (std::uint64_t i = 0; i < 2'000; ++i) {
            Submission commit = commit_of(raw, granted(raw, 64 << 10), i, 64 << 10);
            commit.flags = submission_has_parent;
            commit.parent = make_key("mine", i % 2 == 0 ? i : i ^ 3);
            const uakv_status status = raw.call(commit).status;
            CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS, uakv_status_name(status));
        }
    });
    arena.finish();
}

void writes_of_a_reader() {
    Arena arena;
    struct Wrong {
        Opcode opcode;
        const char *words;
    };
    for (const Wrong &wrong :
         {Wrong{Opcode::grant, "it asked for a slot of"}, Wrong{Opcode::claim, "it asked for a slot of"},
          Wrong{Opcode::commit, "it committed slot"}, Wrong{Opcode::abort, "it gave back slot"},
          Wrong{Opcode::remove, "it is read-only and removed a block"},
          Wrong{Opcode::pin, "it is read-only and pinned a block"},
          Wrong{Opcode::clear, "it is read-only and cleared a space"}}) {
        arena.violate(
            wrong.words, [&](RawClient &raw) { raw.submit(submission_for(wrong.opcode, 0, make_key("victim 0", 1))); },
            UAKV_READ_ONLY);
    }
    arena.tolerate(
        [](RawClient &raw) {
            for (const Opcode opcode : {Opcode::check, Opcode::stats, Opcode::cancel}) {
                CHECK_STATUS(raw.call(submission_for(opcode, 0, make_key("victim 0", 1))).status, UAKV_OK);
            }
        },
        UAKV_READ_ONLY);
    arena.finish();
}

void opcodes_that_there_are_not() {
    Arena arena;
    for (const unsigned opcode : {0U, 14U, 128U, 255U}) {
        arena.violate("it submitted opcode " + std::to_string(opcode),
                      [&](RawClient &raw) { raw.submit(submission_for(static_cast<Opcode>(opcode), 0, {})); });
    }
    arena.finish();
}

constexpr Case cases[] = {
    {"flood", flood},
    {"log_of_corrupt_blocks", log_of_corrupt_blocks},
    {"slots_that_it_does_not_hold", slots_that_it_does_not_hold},
    {"slots_used_twice", slots_used_twice},
    {"lengths_that_do_not_fit", lengths_that_do_not_fit},
    {"spaces_that_there_are_not", spaces_that_there_are_not},
    {"parents_in_circles", parents_in_circles},
    {"writes_of_a_reader", writes_of_a_reader},
    {"opcodes_that_there_are_not", opcodes_that_there_are_not},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile.requests", uakv::test::cases);
}
