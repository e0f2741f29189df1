#include "daemon/service/fd_keeper.h"

#include "daemon/base/log.h"
#include "daemon/service/kept_by_keeper.h"
#include "daemon/service/notification.h"
#include "ipc/clock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;
constexpr int exit_cannot_run = 126;
constexpr int exit_by_signal = 128;
constexpr int first_passed_fd = 3; // SD_LISTEN_FDS_START

constexpr std::uint64_t pause_ns_min = 100 * ns_per_ms;
constexpr std::uint64_t pause_ns_max = 5 * ns_per_s;
constexpr std::uint64_t healthy_ns = 10 * ns_per_s;

// What is kept and its copies in a child that starts, and some of the keeper's own.
std::size_t descriptors_to_keep() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    constexpr rlim_t own = 64;
    return static_cast<std::size_t>(limit.rlim_cur > own ? (limit.rlim_cur - own) / 2 : 0);
}

class FdKeeper {
public:
    FdKeeper(const std::vector<std::string> &command, NotificationSocket socket)
        : command_(command), socket_(std::move(socket)), kept_(descriptors_to_keep()) {}

    Result<void> take_signals();
    int run();

private:
    void start_child();
    [[noreturn]] void become_child() const;
    void hear_all();
    void on_signals();
    void reap();
    void on_end(int status);
    void wait() const;

    const std::vector<std::string> &command_;
    const NotificationSocket socket_;
    KeptByKeeper kept_;
    Fd signals_;
    sigset_t mask_before_{};

    pid_t child_ = 0; // 0: there is none
    pid_t keeper_ = ::getpid();
    bool ever_ready_ = false;
    std::uint64_t ready_ns_ = 0; // 0: this child has not served yet
    std::uint64_t pause_ns_ = 0;
    std::uint64_t start_ns_ = 0;
    bool ending_ = false;
    std::optional<int> exit_status_;
};

Result<void> FdKeeper::take_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&set, number);
    }
    ::sigprocmask(SIG_BLOCK, &set, &mask_before_);
    signals_ = Fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "the keeper cannot make a signalfd");
    }
    return {};
}

int FdKeeper::run() {
    while (!exit_status_) {
        if (child_ == 0 && now_ns() >= start_ns_) {
            start_child();
        }
        wait();
        on_signals();
        hear_all();
    }
    return *exit_status_;
}

void FdKeeper::wait() const {
    int wait_ms = -1;
    if (child_ == 0) {
        const std::uint64_t now = now_ns();
        wait_ms = static_cast<int>((start_ns_ - std::min(start_ns_, now) + ns_per_ms - 1) / ns_per_ms);
    }
    std::array<pollfd, 2> events = {{{signals_.get(), POLLIN, 0}, {socket_.fd().get(), POLLIN, 0}}};
    ::poll(events.data(), events.size(), wait_ms);
}

void FdKeeper::start_child() {
    ready_ns_ = 0;
    const pid_t child = ::fork();
    if (child == 0) {
        become_child();
    }
    if (child < 0) {
        log_error("the keeper cannot make a process: {}", std::strerror(errno));
        start_ns_ = now_ns() + pause_ns_max;
        return;
    }
    child_ = child;
}

// The process has one thread, so all may be used here between fork() and exec().
void FdKeeper::become_child() const {
    // A keeper that is killed takes its child along: two of them would fight for one socket.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != keeper_) {
        ::_exit(exit_failure);
    }
    ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    const int count = static_cast<int>(kept_.all().size());
    std::vector<int> copies; // above all places that they go to
    for (const KeptFds::One &one : kept_.all()) {
        copies.push_back(::fcntl(one.fd.get(), F_DUPFD_CLOEXEC, first_passed_fd + count));
    }
    for (int i = 0; i < count; ++i) {
        if (copies[static_cast<std::size_t>(i)] < 0 ||
            ::dup2(copies[static_cast<std::size_t>(i)], first_passed_fd + i) < 0) {
            log_error("the keeper cannot pass {} descriptors to uakvd: {}", count, std::strerror(errno));
            ::_exit(exit_failure);
        }
    }
    ::setenv("NOTIFY_SOCKET", socket_.address().c_str(), 1);
    for (const char *name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
        ::unsetenv(name);
    }
    if (count != 0) {
        ::setenv("LISTEN_FDS", std::to_string(count).c_str(), 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("LISTEN_FDNAMES", kept_.names().c_str(), 1);
    }
    std::vector<char *> words;
    for (const std::string &word : command_) {
        words.push_back(const_cast<char *>(word.c_str()));
    }
    words.push_back(nullptr);
    ::execv(words[0], words.data());
    log_error("the keeper cannot run {}: {}", command_[0], std::strerror(errno));
    ::_exit(exit_cannot_run);
}

void FdKeeper::hear_all() {
    while (auto message = socket_.receive()) {
        if (child_ == 0 || message->sender != child_) {
            continue; // anybody in this network namespace can send here
        }
        if (message->value("READY") == "1" && ready_ns_ == 0) {
            ready_ns_ = now_ns();
            ever_ready_ = true;
        }
        kept_.hear(std::move(*message));
    }
}

void FdKeeper::on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGCHLD) {
            continue; // several may have become one; reap() looks for all
        }
        ending_ = ending_ || number != SIGHUP;
        if (child_ != 0) {
            ::kill(child_, number);
        } else if (ending_) {
            exit_status_ = 0;
        }
    }
    reap();
}

void FdKeeper::reap() {
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (ended == child_) {
            hear_all(); // it is dead: what it has said is here
            child_ = 0;
            on_end(status);
        }
    }
}

void FdKeeper::on_end(int status) {
    const bool exited = WIFEXITED(status);
    const int code = exited ? WEXITSTATUS(status) : exit_by_signal + WTERMSIG(status);
    const bool called_wrongly = exited && (code == exit_usage || code == exit_cannot_run) && !ever_ready_;
    if (ending_ || (exited && code == 0) || called_wrongly) {
        exit_status_ = code;
        return;
    }
    const std::uint64_t now = now_ns();
    const bool was_healthy = ready_ns_ != 0 && now - ready_ns_ >= healthy_ns;
    pause_ns_ = was_healthy ? pause_ns_min : std::clamp(2 * pause_ns_, pause_ns_min, pause_ns_max);
    start_ns_ = now + pause_ns_;
    log_warn("uakvd ended {} {}; the keeper holds {} descriptors for the next one, which it starts in {} ms",
             exited ? "with status" : "by signal", exited ? code : WTERMSIG(status), kept_.all().size(),
             pause_ns_ / ns_per_ms);
}

} // namespace

int run_fd_keeper(const std::vector<std::string> &command) {
    UAKV_ASSERT(!command.empty());
    auto socket = NotificationSocket::open();
    if (!socket.ok()) {
        log_error("{}", socket.error().detail);
        return exit_failure;
    }
    FdKeeper keeper(command, std::move(socket.value()));
    if (auto taken = keeper.take_signals(); !taken.ok()) {
        log_error("{}", taken.error().detail);
        return exit_failure;
    }
    return keeper.run();
}

} // namespace uakv
