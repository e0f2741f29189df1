// The load of load.h, while the daemon is ended again and again under a service manager that starts it anew. Prints
// what it saw as one line of JSON; the times in it are for reading, no test holds them against a limit.
//
//   uakv-test-load --unit uakvd.service --socket PATH [--end HOW]... [--rounds N] [--clients N] [--blocks N]
//                  [--bytes N] [--between MS] [--seed N] [--pressure]
//
// HOW is a signal (kill, abort, segv) or a command of the shell that makes the service manager end the daemon, such as
// "systemctl restart --no-block uakvd". Each round ends it once in each of the ways.
#include "systemd/real/load.h"

#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/pattern.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace uakv::test {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Options {
    LoadOptions load;
    std::string unit;
    std::vector<std::string> ends;
    std::size_t rounds = 1;
    std::size_t between_ms = 200;
};

std::string output_of(const std::string &command) {
    FILE *pipe = popen(command.c_str(), "r");
    CHECK_MESSAGE(pipe != nullptr, "cannot run " + command);
    char text[256] = {};
    const std::size_t length = std::fread(text, 1, sizeof text - 1, pipe);
    CHECK_MESSAGE(pclose(pipe) == 0, command + " failed");
    return {text, length};
}

// The process behind a pid, of which another may take the number at once.
class Process {
public:
    explicit Process(pid_t pid) : pid_(pid), fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
        CHECK_MESSAGE(fd_ >= 0, "there is no process " + std::to_string(pid));
    }
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;
    ~Process() { close(fd_); }

    void signal(int number) const {
        CHECK_MESSAGE(syscall(SYS_pidfd_send_signal, fd_, number, nullptr, 0) == 0,
                      "the daemon, process " + std::to_string(pid_) + ", was gone before it was ended");
    }
    bool has_ended(int timeout_ms) const {
        pollfd ended = {fd_, POLLIN, 0};
        return poll(&ended, 1, timeout_ms) == 1;
    }

private:
    pid_t pid_;
    int fd_;
};

int signal_of(const std::string &end) {
    return end == "kill" ? SIGKILL : end == "abort" ? SIGABRT : end == "segv" ? SIGSEGV : 0;
}

struct Times {
    std::vector<double> to_serving; // from the signal or command on
    std::vector<double> away;       // from the end of the process on
};

class Load {
public:
    explicit Load(const Options &options) : options_(options), times_(options.ends.size()) {}
    void run();

private:
    void store_common();
    void end_daemon(const std::string &how, Times &times);
    void go_on();
    void await_serving();
    void await_clients_attached();
    void check_all_is_there();
    void check_nothing_is_held();
    void print() const;
    uint64_t total(std::atomic<uint64_t> LoadProgress::Client::*counter) const;

    const Options &options_;
    Shared<LoadProgress> progress_;
    std::vector<std::unique_ptr<Child>> clients_;
    std::vector<Times> times_; // of each way to end it
};

void Load::store_common() {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(options_.load.socket, 0, 0, &client), UAKV_OK);
    {
        Space space(client, "load");
        for (std::size_t i = 0; i < options_.load.blocks; ++i) {
            const uakv_key key = common_key(i);
            CHECK_STATUS(store_block(space, key, options_.load.bytes), UAKV_OK);
            CHECK_STATUS(uakv_pin(space, &key, 1, UAKV_PIN_FOREVER), UAKV_OK);
        }
    }
    uakv_disconnect(client);
}

// Serving: a client that knows nothing connects, finds a common block and stores one of its own.
void Load::await_serving() {
    uakv_client *client = nullptr;
    await("a daemon that serves", [&] { return connect_to(options_.load.socket, 0, 10'000, &client) == UAKV_OK; });
    {
        Space space(client, "load");
        check_stored(space, common_key(0), options_.load.bytes);
        const uakv_key key = make_key("probe", progress_->deaths.load());
        CHECK_STATUS(store_block(space, key, options_.load.bytes), UAKV_OK);
        CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
    }
    uakv_disconnect(client);
}

void Load::await_clients_attached() {
    for (std::size_t number = 0; number < clients_.size(); ++number) {
        clients_[number]->await("client " + std::to_string(number) + " to be attached again", [&] {
            return progress_->client[number].attached_after.load() == progress_->deaths.load();
        });
    }
}

void Load::end_daemon(const std::string &how, Times &times) {
    const Process daemon(std::stoi(output_of("systemctl show --value -p MainPID " + options_.unit)));
    progress_->ends_begun.fetch_add(1);
    const Clock::time_point begun = Clock::now();
    if (signal_of(how) != 0) {
        daemon.signal(signal_of(how));
    } else {
        output_of(how);
    }
    await("the daemon to end", [&] { return daemon.has_ended(100); });
    const Clock::time_point ended = Clock::now();
    progress_->away.store(true);
    progress_->deaths.fetch_add(1);
    await_serving();
    const Clock::time_point serving = Clock::now();
    progress_->away.store(false);
    times.to_serving.push_back(Milliseconds(serving - begun).count());
    times.away.push_back(Milliseconds(serving - ended).count());
}

// Some load on the daemon that is there now.
void Load::go_on() {
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(options_.between_ms);
    const uint64_t stores = total(&LoadProgress::Client::stores);
    await("time and load to pass",
          [&] { return Clock::now() >= end && total(&LoadProgress::Client::stores) > stores + 20; });
}

void Load::check_all_is_there() {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(options_.load.socket, 0, 0, &client), UAKV_OK);
    {
        Space space(client, "load");
        for (std::size_t i = 0; i < options_.load.blocks; ++i) {
            check_stored(space, common_key(i), options_.load.bytes);
        }
    }
    uakv_disconnect(client);
}

// The clients are gone: what each daemon took over for them has come back.
void Load::check_nothing_is_held() {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(options_.load.socket, 0, 0, &client), UAKV_OK);
    const auto statistics = [&] {
        uakv_statistics now = {};
        now.struct_size = sizeof now;
        CHECK_STATUS(uakv_stats(client, &now), UAKV_OK);
        return now;
    };
    await_equal("clients", 1, [&] { return statistics().clients; });
    await_equal("leases", 0, [&] { return statistics().leases; });
    await_equal("slots_granted", 0, [&] { return statistics().slots_granted; });
    await_equal("slots_limbo", 0, [&] { return statistics().slots_limbo; });
    CHECK_EQ(statistics().corruptions, 0);
    CHECK_EQ(statistics().blocks_pinned, options_.load.blocks);
    uakv_disconnect(client);
}

uint64_t Load::total(std::atomic<uint64_t> LoadProgress::Client::*counter) const {
    uint64_t sum = 0;
    for (std::size_t number = 0; number < options_.load.clients; ++number) {
        sum += (progress_->client[number].*counter).load();
    }
    return sum;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

double worst(const std::vector<double> &values) {
    return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

void Load::print() const {
    using C = LoadProgress::Client;
    const auto count = [&](auto counter) { return static_cast<unsigned long long>(total(counter)); };
    std::printf("{\"clients\": %zu, \"pressure\": %s, \"common_blocks\": %zu, \"block_bytes\": %zu, ",
                options_.load.clients, options_.load.pressure ? "true" : "false", options_.load.blocks,
                options_.load.bytes);
    for (std::size_t i = 0; i < times_.size(); ++i) {
        std::printf("\"%s\": {\"times\": %zu, \"to_serving_ms_median\": %.1f, \"to_serving_ms_worst\": %.1f, "
                    "\"away_ms_median\": %.1f, \"away_ms_worst\": %.1f}, ",
                    options_.ends[i].c_str(), times_[i].away.size(), median(times_[i].to_serving),
                    worst(times_[i].to_serving), median(times_[i].away), worst(times_[i].away));
    }
    std::printf("\"retrieves\": %llu, \"retrieves_while_away\": %llu, \"stores\": %llu, \"removals\": %llu, "
                "\"views_carried_over\": %llu, \"slots_carried_over\": %llu, \"disconnected\": %llu}\n",
                count(&C::retrieves), count(&C::retrieves_away), count(&C::stores), count(&C::removals),
                count(&C::views_carried), count(&C::slots_carried), count(&C::disconnected));
}

void Load::run() {
    store_common();
    for (std::size_t number = 0; number < options_.load.clients; ++number) {
        clients_.push_back(std::make_unique<Child>([this, number] { load_client(options_.load, *progress_, number); }));
        clients_.back()->await("the client to work", [&] { return progress_->client[number].stores.load() > 20; });
    }
    for (std::size_t round = 0; round < options_.rounds; ++round) {
        for (std::size_t i = 0; i < times_.size(); ++i) {
            end_daemon(options_.ends[i], times_[i]);
            await_clients_attached();
            go_on();
        }
    }
    progress_->stop.store(true);
    for (const auto &client : clients_) {
        client->join();
    }
    check_all_is_there();
    check_nothing_is_held();
    print();
    if (progress_->deaths.load() > 0) {
        CHECK(total(&LoadProgress::Client::retrieves_away) > 0);
        CHECK(total(&LoadProgress::Client::views_carried) > 0);
        CHECK(total(&LoadProgress::Client::slots_carried) > 0);
    }
}

Options parse(int argc, char **argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--pressure") {
            options.load.pressure = true;
            continue;
        }
        CHECK_MESSAGE(i + 1 < argc, name + " needs a value");
        const std::string value = argv[++i];
        const auto number = [&] { return static_cast<std::size_t>(std::stoull(value)); };
        if (name == "--unit") {
            options.unit = value;
        } else if (name == "--socket") {
            options.load.socket = value;
        } else if (name == "--end") {
            options.ends.push_back(value);
        } else if (name == "--rounds") {
            options.rounds = number();
        } else if (name == "--clients") {
            options.load.clients = std::min(number(), load_clients_max);
        } else if (name == "--blocks") {
            options.load.blocks = number();
        } else if (name == "--bytes") {
            options.load.bytes = number();
        } else if (name == "--between") {
            options.between_ms = number();
        } else if (name == "--seed") {
            options.load.seed = number();
        } else {
            throw Failure("it does not know " + name);
        }
    }
    CHECK_MESSAGE(!options.unit.empty() && !options.load.socket.empty(), "--unit and --socket must be given");
    return options;
}

} // namespace
} // namespace uakv::test

int main(int argc, char **argv) {
    try {
        const uakv::test::Options options = uakv::test::parse(argc, argv);
        uakv::test::Load(options).run();
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "uakv-test-load: %s\n", failure.what());
        return 1;
    }
    return 0;
}
