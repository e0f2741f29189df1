// What uakvd tells its service manager, as a real process tells it.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"
#include "systemd/stand_in.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace uakv::test {
namespace {

DaemonOptions managed(const StandIn &manager, const std::string &watchdog_us = {}) {
    DaemonOptions options;
    options.environment = {{"NOTIFY_SOCKET", manager.address()}};
    if (!watchdog_us.empty()) {
        options.environment.emplace_back("WATCHDOG_USEC", watchdog_us);
    }
    return options;
}

void ready_when_it_serves() {
    StandIn manager;
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.sock";
    const pid_t pid = start_uakvd({"--socket", path, "--memory", "16MiB"}, directory.path() + "/log",
                                  {{"NOTIFY_SOCKET", manager.address()}});
    manager.await_line("READY=1");
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(path, 0, 0, &client), UAKV_OK); // at once: nothing is awaited
    uakv_disconnect(client);
    CHECK_EQ(manager.all().front().sender, pid);

    // A second daemon that cannot serve is never ready.
    StandIn other;
    const pid_t second = start_uakvd({"--socket", path, "--memory", "16MiB"}, directory.path() + "/log2",
                                     {{"NOTIFY_SOCKET", other.address()}});
    CHECK_EQ(wait_for_exit(second), "exit status 1");
    other.hear();
    CHECK_EQ(other.count("READY=1"), 0);
    CHECK(::kill(pid, SIGTERM) == 0);
    CHECK_EQ(wait_for_exit(pid), "exit status 0");
}

void status_follows_the_blocks() {
    StandIn manager;
    const Daemon daemon(managed(manager));
    manager.await_said("a status of nothing",
                       [](const Said &said) { return said.value("STATUS").starts_with("0 blocks, "); });
    const Client client(daemon);
    const Space space(client);
    CHECK_STATUS(store_block(space, make_key("block"), 4096), UAKV_OK);
    manager.await_said("a status with the block", [](const Said &said) {
        const std::string status = said.value("STATUS");
        return status.starts_with("1 blocks, ") && status.find("; 1 clients") != std::string::npos;
    });
    std::vector<std::string> texts;
    for (const Said &said : manager.all()) {
        if (said.text.starts_with("STATUS=")) {
            texts.push_back(said.text);
        }
    }
    CHECK(std::adjacent_find(texts.begin(), texts.end()) == texts.end()); // only what is new
}

// Waits for `milliseconds` in which nothing may come.
void check_silent(StandIn &manager, int milliseconds) {
    manager.hear();
    const size_t before = manager.all().size();
    ::poll(nullptr, 0, milliseconds);
    manager.hear();
    CHECK_EQ(manager.all().size(), before);
}

void beats_while_the_reactor_turns() {
    StandIn manager;
    Daemon daemon(managed(manager, "600000"));
    manager.await_line("WATCHDOG=1", 4); // it is idle, and wakes for them
    daemon.pause();
    check_silent(manager, 1000);
    daemon.resume();
    manager.await_line("WATCHDOG=1", manager.count("WATCHDOG=1") + 2);
}

void no_beats_where_nobody_waits_for_them() {
    StandIn manager;
    const Daemon daemon(managed(manager));
    manager.await_said("a status", [](const Said &said) { return said.value("STATUS").starts_with("0 blocks"); });
    await("all its memory is kept and it says nothing more", [&] {
        const size_t before = manager.all().size();
        ::poll(nullptr, 0, 300);
        manager.hear();
        return manager.all().size() == before;
    });
    CHECK_EQ(manager.count("WATCHDOG=1"), 0);
    // A watchdog of another process is none of ours.
    StandIn second;
    DaemonOptions options = managed(second, "100000");
    options.environment.emplace_back("WATCHDOG_PID", "1");
    const Daemon other(options);
    second.await_line("READY=1");
    ::poll(nullptr, 0, 300);
    second.hear();
    CHECK_EQ(second.count("WATCHDOG=1"), 0);
}

void reload_is_told() {
    StandIn manager;
    const Directory directory;
    const std::string file = directory.path() + "/uakvd.yaml";
    std::ofstream(file) << "log_level: info\n";
    DaemonOptions options = managed(manager);
    options.arguments = {"--config", file};
    const Daemon daemon(options);
    manager.await_line("READY=1");
    CHECK(::kill(daemon.pid(), SIGHUP) == 0);
    manager.await_line("READY=1", 2);
    const auto &all = manager.all();
    const auto reloading =
        std::find_if(all.begin(), all.end(), [](const Said &said) { return said.has("RELOADING=1"); });
    CHECK(reloading != all.end());
    CHECK(std::stoull(reloading->value("MONOTONIC_USEC")) > 0);
    CHECK(std::any_of(reloading, all.end(), [](const Said &said) { return said.has("READY=1"); }));
    // Settings that are wrong change nothing: it goes on, and says so.
    std::ofstream(file) << "log_levle: info\n";
    CHECK(::kill(daemon.pid(), SIGHUP) == 0);
    manager.await_line("READY=1", 3);
    CHECK_EQ(manager.count("RELOADING=1"), 2);
}

void stop_is_told() {
    StandIn manager;
    DaemonOptions options = managed(manager, "60000");
    options.disk = "64MiB";
    Daemon daemon(options);
    manager.await_line("READY=1");
    CHECK_EQ(manager.count("STOPPING=1"), 0);
    daemon.stop();
    manager.hear();
    CHECK_EQ(manager.count("STOPPING=1"), 1);
    // A sign of life from here on would set the watch of systemd anew, which has ended.
    const auto stopping = std::find_if(manager.all().begin(), manager.all().end(),
                                       [](const Said &said) { return said.has("STOPPING=1"); });
    CHECK(std::none_of(stopping, manager.all().end(), [](const Said &said) { return said.has("WATCHDOG=1"); }));
    // Writing to disk may take longer than the manager would wait.
    CHECK(std::any_of(manager.all().begin(), manager.all().end(),
                      [](const Said &said) { return !said.value("EXTEND_TIMEOUT_USEC").empty(); }));
}

void manager_that_does_not_read() {
    StandIn manager; // and nobody hears
    Daemon daemon(managed(manager, "3000"));
    await("the daemon knows", [&] { return daemon.log().find("was not told") != std::string::npos; });
    const Client client(daemon);
    const Space space(client);
    for (const uakv_key &key : make_keys("block", 100)) {
        CHECK_STATUS(store_block(space, key, 4096), UAKV_OK);
    }
    // Once it reads, it is told again.
    manager.hear();
    manager.await_line("WATCHDOG=1", manager.count("WATCHDOG=1") + 1);
}

// All of the cache stays out of core dumps; what the daemon itself has does not.
void core_dumps_leave_the_cache_out() {
    const Daemon daemon;
    const Client client(daemon);
    client.await_populated();
    std::ifstream maps("/proc/" + std::to_string(daemon.pid()) + "/smaps");
    std::string name;
    size_t kinds[3] = {};
    const char *const names[] = {"/memfd:uakv-segment", "/memfd:uakv-index", "/memfd:uakv-session"};
    size_t dumped = 0;
    for (std::string line; std::getline(maps, line);) {
        const size_t at = line.find("/memfd:");
        if (line.find(':') > line.find('-') && line.find("VmFlags:") != 0 && line.find(" kB") == std::string::npos) {
            name = at == std::string::npos ? "" : line.substr(at);
        } else if (line.starts_with("VmFlags:")) {
            const bool left_out = (line + " ").find(" dd ") != std::string::npos;
            for (size_t i = 0; i < std::size(names); ++i) {
                if (name.starts_with(names[i])) {
                    ++kinds[i];
                    CHECK_MESSAGE(left_out, name + " would be dumped: " + line);
                }
            }
            dumped += static_cast<size_t>(name.empty() && !left_out);
        }
    }
    CHECK(kinds[0] > 0 && kinds[1] > 0 && kinds[2] > 0);
    CHECK(dumped > 0);
}

constexpr Case cases[] = {
    {"ready when it serves", ready_when_it_serves},
    {"status follows the blocks", status_follows_the_blocks},
    {"beats while the reactor turns", beats_while_the_reactor_turns},
    {"no beats where nobody waits for them", no_beats_where_nobody_waits_for_them},
    {"reload is told", reload_is_told},
    {"stop is told", stop_is_told},
    {"manager that does not read", manager_that_does_not_read},
    {"core dumps leave the cache out", core_dumps_leave_the_cache_out},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("notify", uakv::test::cases);
}
