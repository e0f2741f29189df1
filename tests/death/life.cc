#include "death/life.h"

#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/process.h"

#include <array>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::test {
namespace {

// Says something that no client says, and goes. False when nobody listens.
bool speak_nonsense(const std::string &socket_path) {
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    CHECK(socket_path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
    const bool heard = connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0;
    if (heard) {
        constexpr std::array<char, 40> words = {"open sesame"};
        static_cast<void>(send(fd, words.data(), words.size(), MSG_NOSIGNAL));
    }
    close(fd);
    return heard;
}

void ask_for_report(const std::string &socket_path) {
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    execl(UAKVCTL_PATH, "uakvctl", "--socket", socket_path.c_str(), "status", nullptr);
    throw Failure("cannot run uakvctl");
}

bool is_over(pid_t child) {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

Environment environment(const std::string &point_and_action) {
    Environment variables = {{"UAKV_SINGLE_FLIGHT", "100ms"}};
    if (!point_and_action.empty()) {
        variables.emplace_back("UAKV_AT", point_and_action);
    }
    return variables;
}

} // namespace

Life::Life(const Directory &directory, const std::string &point_and_action)
    : pid_(start_uakvd({"--socket", socket_path(directory), "--memory", "16MiB"}, log_path(directory),
                       environment(point_and_action))) {}

Life::~Life() {
    if (end().empty()) {
        signal(SIGKILL);
        wait_for_exit(pid_);
    }
}

const std::string &Life::end() {
    if (end_.empty()) {
        end_ = poll_for_exit(pid_);
    }
    return end_;
}

void Life::signal(int number) const {
    ::kill(pid_, number);
}

bool Life::is_over_or_stopped() {
    return !end().empty() || is_stopped(pid_);
}

void lead_by_rare_points(const Directory &directory, Life &life) {
    const std::string socket_path = Life::socket_path(directory);
    if (!speak_nonsense(socket_path) || life.is_over_or_stopped()) {
        return; // no signal to a daemon that is not ready for it
    }
    life.signal(SIGHUP);
    Child an_operator([&] { ask_for_report(socket_path); });
    await("the operator has an answer, or none",
          [&] { return life.is_over_or_stopped() || is_over(an_operator.pid()); });
}

} // namespace uakv::test
