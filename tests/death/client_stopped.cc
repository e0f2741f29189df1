// A client stands still at each step that it takes, as under a debugger or a frozen container: nobody else is held up.
// Then it goes on, and finds its blocks right or gone.
#include "death/companion.h"
#include "death/own_sockets.h"
#include "death/points.h"
#include "death/shares.h"
#include "death/witness.h"
#include "death/workload.h"
#include "support/check.h"
#include "support/child.h"
#include "support/process.h"

namespace uakv::test {
namespace {

constexpr size_t at_once = 4;
constexpr int rounds_after = 3;
constexpr int rounds_max = 30;
constexpr size_t filling_blocks = 300; // more than there is memory

DaemonOptions small_daemon() {
    DaemonOptions options;
    options.memory = "16MiB";
    options.environment = {{"UAKV_SINGLE_FLIGHT", "50ms"}};
    return options;
}

// All that others do goes on: hits, stores, evictions, removals.
void live_beside(const Witness &witness, const std::string &name) {
    const std::vector<uakv_key> keys = make_keys(name + "/filling", filling_blocks);
    for (size_t i = 0; i < keys.size(); ++i) {
        const size_t bytes = i % 3 == 0 ? 200'000 : 9'000; // also in the places of the workload's blocks
        CHECK_STATUS(store_block(witness.space(), keys[i], bytes), UAKV_OK);
        check_stored_or_missing(witness.space(), keys[i], bytes);
    }
    const size_t left = count_present(witness.space(), keys.data(), keys.size());
    CHECK_MESSAGE(left < filling_blocks, "nothing was evicted");
    CHECK_STATUS(uakv_remove(witness.space(), keys.data(), keys.size(), nullptr), UAKV_OK);
    witness.check_view();
}

void stand_still(const Accounts &accounts, const std::string &name, uint64_t seed) {
    Shared<Journal> journal;
    Shared<std::atomic<bool>> stop, stopped_once;
    const Witness witness(accounts, name);
    Child companion([&] { fly_along(accounts.socket_path(), name, *journal, *stop); });
    Child victim([&] {
        note_inherited_descriptors();
        arm_this_process(name);
        WorkloadOptions options;
        options.socket_path = accounts.socket_path();
        options.name = name;
        options.seed = seed;
        options.alone = false;
        Workload workload(options, *journal);
        for (int round = 0; round < rounds_max && !stopped_once->load(); ++round) {
            workload.round();
        }
        CHECK_MESSAGE(stopped_once->load(), "it does not come by");
        for (int round = 0; round < rounds_after; ++round) {
            workload.round();
        }
    });
    victim.await("the client stands still", [&] { return is_stopped(victim.pid()); });
    stopped_once->store(true);
    live_beside(witness, name);
    witness.check_flights(*journal);
    victim.resume();
    victim.join();
    stop->store(true);
    companion.join();
    witness.clear();
}

void at_each_step(uint64_t seed) {
    const std::vector<std::string> points = sequence_points(Side::client);
    run_in_shares(at_once, [&](size_t first) {
        const Accounts accounts(small_daemon());
        for (size_t i = first; i < points.size(); i += at_once) {
            const std::string name = at_point(points[i], 1 + (seed + i) % 3, "stop");
            run_trial(name, seed, [&] {
                stand_still(accounts, name, seed + i);
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
    return uakv::test::run_cases("client_stopped", uakv::test::cases);
}
