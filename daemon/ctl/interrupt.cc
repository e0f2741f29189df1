#include "daemon/ctl/interrupt.h"

#include "ipc/clock.h"

#include <cerrno>
#include <csignal>

namespace uakv::ctl {
namespace {

sigset_t stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    return signals;
}

} // namespace

Interrupt::Interrupt() {
    const sigset_t signals = stop_signals();
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

bool Interrupt::wait(std::uint64_t ms) const {
    const sigset_t signals = stop_signals();
    const std::uint64_t deadline_ns = now_ns() + ms * ns_per_ms;
    for (;;) {
        const std::uint64_t now = now_ns();
        const std::uint64_t left_ns = now < deadline_ns ? deadline_ns - now : 0;
        const timespec left{static_cast<time_t>(left_ns / ns_per_s), static_cast<long>(left_ns % ns_per_s)};
        if (::sigtimedwait(&signals, nullptr, &left) >= 0) {
            return true;
        }
        if (errno != EINTR) { // EAGAIN: nothing came; EINTR: stopped and continued
            return false;
        }
    }
}

} // namespace uakv::ctl
