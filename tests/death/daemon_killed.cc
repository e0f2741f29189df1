// The daemon dies at each step that it takes. No call hangs or shows wrong bytes, views stay as they are, and the
// clients work on by themselves with the daemon that comes after it, which serves what it has and nothing else.
#include "death/life.h"
#include "death/own_sockets.h"
#include "death/points.h"
#include "death/shares.h"
#include "death/workload.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/pattern.h"

#include <algorithm>
#include <csignal>
#include <iterator>

#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t at_once = 6;
constexpr size_t held_blocks = 3;
constexpr size_t held_bytes = 9'000;
constexpr unsigned patience_s = 100;

struct Trial {
    Directory directory;
    std::string point;
    std::string armed;
    uint64_t seed = 0;
    Shared<std::atomic<int>> at_work;   // clients
    Shared<std::atomic<bool>> dead;     // the daemon
    Shared<std::atomic<bool>> replaced; // another one serves

    std::string socket_path() const { return Life::socket_path(directory); }
};

bool is_in(const std::string &name, std::initializer_list<const char *> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// A daemon comes by these once, when it begins or ends, or once a space, or not often.
bool is_passed_once(const std::string &point) {
    return is_in(point, {"socket_locked", "socket_listens", "segments_taken", "stop_begun", "socket_removed",
                         "space_written", "space_noted"});
}

bool is_passed_at_the_end(const std::string &point) {
    return is_in(point, {"stop_begun", "socket_removed"});
}

// Views on blocks of the daemon that is about to die.
class Holdings {
public:
    explicit Holdings(const std::string &name) : keys_(make_keys(name + "/held", held_blocks)) {}

    void take(uakv_space *space) {
        for (const uakv_key &key : keys_) {
            uakv_view view;
            if (store_block(space, key, held_bytes) == UAKV_OK &&
                uakv_retrieve(space, &key, nullptr, &view) == UAKV_OK) {
                views_.push_back({key, view});
            }
        }
    }

    void check() const {
        for (const auto &[key, view] : views_) {
            check_block(view.data, view.nbytes, key);
        }
    }

    // The new daemon does not have them.
    void check_gone(uakv_space *space) const { CHECK_EQ(count_present(space, keys_.data(), keys_.size()), 0); }

    void release() {
        check();
        for (auto &[key, view] : views_) {
            CHECK_STATUS(uakv_release(&view), UAKV_OK);
        }
    }

private:
    struct Held {
        uakv_key key;
        uakv_view view;
    };
    const std::vector<uakv_key> keys_;
    std::vector<Held> views_;
};

WorkloadOptions options_of(const Trial &trial, const std::string &name) {
    WorkloadOptions options;
    options.socket_path = trial.socket_path();
    options.name = name;
    options.seed = trial.seed;
    options.alone = false;
    options.cleared_blocks = trial.point == "clear_step" ? 2'500 : 3;
    options.ttl_ms = 2;
    return options;
}

void live_through_it(const Trial &trial, const std::string &name) {
    alarm(patience_s); // a call that hangs
    note_inherited_descriptors();
    const WorkloadOptions options = options_of(trial, name);
    Shared<Journal> journal;
    Workload workload(options, *journal);
    uakv_client *client = nullptr;
    uakv_space *space = nullptr;
    await("the client is connected",
          [&] { return connect_to(trial.socket_path(), 0, options.timeout_ms, &client) == UAKV_OK; });
    await("a space is open", [&] { return uakv_space_open(client, "held", nullptr, &space) == UAKV_OK; });
    Holdings holdings(name);
    holdings.take(space);
    const bool before = !trial.dead->load();
    trial.at_work->fetch_add(1);
    while (!trial.replaced->load()) {
        if (trial.point.starts_with("takeover")) {
            workload.change_sizes(client);
        } else {
            workload.round(client);
        }
        holdings.check();
    }
    const uakv_key key = make_key(name + "/after");
    await("the client stores again", [&] {
        const uakv_status status = store_block(space, key, held_bytes);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_ERR_DISCONNECTED, uakv_status_name(status));
        return status == UAKV_OK;
    });
    check_stored(space, key, held_bytes);
    if (before) {
        holdings.check_gone(space);
    }
    workload.round(client);
    holdings.release();
    uakv_disconnect(client);
}

void die(Trial &trial) {
    Life first(trial.directory, trial.armed);
    Child one([&] { live_through_it(trial, "one"); });
    Child other([&] { live_through_it(trial, "other"); });
    await("uakvd dies", [&] {
        if (first.end().empty() && trial.at_work->load() == 2) {
            lead_by_rare_points(trial.directory, first);
            first.signal(is_passed_at_the_end(trial.point) ? SIGTERM : 0);
        }
        return !first.end().empty();
    });
    trial.dead->store(true);
    CHECK_EQ(first.end(), "signal 9 (Killed)");
    Life second(trial.directory, "");
    uakv_client *client = nullptr;
    await("the next uakvd serves", [&] { return connect_to(trial.socket_path(), 0, 0, &client) == UAKV_OK; });
    trial.replaced->store(true);
    one.join();
    other.join();
    uakv_disconnect(client);
    second.signal(SIGTERM);
    await("the next uakvd ends", [&] { return !second.end().empty(); });
    CHECK_EQ(second.end(), "exit status 0");
}

void at_each_step(uint64_t seed) {
    const std::vector<std::string> points = sequence_points(Side::daemon);
    run_in_shares(at_once, [&](size_t first) {
        for (size_t i = first; i < 2 * points.size(); i += at_once) {
            Trial trial;
            trial.point = points[i % points.size()];
            trial.seed = seed + i;
            if (i >= points.size() && is_passed_once(trial.point)) {
                continue;
            }
            trial.armed = at_point(trial.point, i < points.size() ? 1 : 2 + (seed + i) % 3, "kill");
            run_trial(trial.armed, seed, [&] { die(trial); });
        }
    });
}

constexpr Case cases[] = {
    {"at_each_step", [] { run_for_effort(at_each_step); }},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("daemon_killed", uakv::test::cases);
}
