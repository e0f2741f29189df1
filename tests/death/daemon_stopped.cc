// The daemon stands still at each step that it takes: every call of a client ends in time. When it goes on, so do all,
// and what was asked meanwhile and given up has left nothing behind.
#include "death/every_call.h"
#include "death/life.h"
#include "death/own_sockets.h"
#include "death/points.h"
#include "death/shares.h"
#include "death/workload.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/process.h"

#include <algorithm>
#include <csignal>

#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t at_once = 10;
constexpr unsigned patience_s = 100;

struct Trial {
    Directory directory;
    std::string point;
    std::string armed;
    uint64_t seed = 0;
    Shared<std::atomic<bool>> ready;   // the one who makes every call
    Shared<std::atomic<bool>> stopped; // the daemon
    Shared<std::atomic<bool>> called;
    Shared<std::atomic<bool>> resumed;
    Shared<std::atomic<bool>> quiet; // nobody else works

    std::string socket_path() const { return Life::socket_path(directory); }
    bool is_at_the_end() const { return point == "stop_begun" || point == "socket_removed"; }
};

bool is_in(const std::string &name, std::initializer_list<const char *> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Late enough that somebody is there to be kept waiting.
uint64_t passing_of(const std::string &point) {
    if (is_in(point,
              {"connection_accepted", "hello_read", "session_made", "welcome_sent", "space_made", "segment_sent"})) {
        return 3;
    }
    return is_in(point, {"submission_taken", "slot_granted", "slot_held", "completion_written", "completion_published",
                         "entry_writing", "entry_written", "block_published", "block_accounted"})
               ? 40
               : 1;
}

void work(const Trial &trial) {
    alarm(patience_s);
    note_inherited_descriptors();
    await("somebody is there to be kept waiting", [&] { return trial.ready->load(); });
    WorkloadOptions options;
    options.socket_path = trial.socket_path();
    options.name = "work";
    options.seed = trial.seed;
    options.alone = false;
    options.timeout_ms = 1'000;
    options.may_time_out = true;
    options.cleared_blocks = trial.point == "clear_step" ? 2'500 : 3;
    options.ttl_ms = 2;
    Shared<Journal> journal;
    Workload workload(options, *journal);
    uakv_client *client = nullptr;
    while (!trial.resumed->load()) {
        if (client == nullptr && connect_to(trial.socket_path(), 0, options.timeout_ms, &client) != UAKV_OK) {
            continue;
        }
        if (trial.point.starts_with("takeover")) {
            workload.change_sizes(client);
        } else {
            workload.round(client);
        }
    }
    uakv_disconnect(client);
}

void call(const Trial &trial) {
    alarm(patience_s);
    EveryCall calls;
    const bool set_up = calls.set_up(trial.socket_path(), "calls", *trial.stopped);
    trial.ready->store(true);
    await("the daemon stands still", [&] { return trial.stopped->load(); });
    if (set_up) {
        calls.make_while_it_stands_still();
    }
    trial.called->store(true);
    await("the daemon goes on", [&] { return trial.resumed->load(); });
    if (!set_up) {
        return;
    }
    const uakv_status expected = trial.is_at_the_end() ? UAKV_ERR_DISCONNECTED : UAKV_OK;
    const uakv_key key = make_key("after");
    await("the client is served again", [&] { return store_block(calls.space(), key, 20'000) == expected; });
    if (!trial.is_at_the_end()) {
        await("the others are quiet", [&] { return trial.quiet->load(); });
        uakv_statistics now = {};
        now.struct_size = sizeof now;
        const auto counted = [&] {
            await("the busy daemon answers", [&] { return uakv_stats(calls.client(), &now) == UAKV_OK; });
            return now;
        };
        await_equal("flights", 0, [&] { return counted().flights; });
        await_equal("leases", 1, [&] { return counted().leases; });
    }
    calls.disconnect();
}

void check_nothing_left(const Trial &trial, Life &life) {
    uakv_client *client = nullptr;
    await("the daemon takes a client", [&] { return connect_to(trial.socket_path(), 0, 0, &client) == UAKV_OK; });
    uakv_statistics now = {};
    now.struct_size = sizeof now;
    const auto none = [&](const char *name, uint64_t uakv_statistics::*counter) {
        await_equal(name, 0, [&] {
            CHECK_STATUS(uakv_stats(client, &now), UAKV_OK);
            return now.*counter;
        });
    };
    none("slots_granted", &uakv_statistics::slots_granted);
    none("slots_limbo", &uakv_statistics::slots_limbo);
    none("leases", &uakv_statistics::leases);
    none("flights", &uakv_statistics::flights);
    CHECK_EQ(now.clients, 1);
    uakv_disconnect(client);
    life.signal(SIGTERM);
}

void stand_still(Trial &trial) {
    Life life(trial.directory, trial.armed);
    Child caller([&] { call(trial); });
    Child worker([&] { work(trial); });
    await("uakvd stands still", [&] {
        CHECK_MESSAGE(life.end().empty(), "uakvd ended: " + life.end());
        if (trial.ready->load() && !life.is_over_or_stopped()) {
            lead_by_rare_points(trial.directory, life);
            life.signal(trial.is_at_the_end() ? SIGTERM : 0);
        }
        return is_stopped(life.pid());
    });
    trial.stopped->store(true);
    caller.await("every call was made", [&] { return trial.called->load(); });
    life.signal(SIGCONT);
    trial.resumed->store(true);
    worker.join();
    trial.quiet->store(true);
    caller.join();
    if (!trial.is_at_the_end()) {
        check_nothing_left(trial, life);
    }
    await("uakvd ends", [&] { return !life.end().empty(); });
    CHECK_EQ(life.end(), "exit status 0");
}

void at_each_step(uint64_t seed) {
    const std::vector<std::string> points = sequence_points(Side::daemon);
    run_in_shares(at_once, [&](size_t first) {
        for (size_t i = first; i < points.size(); i += at_once) {
            Trial trial;
            trial.point = points[i];
            trial.seed = seed + i;
            trial.armed = at_point(trial.point, passing_of(trial.point), "stop");
            run_trial(trial.armed, seed, [&] { stand_still(trial); });
        }
    });
}

constexpr Case cases[] = {
    {"at_each_step", [] { run_for_effort(at_each_step); }},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("daemon_stopped", uakv::test::cases);
}
