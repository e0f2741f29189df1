// The disk tier on a disk that lies. Without arguments: campaigns, each of UAKV_TEST_SECONDS, from UAKV_TEST_SEED on.
// `campaign PART` (0 to 3): crashes at each call of short workloads. Others: one run, told step by step: `points SEED
// CALL` or `lives PROFILE SEED`.
#include "daemon/base/log.h"
#include "sim/tier_runs.h"
#include "support/check.h"
#include "support/effort.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace uakv::test {
namespace {

constexpr std::chrono::seconds usual{5};

class Deadline {
public:
    explicit Deadline(std::chrono::seconds at_least = usual)
        : end_(std::chrono::steady_clock::now() + effort(at_least)) {}
    bool passed() const { return std::chrono::steady_clock::now() >= end_; }

private:
    std::chrono::steady_clock::time_point end_;
};

void tell(const std::string &what, const SimTally &tally) {
    std::printf("%s: %s\n", what.c_str(), tally.text().c_str());
}

// Short workloads of all profiles, each with a crash at every call of the device. The parts share the work of one
// campaign: each has seeds of its own, and meets all that the campaign is for.
void every_crash_point(std::uint64_t part) {
    const Deadline deadline{std::chrono::seconds(0)};
    const std::uint64_t points_min = sanitized ? 250 : 2500;
    const std::uint64_t first = seed() + part * 1000;
    SimTally sum;
    std::uint64_t points = 0;
    std::uint64_t number = first;
    for (; number < first + profiles().size() || points < points_min || !deadline.passed(); ++number) {
        const CrashWorkload workload(number);
        for (std::uint64_t call = 0;; call += sanitized ? 10 : 1) {
            try {
                const auto tally = workload.run(call);
                if (!tally) {
                    break;
                }
                sum.add(*tally);
                ++points;
            } catch (const Failure &failure) {
                throw Failure(std::string(failure.what()) + "; again with: test_sim_tier points " +
                              std::to_string(number) + " " + std::to_string(call));
            }
        }
    }
    tell(std::to_string(points) + " crash points of the workloads " + std::to_string(first) + " to " +
             std::to_string(number - 1),
         sum);
    CHECK(points >= points_min);
    CHECK(sum.found > 0 && sum.flushed > 0 && sum.checkpoints > 0 && sum.from_checkpoint > 0 && sum.removed_files > 0);
    CHECK(sum.relocated_bytes > 0 && sum.dropped > 0 && sum.tombstones > 0);
    CHECK(sum.torn_pages > 0 && sum.lost_pages > 0 && sum.torn_logs > 0 && sum.faults() > 0 && sum.corrupt > 0);
}

template <std::uint64_t part> void crash_points() {
    every_crash_point(part);
}

SimTally many_lives(const Profile &profile) {
    const Deadline deadline;
    SimTally sum;
    std::uint64_t runs = 0;
    for (std::uint64_t number = seed(); runs < 10 || !deadline.passed(); ++number, ++runs) {
        try {
            sum.add(run_lives(number, profile));
        } catch (const Failure &failure) {
            throw Failure(std::string(failure.what()) + "; again with: test_sim_tier lives " + profile.name + " " +
                          std::to_string(number));
        }
    }
    tell(std::to_string(runs) + " runs, " + profile.name, sum);
    CHECK(sum.crashes > 0 && sum.found > 0 && sum.read > 0 && sum.flushed > 0);
    return sum;
}

const Profile &profile_named(const std::string &name) {
    const auto found = std::ranges::find_if(profiles(), [&](const Profile &profile) { return name == profile.name; });
    CHECK_MESSAGE(found != profiles().end(), "there is no profile " + name);
    return *found;
}

template <std::size_t number> void lives() {
    const Profile &profile = profiles()[number];
    const SimTally sum = many_lives(profile);
    if (profile.rot > 0) {
        CHECK(sum.corrupt > 0);
    }
    // The others only have little room, time or budget; and of a full disk the tier does not ask for what there is not.
    constexpr std::array without_faults = {"tight", "slow", "budget", "full"};
    if (!profile.calm &&
        std::ranges::none_of(without_faults, [&](std::string_view name) { return name == profile.name; })) {
        CHECK(sum.faults() > 0);
    }
}

// A victim was given up for want of a place, after some of it had been copied, and taken up again: it was removed
// before the copies of the first time were synced.
void copies_of_a_victim_given_up() {
    run_lives(156, profile_named("tight"));
}

// A log file and a checkpoint were made at once, each within what was free.
void two_files_made_at_once() {
    run_lives(77, profile_named("full"));
}

constexpr Case cases[] = {
    {"copies_of_a_victim_given_up", copies_of_a_victim_given_up},
    {"two_files_made_at_once", two_files_made_at_once},
    {"lives_sound", lives<0>},
    {"lives_tight", lives<1>},
    {"lives_rot", lives<2>},
    {"lives_short", lives<3>},
    {"lives_errors", lives<4>},
    {"lives_full", lives<5>},
    {"lives_slow", lives<6>},
    {"lives_budget", lives<7>},
    {"lives_lying", lives<8>},
    {"lives_crowded", lives<9>},
};

constexpr Case points_0[] = {{"crash_points_0", crash_points<0>}};
constexpr Case points_1[] = {{"crash_points_1", crash_points<1>}};
constexpr Case points_2[] = {{"crash_points_2", crash_points<2>}};
constexpr Case points_3[] = {{"crash_points_3", crash_points<3>}};

int campaign(const std::string &part) {
    return part == "0"   ? run_cases("sim_points", points_0)
           : part == "1" ? run_cases("sim_points", points_1)
           : part == "2" ? run_cases("sim_points", points_2)
                         : run_cases("sim_points", points_3);
}

std::uint64_t number_of(const std::string &text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    CHECK_MESSAGE(error == std::errc{} && end == text.data() + text.size(), text + " is no number");
    return number;
}

int repeat(const std::vector<std::string> &arguments) {
    try {
        CHECK_MESSAGE(arguments.size() == 3, "expected: points SEED CALL, or: lives PROFILE SEED");
        if (arguments[0] == "points") {
            const auto tally = CrashWorkload(number_of(arguments[1])).run(number_of(arguments[2]), true);
            tell("crash point", tally.value_or(SimTally{}));
        } else {
            tell("lives", run_lives(number_of(arguments[2]), profile_named(arguments[1]), true));
        }
    } catch (const Failure &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
    return 0;
}

} // namespace
} // namespace uakv::test

int main(int argc, char **argv) {
    using namespace uakv::test;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const bool is_campaign = arguments.size() == 2 && arguments[0] == "campaign";
    if (!arguments.empty() && !is_campaign) {
        return repeat(arguments);
    }
    uakv::set_log_level(uakv::LogLevel::error); // disks that fail are what this is about
    if (is_campaign) {
        return campaign(arguments[1]);
    }
    return run_cases("sim_tier", cases);
}
