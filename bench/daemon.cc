#include "daemon.h"

#include "client.h"
#include "failure.h"
#include "machine.h"
#include "timing.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <fstream>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::bench {
namespace {

constexpr std::uint64_t serving_deadline_ns = 30'000'000'000;
constexpr std::uint64_t populating_deadline_ns = 60'000'000'000; // without any progress
constexpr int stopping_deadline_ms = 60'000;
constexpr std::uint64_t poll_interval_ns = 5'000'000;
constexpr int end_signals[] = {SIGINT, SIGTERM, SIGHUP};

// The directory of the socket, and the daemon that uses it now. In plain memory, for a signal handler needs it.
struct Workplace {
    std::array<char, 128> directory{};
    std::array<char, 128> socket{};
    std::array<char, 128> lock{};
    pid_t owner = 0;
    volatile pid_t daemon = 0;
};
Workplace workplace;

void remove_files() {
    unlink(workplace.socket.data());
    unlink(workplace.lock.data());
}

void remove_workplace() {
    if (getpid() == workplace.owner) {
        remove_files();
        rmdir(workplace.directory.data());
    }
}

// Client processes follow by themselves: their parent-death signal is set. One that was just forked may come
// here too, and leaves everything as it is.
void on_signal(int) {
    if (getpid() == workplace.owner && workplace.daemon > 0) {
        kill(workplace.daemon, SIGKILL);
        waitpid(workplace.daemon, nullptr, 0); // so that it makes no file any more
    }
    remove_workplace();
    _exit(130);
}

const char *private_socket_path() {
    if (workplace.owner == getpid()) {
        return workplace.socket.data();
    }
    const char *base = std::getenv("TMPDIR");
    const std::string pattern = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/uakv-bench.XXXXXX";
    if (pattern.size() + 16 > 100) { // what fits into the address of a Unix socket
        throw Failure("TMPDIR is too long for the path of a socket: " + pattern);
    }
    std::copy(pattern.begin(), pattern.end(), workplace.directory.begin());
    if (mkdtemp(workplace.directory.data()) == nullptr) {
        throw Failure(fmt::format("cannot make a directory like {}: {}", pattern, std::strerror(errno)));
    }
    const std::string socket = std::string(workplace.directory.data()) + "/uakvd.sock";
    const std::string lock = socket + ".lock";
    std::copy(socket.begin(), socket.end(), workplace.socket.begin());
    std::copy(lock.begin(), lock.end(), workplace.lock.begin());
    workplace.owner = getpid();
    std::atexit(remove_workplace);
    for (const int number : end_signals) {
        std::signal(number, on_signal);
    }
    return workplace.socket.data();
}

// While it lives, the signals that end the bench wait.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t blocked;
        sigemptyset(&blocked);
        for (const int number : end_signals) {
            sigaddset(&blocked, number);
        }
        sigprocmask(SIG_BLOCK, &blocked, &before_);
    }
    ~SignalsBlocked() { restore(); }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;
    void restore() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

// The child's half of the fork. Only system calls from here to exec.
[[noreturn]] void become_daemon(const char *const *arguments, int log, const cpu_set_t &cpus, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(127);
    }
    sched_setaffinity(0, sizeof cpus, &cpus);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(arguments[0], const_cast<char *const *>(arguments));
    constexpr char text[] = "cannot execute the daemon\n";
    [[maybe_unused]] const auto written = write(log, text, sizeof text - 1);
    _exit(127);
}

} // namespace

Daemon::Daemon(const Settings &settings, std::uint64_t memory_bytes, Beside beside)
    : socket_path_(private_socket_path()), memory_bytes_(memory_bytes) {
    const std::string memory = fmt::format("{}MiB", memory_bytes / MiB);
    const std::array<const char *, 8> arguments{settings.daemon_path.c_str(),
                                                "--socket",
                                                socket_path_.c_str(),
                                                "--memory",
                                                memory.c_str(),
                                                "--log-level",
                                                "info",
                                                nullptr};
    log_ = memfd_create("uakvd-log", MFD_CLOEXEC);
    if (log_ < 0) {
        throw Failure(fmt::format("cannot make a memfd for the daemon's log: {}", std::strerror(errno)));
    }
    const cpu_set_t cpus = cpus_of_daemon(beside);
    const pid_t parent = getpid();
    {
        const SignalsBlocked until_noted;
        pid_ = fork();
        if (pid_ == 0) {
            until_noted.restore();
            become_daemon(arguments.data(), log_, cpus, parent);
        }
        workplace.daemon = pid_;
    }
    if (pid_ < 0) {
        close(log_);
        throw Failure(fmt::format("cannot fork: {}", std::strerror(errno)));
    }
    try {
        wait_until_serving();
        wait_until_populated();
    } catch (...) {
        kill_now();
        throw;
    }
}

void Daemon::kill_now() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        remove_files();
        forget_process();
    }
    if (log_ >= 0) {
        close(log_);
        log_ = -1;
    }
}

void Daemon::forget_process() {
    workplace.daemon = 0;
    pid_ = -1;
}

void Daemon::stop() {
    kill(pid_, SIGTERM);
    if (!exited(stopping_deadline_ms)) {
        throw Failure(fmt::format("uakvd did not exit within {} s of SIGTERM; its log:\n{}",
                                  stopping_deadline_ms / 1000, log_text()));
    }
    if (!WIFEXITED(exit_status_) || WEXITSTATUS(exit_status_) != 0) {
        throw Failure(
            fmt::format("uakvd ended with wait status {:#x} after SIGTERM; its log:\n{}", exit_status_, log_text()));
    }
}

bool Daemon::exited(int timeout_ms) {
    // The declaration in glibc 2.36 is not usable from C++.
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    pollfd waited{pidfd, POLLIN, 0};
    const bool ended = poll(&waited, 1, timeout_ms) == 1;
    close(pidfd);
    if (ended) {
        waitpid(pid_, &exit_status_, 0);
        forget_process();
    }
    return ended;
}

void Daemon::wait_until_serving() {
    const std::uint64_t deadline = now_ns() + serving_deadline_ns;
    for (;;) {
        uakv_connect_options options{};
        options.struct_size = sizeof options;
        options.socket_path = socket_path_.c_str();
        uakv_client *client = nullptr;
        const uakv_status status = uakv_connect(&options, &client);
        if (status == UAKV_OK) {
            uakv_disconnect(client);
            return;
        }
        if (exited(0)) {
            throw Failure(
                fmt::format("uakvd ended at its start with wait status {:#x}; its log:\n{}", exit_status_, log_text()));
        }
        // A timeout is no failure yet: the thread that fetches the memory may keep the daemon's only cpu busy.
        const bool may_come = status == UAKV_ERR_DISCONNECTED || status == UAKV_ERR_TIMEOUT;
        if (!may_come || now_ns() > deadline) {
            throw_status(status, "uakv_connect");
        }
        sleep_for_ns(poll_interval_ns);
    }
}

void Daemon::wait_until_populated() const {
    const Client client(socket_path_);
    // The last bit of the capacity may be too small for a segment: a segment is at most a 32nd.
    const std::uint64_t enough = memory_bytes_ - memory_bytes_ / 32;
    std::uint64_t seen = 0;
    std::uint64_t deadline = now_ns() + populating_deadline_ns;
    for (;;) {
        const std::uint64_t bytes = client.statistics().bytes_memory;
        if (bytes >= enough) {
            return;
        }
        if (bytes > seen) {
            seen = bytes;
            deadline = now_ns() + populating_deadline_ns;
        }
        if (now_ns() > deadline) {
            throw Failure(fmt::format("uakvd got {} MiB of the {} MiB it was started with, and no more; a smaller "
                                      "--memory may help; its log:\n{}",
                                      bytes / MiB, memory_bytes_ / MiB, log_text()));
        }
        sleep_for_ns(poll_interval_ns);
    }
}

std::string Daemon::log_text() const {
    std::array<char, 8192> text{};
    const off_t end = lseek(log_, 0, SEEK_END);
    const off_t start = end > static_cast<off_t>(text.size()) ? end - static_cast<off_t>(text.size()) : 0;
    const ssize_t length = pread(log_, text.data(), text.size(), start);
    return length <= 0 ? "(empty)" : std::string(text.data(), static_cast<std::size_t>(length));
}

std::uint64_t Daemon::private_bytes() const {
    std::ifstream file(fmt::format("/proc/{}/status", pid_));
    std::uint64_t bytes = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, 8, "RssAnon:") == 0 || line.compare(0, 8, "RssFile:") == 0) {
            bytes += std::strtoull(line.c_str() + 8, nullptr, 10) * KiB;
        }
    }
    if (bytes == 0) {
        throw Failure("cannot read the daemon's RssAnon and RssFile from /proc");
    }
    return bytes;
}

std::uint64_t Daemon::cpu_ns() const {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        throw Failure("cannot read the daemon's cpu clock");
    }
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(used.tv_nsec);
}

} // namespace uakv::bench
