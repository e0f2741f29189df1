// A client dies at each step that it takes. What it committed stays, what it did not is nowhere; what it held goes
// back, who waited for it gets a turn, and nobody else sees a thing.
#include "death/companion.h"
#include "death/own_sockets.h"
#include "death/points.h"
#include "death/shares.h"
#include "death/witness.h"
#include "death/workload.h"
#include "support/check.h"
#include "support/child.h"

namespace uakv::test {
namespace {

constexpr size_t at_once = 4;
constexpr int rounds_max = 30;

// What is wrong for a waiter to see, or for the accounts to hold, fails the test.
void die(const Accounts &accounts, const std::string &name, uint64_t seed) {
    Shared<Journal> journal;
    Shared<std::atomic<bool>> stop;
    const Witness witness(accounts, name);
    Child companion([&] { fly_along(accounts.socket_path(), name, *journal, *stop); });
    Child victim([&] {
        note_inherited_descriptors();
        arm_this_process(name);
        WorkloadOptions options;
        options.socket_path = accounts.socket_path();
        options.name = name;
        options.seed = seed;
        Workload workload(options, *journal);
        for (int round = 0; round < rounds_max; ++round) {
            workload.round();
        }
    });
    const std::string end = victim.end();
    CHECK_MESSAGE(end == "signal 9 (Killed)", "the client was to die at " + name + ", and ended with " + end);
    witness.check_flights(*journal);
    stop->store(true);
    companion.join();
    witness.check_blocks(*journal);
    witness.clear();
}

// The first passing, and a later one.
void at_each_step(uint64_t seed) {
    const std::vector<std::string> points = sequence_points(Side::client);
    run_in_shares(at_once, [&](size_t first) {
        const Accounts accounts;
        for (size_t i = first; i < 2 * points.size(); i += at_once) {
            const uint64_t passing = i < points.size() ? 1 : 2 + (seed + i) % 6;
            const std::string name = at_point(points[i % points.size()], passing, "kill");
            run_trial(name, seed, [&] {
                die(accounts, name, seed + i);
                accounts.await_empty();
            });
        }
    });
}

constexpr Case cases[] = {
    {"at_each_step", [] { run_for_effort(at_each_step); }},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("client_killed", uakv::test::cases);
}
