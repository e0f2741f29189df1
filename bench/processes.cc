#include "processes.h"

#include "machine.h"
#include "workplace.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace uakv::bench {
namespace {

[[noreturn]] void run_child(unsigned index, const std::function<void(unsigned)> &body, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
    int status = 1;
    try {
        pin_client(index);
        body(index);
        status = 0;
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "uakv-bench: client process %u: %s\n", index + 1, failure.what());
    }
    _exit(status); // the parent's exit handlers are not ours to run
}

void kill_all(const std::vector<pid_t> &children) {
    for (const pid_t child : children) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        forget_process(child);
    }
}

} // namespace

void run_processes(unsigned count, const std::function<void(unsigned)> &body) {
    std::fflush(stdout);
    std::vector<pid_t> children;
    const pid_t parent = getpid();
    for (unsigned index = 0; index < count; ++index) {
        const EndSignalsBlocked until_noted;
        const pid_t child = fork();
        if (child == 0) {
            until_noted.restore();
            run_child(index, body, parent);
        }
        if (child < 0) {
            const std::string reason = std::strerror(errno);
            kill_all(children);
            throw Failure("cannot fork a client process: " + reason);
        }
        note_process(child);
        children.push_back(child);
    }
    // Whichever ends first, so that one that fails does not leave the others waiting at a gate. A server is our
    // child as well: its end, which nobody ordered, fails the measurement too.
    while (!children.empty()) {
        int status = 0;
        siginfo_t ended{};
        waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
        const bool ours = std::erase(children, ended.si_pid) != 0;
        if (ours) {
            waitpid(ended.si_pid, &status, 0);
            forget_process(ended.si_pid);
        }
        if (!ours || status != 0) {
            kill_all(children);
            throw Failure(ours ? "a client process failed" : "a server ended while it was measured");
        }
    }
}

void run_beside(const std::function<void()> &other, const std::function<void()> &body) {
    std::fflush(stdout);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        run_child(
            1, [&](unsigned) { other(); }, parent);
    }
    if (child < 0) {
        throw Failure(std::string("cannot fork a client process: ") + std::strerror(errno));
    }
    try {
        body();
    } catch (...) {
        kill_all({child});
        throw;
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) {
        throw Failure("a client process failed");
    }
}

void Gate::pass() {
    std::atomic<unsigned> &arrived = arrived_[0];
    const unsigned before = arrived.fetch_add(1);
    const unsigned all = (before / processes_ + 1) * processes_;
    while (arrived.load() < all) {
        sched_yield();
    }
}

} // namespace uakv::bench
