// `uakvd --fd-keeper`: what a child leaves with it comes back to the next one. The child is this program, which says by
// a file of its own what it found; and uakvd itself.
#include "daemon/service/fd_keeper.h"
#include "daemon/service/service_manager.h"
#include "ipc/memfd.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"
#include "systemd/stand_in.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace uakv::test {
namespace {

// ---- the child --------------------------------------------------------------------------------------------

void note(const std::string &file, const std::string &line) {
    std::ofstream(file, std::ios::app) << line + "\n";
}

std::string contents(const Fd &fd) {
    char text[64] = {};
    const ssize_t length = pread(fd.get(), text, sizeof text - 1, 0);
    return length < 0 ? "unreadable" : text;
}

Fd memory_with(const std::string &text) {
    auto fd = create_memfd("uakv-test", 4096);
    CHECK(fd.ok());
    CHECK(pwrite(fd.value().get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return std::move(fd.value());
}

constexpr int leave_orphans = 99;

// Processes whose parent is gone when they end: process 1 inherits them.
void leave_some() {
    for (int i = 0; i < 3; ++i) {
        const pid_t parent = fork();
        CHECK(parent >= 0);
        if (parent == 0) {
            _exit(fork() < 0 ? 1 : 0); // both ends of the fork; the parent is reaped here, the other one is not
        }
        CHECK_EQ(wait_for_exit(parent), "exit status 0");
    }
}

// Says what it found, keeps what it is told to, and ends as it is told: `how` is a signal, or 100 + an exit status.
int be_child(const std::string &report, int how) {
    ServiceManager manager(ServiceManager::from_environment());
    const KeptFds kept = manager.take_kept();
    std::string found = "start";
    for (const KeptFds::One &one : kept.all()) {
        found += " " + one.name + "=" + contents(one.fd);
    }
    note(report, found);
    manager.ready();
    if (kept.empty()) {
        const Fd first = memory_with("one");
        const Fd second = memory_with("two");
        const Fd third = memory_with("three");
        CHECK(manager.keep("a.first", first) && manager.keep("a.second", second) && manager.keep("a.third", third));
        manager.drop("a.second");
    } else if (kept.all().size() < 12) { // in the same breath as the end
        for (int i = 0; i < 10; ++i) {
            CHECK(manager.keep("b." + std::to_string(i), memory_with(std::to_string(i))));
        }
    } else {
        note(report, "stays");
        for (;;) {
            pause();
        }
    }
    if (how == leave_orphans) {
        leave_some();
        note(report, "left");
        for (;;) {
            pause();
        }
    }
    if (how >= 100) {
        return how - 100;
    }
    raise(how);
    return 0;
}

// ---- the tests --------------------------------------------------------------------------------------------

class Kept {
public:
    // Not in the test's own process: a keeper blocks signals and reaps children.
    explicit Kept(int how)
        : keeper_([this, how] {
              const int status = run_fd_keeper({"/proc/self/exe", "--child", report(), std::to_string(how)});
              _exit(status);
          }) {}

    std::string report() const { return directory_.path() + "/report"; }
    std::string read() const { return access(report().c_str(), F_OK) == 0 ? read_file(report()) : ""; }
    Child &keeper() { return keeper_; }
    void await_stays() {
        keeper_.await("the last child stays", [&] { return read().find("stays") != std::string::npos; });
    }

private:
    Directory directory_;
    Child keeper_;
};

const std::string all_starts = "start\n"
                               "start a.first=one a.third=three\n"
                               "start a.first=one a.third=three b.0=0 b.1=1 b.2=2 b.3=3 b.4=4 b.5=5 b.6=6 b.7=7 b.8=8 "
                               "b.9=9\n"
                               "stays\n";

void comes_back_after(int how) {
    Kept kept(how);
    kept.await_stays();
    CHECK_EQ(kept.read(), all_starts);
    // The keeper passes the signal on, and ends as its child does.
    CHECK(::kill(kept.keeper().pid(), SIGTERM) == 0);
    CHECK_EQ(kept.keeper().end(), "exit status 143");
}

void after_a_kill() {
    comes_back_after(SIGKILL);
}
void after_a_crash() {
    comes_back_after(SIGABRT);
}
void after_a_failure() {
    comes_back_after(100 + 1);
}

void clean_end_ends_both() {
    Kept kept(100);
    CHECK_EQ(kept.keeper().end(), "exit status 0");
    CHECK_EQ(kept.read(), "start\n");
}

pid_t child_of(pid_t parent) {
    const std::string text =
        read_file("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
    return text.empty() ? 0 : std::stoi(text);
}

size_t children_of(pid_t parent) {
    std::istringstream list(
        read_file("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children"));
    return static_cast<size_t>(std::distance(std::istream_iterator<pid_t>(list), {}));
}

// In a container it is process 1, which gets the orphans of all.
void process_1_reaps() {
    run_child([] {
        if (unshare(CLONE_NEWPID) != 0) {
            throw Skip("this user may not make a pid namespace");
        }
    });
    const Directory directory;
    const std::string report = directory.path() + "/report";
    Child container([&] {
        CHECK(unshare(CLONE_NEWPID) == 0);
        const pid_t first = fork();
        if (first == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            _exit(run_fd_keeper({"/proc/self/exe", "--child", report, std::to_string(leave_orphans)}));
        }
        _exit(wait_for_exit(first) == "exit status 143" ? 0 : 1);
    });
    container.await("orphans were left", [&] {
        return access(report.c_str(), F_OK) == 0 && read_file(report).find("left") != std::string::npos;
    });
    const pid_t keeper = child_of(container.pid());
    CHECK(keeper > 0);
    container.await("they are reaped", [&] { return children_of(keeper) == 1; });
    CHECK(::kill(keeper, SIGTERM) == 0);
    container.join();
}

bool alive(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

// The keeper dies: its child does not stay behind, and nobody fights for the socket.
void child_goes_with_the_keeper() {
    Kept kept(SIGKILL);
    kept.await_stays();
    const pid_t child = child_of(kept.keeper().pid());
    CHECK(child > 0);
    kept.keeper().kill();
    await("the child is gone", [&] { return !alive(child); });
}

// Anybody in the network namespace can send to an abstract address: only the child is heard.
void strangers_are_not_heard() {
    Kept kept(SIGKILL);
    kept.await_stays();
    const pid_t child = child_of(kept.keeper().pid());
    std::string address = read_file("/proc/" + std::to_string(child) + "/environ");
    const size_t at = address.find("NOTIFY_SOCKET=");
    if (at == std::string::npos) {
        throw Skip("the environment of the child cannot be read");
    }
    address = address.substr(at + 14, address.find('\0', at) - at - 14);
    ServiceManager stranger({.notify_address = address, .watchdog_ms = 0, .listener = {}, .kept = {}});
    CHECK(stranger.keep("c.foreign", memory_with("foreign"))); // sent, and not heard
    CHECK(::kill(child, SIGKILL) == 0);
    kept.keeper().await("another start", [&] {
        const std::string text = kept.read();
        return text.size() > all_starts.size() && text.ends_with("stays\n");
    });
    CHECK_EQ(kept.read().find("foreign"), std::string::npos);
}

// ---- uakvd ------------------------------------------------------------------------------------------------

struct KeptDaemon {
    Directory directory;
    std::string path = directory.path() + "/uakvd.sock";
    std::string log = directory.path() + "/log";
    pid_t keeper = start_uakvd({"--socket", path, "--fd-keeper", "--memory", "16MiB"}, log);

    KeptDaemon() = default;
    KeptDaemon(const KeptDaemon &) = delete;
    KeptDaemon &operator=(const KeptDaemon &) = delete;
    ~KeptDaemon() {
        if (keeper > 0) {
            ::kill(keeper, SIGKILL);
            wait_for_exit(keeper);
        }
    }
    std::string end() { return wait_for_exit(std::exchange(keeper, 0)); }
};

void await_served(const std::string &path) {
    await("uakvd serves", [&] {
        uakv_client *client = nullptr;
        const uakv_status status = connect_to(path, 0, 0, &client);
        uakv_disconnect(client);
        return status == UAKV_OK;
    });
}

void uakvd_is_started_again() {
    KeptDaemon daemon;
    await_served(daemon.path);
    const pid_t first = child_of(daemon.keeper);
    CHECK(first > 0);
    CHECK(::kill(first, SIGKILL) == 0);
    await("another one", [&] {
        const pid_t child = child_of(daemon.keeper);
        return child != 0 && child != first;
    });
    await_served(daemon.path);
    CHECK(read_file(daemon.log).find("uakvd ended by signal 9") != std::string::npos);
    CHECK(::kill(daemon.keeper, SIGHUP) == 0); // passed on
    await("a reload", [&] { return read_file(daemon.log).find("the settings were read again") != std::string::npos; });
    CHECK(::kill(daemon.keeper, SIGTERM) == 0);
    CHECK_EQ(daemon.end(), "exit status 0");
    CHECK(access(daemon.path.c_str(), F_OK) != 0);
}

void bad_settings_end_the_keeper() {
    const Directory directory;
    const std::string log = directory.path() + "/log";
    const pid_t keeper = start_uakvd({"--fd-keeper", "--memory", "nonsense"}, log);
    CHECK_EQ(wait_for_exit(keeper), "exit status 2");
    CHECK(read_file(log).find("nonsense") != std::string::npos);
}

constexpr Case cases[] = {
    {"after a kill", after_a_kill},
    {"after a crash", after_a_crash},
    {"after a failure", after_a_failure},
    {"clean end ends both", clean_end_ends_both},
    {"process 1 reaps", process_1_reaps},
    {"child goes with the keeper", child_goes_with_the_keeper},
    {"strangers are not heard", strangers_are_not_heard},
    {"uakvd is started again", uakvd_is_started_again},
    {"bad settings end the keeper", bad_settings_end_the_keeper},
};

} // namespace
} // namespace uakv::test

int main(int argc, char **argv) {
    if (argc == 4 && std::string(argv[1]) == "--child") {
        return uakv::test::be_child(argv[2], std::atoi(argv[3]));
    }
    return uakv::test::run_cases("fd_keeper", uakv::test::cases);
}
