// Attacks on the disk tier by those who may use it: loads, prefetches and flushes as fast as the ring takes them, never
// taken answers, and sessions that end in the middle of it.
#include "hostile/arena.h"
#include "support/child.h"
#include "support/process.h"

#include <array>

namespace uakv::test {
namespace {

constexpr std::uint64_t blocks = 400;
constexpr std::size_t block_bytes = 256 << 10; // together more than memory

// A daemon with a small memory and a disk, that has blocks on both.
class Ground {
public:
    Ground() {
        for (std::uint64_t i = 0; i < blocks; ++i) {
            CHECK_STATUS(store_block(space_, make_key("ground", i), block_bytes), UAKV_OK);
            if (i % 40 == 39) {
                CHECK_STATUS(uakv_flush(space_), UAKV_OK);
            }
        }
    }

    const Daemon &daemon() const { return daemon_; }

    // Who keeps to the rules is served all the same, and all that was taken comes back.
    void check() {
        CHECK_EQ(poll_for_exit(daemon_.pid()), "");
        for (std::uint64_t i = 0; i < blocks; i += 37) {
            check_stored_or_missing(space_, make_key("ground", i), block_bytes);
        }
        const uakv_key key = make_key("after", ++after_);
        CHECK_STATUS(store_block(space_, key, block_bytes), UAKV_OK);
        check_stored(space_, key, block_bytes);
        CHECK_STATUS(uakv_flush(space_), UAKV_OK);
        await_equal("the attackers are gone", 1, [&] { return client_.statistics().clients; });
        await_equal("leases are back", 0, [&] { return client_.statistics().leases; });
        await_equal("slots are out of limbo", 0, [&] { return client_.statistics().slots_limbo; });
    }

private:
    static DaemonOptions options() {
        DaemonOptions options;
        options.disk = "512MiB";
        return options;
    }

    Daemon daemon_{options()};
    Client client_{daemon_};
    Space space_{client_, "flooded"};
    std::uint64_t after_ = 0;
};

Submission random_request(Random &random, SpaceId space, std::uint64_t number) {
    constexpr std::array opcodes = {Opcode::load,  Opcode::load,   Opcode::load,  Opcode::prefetch, Opcode::flush,
                                    Opcode::check, Opcode::cancel, Opcode::claim, Opcode::remove,   Opcode::pin};
    Submission submission = submission_for(opcodes[random.below(opcodes.size())], space,
                                           make_key("ground", random.below(2 * blocks)), block_bytes);
    submission.flags = static_cast<std::uint8_t>(random.below(256));
    submission.user_data = number % 16; // numbers need not be unique
    submission.target = random.below(16);
    submission.ttl_ms = 10;
    submission.timeout_us = random.below(2) == 0 ? static_cast<std::uint32_t>(random.below(50'000)) : UINT32_MAX;
    return submission;
}

// With all answers taken, or none of them: then its requests wait in the ring.
void flood() {
    Ground ground;
    for (const bool takes : {true, false}) {
        for_seeds([&](Random &random) {
            run_child([&] {
                RawClient raw(ground.daemon().socket_path());
                raw.attach();
                const SpaceId space = raw.open_space("flooded");
                std::vector<Completion> slots;
                for (std::uint64_t i = 0; i < (takes ? 3'000U : limits::submissions); ++i) {
                    raw.submit(random_request(random, space, i));
                    while (const auto completion = takes ? raw.take() : std::nullopt) {
                        if (completion->capacity != 0) {
                            slots.push_back(*completion);
                        }
                    }
                    for (; !slots.empty(); slots.pop_back()) {
                        raw.submit(with_slot_of(submission_for(Opcode::abort, space, {}), slots.back()));
                    }
                }
            });
        });
        ground.check();
    }
}

// Each ends with a violation while its loads are under way.
void ended_in_the_middle() {
    Ground ground;
    for_seeds([&](Random &random) {
        run_child([&] {
            RawClient raw(ground.daemon().socket_path());
            raw.attach(random.below(2) == 0 ? UAKV_READ_ONLY : 0);
            const SpaceId space = raw.open_space("flooded");
            for (std::uint64_t i = 0; i < 100; ++i) {
                Submission load = submission_for(Opcode::load, space, make_key("ground", random.below(blocks)));
                load.timeout_us = UINT32_MAX;
                raw.submit(load);
            }
            raw.submit(submission_for(Opcode::flush, space, {}));
            raw.submit(submission_for(Opcode::load, limits::spaces_max, {}));
            const std::string why = raw.last_words();
            CHECK_MESSAGE(why.find("which there is not") != std::string::npos, why);
        });
    });
    ground.check();
}

constexpr Case cases[] = {
    {"flood", flood},
    {"ended_in_the_middle", ended_in_the_middle},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hostile.tiers", uakv::test::cases);
}
