#include "daemon/io/signals.h"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>

namespace uakv {

Result<Fd> open_stop_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (const int number = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); number != 0) {
        return errno_error(UAKV_ERR_INTERNAL, number, "cannot block the stop signals");
    }
    Fd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make a signalfd");
    }
    return fd;
}

std::optional<int> read_signal(const Fd &signals) {
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
        return std::nullopt;
    }
    return static_cast<int>(info.ssi_signo);
}

} // namespace uakv
