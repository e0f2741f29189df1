#include "server.h"

#include "failure.h"
#include "workplace.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::bench {
namespace {

constexpr int stopping_deadline_ms = 60'000;

// The child's half of the fork. Only system calls from here to exec.
[[noreturn]] void become(const char *program, char *const *arguments, int log, const cpu_set_t &cpus, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(127);
    }
    sched_setaffinity(0, sizeof cpus, &cpus);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(program, arguments);
    constexpr char text[] = "cannot execute the program\n";
    [[maybe_unused]] const auto written = write(log, text, sizeof text - 1);
    _exit(127);
}

} // namespace

Server::Server(const std::string &program, const std::vector<std::string> &arguments, const cpu_set_t &cpus)
    : name_(arguments.at(0)), log_(memfd_create("uakv-bench-log", MFD_CLOEXEC)) {
    if (log_ < 0) {
        throw Failure(fmt::format("cannot make a memfd for the log of {}: {}", name_, std::strerror(errno)));
    }
    std::vector<char *> pointers;
    pointers.reserve(arguments.size() + 1);
    for (const std::string &argument : arguments) {
        pointers.push_back(const_cast<char *>(argument.c_str()));
    }
    pointers.push_back(nullptr);
    const pid_t parent = getpid();
    const EndSignalsBlocked until_noted;
    pid_ = fork();
    if (pid_ == 0) {
        until_noted.restore();
        become(program.c_str(), pointers.data(), log_, cpus, parent);
    }
    if (pid_ < 0) {
        close(log_);
        throw Failure(fmt::format("cannot fork: {}", std::strerror(errno)));
    }
    note_process(pid_);
}

Server::~Server() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        forget_process(pid_);
    }
    close(log_);
}

void Server::stop() {
    kill(pid_, SIGTERM);
    wait();
}

void Server::wait() {
    if (!exited(stopping_deadline_ms)) {
        throw Failure(
            fmt::format("{} did not end within {} s; its log:\n{}", name_, stopping_deadline_ms / 1000, log_text()));
    }
    if (!WIFEXITED(exit_status_) || WEXITSTATUS(exit_status_) != 0) {
        throw_ended();
    }
}

bool Server::exited(int timeout_ms) {
    if (pid_ < 0) {
        return true;
    }
    // The declaration in glibc 2.36 is not usable from C++.
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    pollfd waited{pidfd, POLLIN, 0};
    const bool ended = poll(&waited, 1, timeout_ms) == 1;
    close(pidfd);
    if (ended) {
        waitpid(pid_, &exit_status_, 0);
        forget_process(pid_);
        pid_ = -1;
    }
    return ended;
}

void Server::throw_ended() const {
    throw Failure(fmt::format("{} ended with wait status {:#x}; its log:\n{}", name_, exit_status_, log_text()));
}

std::string Server::log_text() const {
    std::array<char, 8192> text{};
    const off_t end = lseek(log_, 0, SEEK_END);
    const off_t start = end > static_cast<off_t>(text.size()) ? end - static_cast<off_t>(text.size()) : 0;
    const ssize_t length = pread(log_, text.data(), text.size(), start);
    return length <= 0 ? "(empty)" : std::string(text.data(), static_cast<std::size_t>(length));
}

std::string find_program(const std::string &name) {
    const char *path = std::getenv("PATH");
    std::istringstream folders(path != nullptr ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');) {
        std::string candidate = folder + "/" + name;
        if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    return "";
}

} // namespace uakv::bench
