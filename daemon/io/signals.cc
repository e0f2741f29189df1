#include "daemon/io/signals.h"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>

namespace uakv {

Result<Fd> open_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (const int number = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); number != 0) {
        return errno_error(UAKV_ERR_INTERNAL, number, "cannot block the signals that the daemon reads");
    }
    Fd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make a signalfd");
    }
    return fd;
}

Asked read_signal(const Fd &signals) {
    signalfd_siginfo info{};
    const ssize_t length = ::read(signals.get(), &info, sizeof info);
    if (length <= 0) {
        return Asked::nothing;
    }
    const bool hangup = length == static_cast<ssize_t>(sizeof info) && info.ssi_signo == SIGHUP;
    return hangup ? Asked::reload : Asked::stop;
}

} // namespace uakv
