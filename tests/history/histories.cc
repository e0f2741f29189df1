// Many processes work on the same few keys in a memory that is too small, by all calls of the ABI, while they and the
// daemon are stopped and killed. Afterwards the checker asks whether there is an explanation for all that they saw.
//
// Time is cut into rounds with a daemon of their own. A round's seed makes the plan of each process; when they get
// their turns is the machine's affair. UAKV_TEST_SEED begins with the round of that seed.
#include "history/checker.h"
#include "history/departure_log.h"
#include "history/worker.h"
#include "support/check.h"
#include "support/child.h"
#include "support/daemon.h"
#include "support/effort.h"
#include "support/pattern.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <poll.h>
#include <sys/wait.h>

namespace uakv::test {
namespace {

constexpr uint8_t process_count = 6;
constexpr std::chrono::milliseconds round_time{2000};
constexpr uint64_t single_flight_ms = 300;

// What a round does to the processes, by its seed.
struct Disturbances {
    bool workers_die;
    bool workers_stop;
    bool daemon_stops;
    bool daemon_dies;
};

Disturbances disturbances_of(uint64_t seed) {
    switch (seed % 5) {
    case 0:
        return {true, true, true, true};
    case 1:
        return {true, true, false, false};
    case 2:
        return {false, false, false, false};
    case 3:
        return {true, false, false, true};
    default:
        return {true, true, true, false};
    }
}

DaemonOptions daemon_options(const Directory &directory) {
    const std::string path = directory.path() + "/uakvd.yaml";
    std::ofstream(path) << "single_flight: " << single_flight_ms << "ms\n";
    DaemonOptions options;
    options.memory = "16MiB";
    options.arguments = {"--config", path, "--log-level", "trace"};
    return options;
}

// Without taking its exit status from those who ask later.
bool has_ended(pid_t child) {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

class Round {
public:
    explicit Round(uint64_t seed)
        : random_(seed), disturbances_(disturbances_of(seed)), begun_ns_(Journal::now_ns()),
          daemon_(daemon_options(directory_)) {
        history_.daemons.push_back({begun_ns_, never});
        history_.single_flight_ns = single_flight_ms * 1'000'000;
    }

    History run(std::chrono::milliseconds time);

private:
    struct Process {
        std::unique_ptr<Shared<Journal>> journal;
        std::unique_ptr<Child> child;
        uint16_t incarnation = 0;
    };

    void start(uint8_t number);
    void disturb();
    void kill_worker(uint8_t number);
    void stop_worker(uint8_t number);
    void kill_daemon();
    void rest(uint64_t most_ms) { ::poll(nullptr, 0, static_cast<int>(1 + random_.below(most_ms))); }

    Random random_;
    const Disturbances disturbances_;
    Directory directory_;
    uint64_t begun_ns_;
    Daemon daemon_;
    Shared<std::atomic<bool>> stop_;
    Process processes_[process_count];
    History history_;
};

void Round::start(uint8_t number) {
    Process &process = processes_[number];
    WorkerOptions options;
    options.socket_path = daemon_.socket_path();
    options.process = number;
    options.incarnation = ++process.incarnation;
    options.seed = random_.next();
    process.child = std::make_unique<Child>([&, options] { work(options, **process.journal, *stop_); });
}

void Round::kill_worker(uint8_t number) {
    Process &process = processes_[number];
    if (!(*process.journal)->has_room()) {
        return; // it has ended
    }
    history_.deaths.push_back({number, process.incarnation, Journal::now_ns()});
    process.child->kill();
    start(number);
}

void Round::stop_worker(uint8_t number) {
    processes_[number].child->pause();
    rest(80);
    processes_[number].child->resume();
}

void Round::kill_daemon() {
    daemon_.kill();
    history_.daemons.back().ended_ns = Journal::now_ns();
    rest(30);
    history_.daemons.push_back({Journal::now_ns(), never});
    daemon_.start();
}

void Round::disturb() {
    CHECK_MESSAGE(!has_ended(daemon_.pid()), "uakvd ended by itself");
    const auto worker = static_cast<uint8_t>(random_.below(process_count));
    const uint64_t choice = random_.below(10);
    if (choice < 5 && disturbances_.workers_die) {
        kill_worker(worker);
    } else if (choice < 7 && disturbances_.workers_stop) {
        stop_worker(worker);
    } else if (choice < 8 && disturbances_.daemon_stops) {
        daemon_.pause();
        rest(40);
        daemon_.resume();
    } else if (choice == 9 && disturbances_.daemon_dies) {
        kill_daemon();
    }
}

History Round::run(std::chrono::milliseconds time) {
    for (uint8_t number = 0; number < process_count; ++number) {
        processes_[number].journal = std::make_unique<Shared<Journal>>();
        start(number);
    }
    const uint64_t end_ns = begun_ns_ + static_cast<uint64_t>(time.count()) * 1'000'000;
    while (Journal::now_ns() < end_ns) {
        rest(60);
        disturb();
    }
    stop_->store(true);
    for (const Process &process : processes_) {
        process.child->join();
        const std::vector<Operation> operations = (*process.journal)->read();
        history_.operations.insert(history_.operations.end(), operations.begin(), operations.end());
    }
    const std::string log = daemon_.log();
    daemon_.stop();
    history_.departures = read_departures(log, history_.daemons);
    return std::move(history_);
}

// A run in which nothing happens proves nothing.
struct Tally {
    size_t operations = 0, hits = 0, misses = 0, stored = 0, exists = 0, evicted = 0, expired = 0, claimed = 0,
           open = 0;
    size_t rounds = 0, deaths = 0, daemons = 0;
    std::map<uakv_status, size_t> refused;

    void add(const History &history);
    void print() const;
};

void Tally::add(const History &history) {
    ++rounds;
    deaths += history.deaths.size();
    daemons += history.daemons.size();
    operations += history.operations.size();
    for (const Operation &operation : history.operations) {
        const bool finds = operation.action == Action::retrieve;
        const bool stores = operation.action == Action::store || operation.action == Action::commit;
        if (operation.responded_ns == 0) {
            ++open;
            continue;
        }
        hits += finds && operation.status == UAKV_OK;
        misses += finds && operation.status == UAKV_MISS;
        stored += stores && operation.status == UAKV_OK;
        exists += stores && operation.status == UAKV_EXISTS;
        claimed += operation.action == Action::claim && operation.status == UAKV_MISS;
        if (operation.status < 0) {
            ++refused[operation.status];
        }
    }
    for (const Departed &departed : history.departures) {
        evicted += departed.why == "evicted" || departed.why == "rebalanced";
        expired += departed.why == "expired";
    }
}

void Tally::print() const {
    std::printf("%zu rounds, %zu daemons, %zu processes killed: %zu operations (%zu without an answer), "
                "%zu hits, %zu misses, %zu stored, %zu existed, %zu claimed; %zu evicted, %zu expired\n",
                rounds, daemons, deaths, operations, open, hits, misses, stored, exists, claimed, evicted, expired);
    for (const auto &[status, count] : refused) {
        std::printf("%zu %s\n", count, uakv_status_name(status));
    }
}

void check_round(uint64_t seed, Tally &tally) {
    History history;
    try {
        history = Round(seed).run(round_time);
    } catch (const Failure &failure) {
        throw Failure(std::string(failure.what()) + "\nUAKV_TEST_SEED=" + std::to_string(seed));
    }
    tally.add(history);
    if (const auto violation = check(history)) {
        std::fprintf(stderr, "%s", report(history, *violation).c_str()); // longer than what cmocka prints
        throw Failure("rule \"" + violation->rule + "\": " + violation->text +
                      "\nUAKV_TEST_SEED=" + std::to_string(seed));
    }
}

void random_histories() {
    const uint64_t first = seed();
    const auto end = std::chrono::steady_clock::now() + effort(std::chrono::seconds(10));
    Tally tally;
    for (uint64_t i = 0; i == 0 || std::chrono::steady_clock::now() + round_time <= end; ++i) {
        check_round(first + i, tally);
    }
    tally.print();
    CHECK(tally.hits > 0 && tally.misses > 0 && tally.stored > 0 && tally.exists > 0 && tally.claimed > 0);
    CHECK(tally.operations < 50'000 || (tally.evicted > 0 && tally.expired > 0)); // fewer: the machine had no time
}

constexpr Case cases[] = {{"random_histories", random_histories}};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("history", uakv::test::cases);
}
