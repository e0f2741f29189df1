#include "ipc/wakeup.h"

#include <cerrno>
#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace uakv {

// Shared futexes (no FUTEX_PRIVATE_FLAG): the two sides are different processes.
void futex_wait(const std::uint32_t &word, std::uint32_t expected, std::uint64_t timeout_ns) {
    const timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000),
                           static_cast<long>(timeout_ns % 1'000'000'000)};
    ::syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void futex_wake_all(const std::uint32_t &word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Result<Fd> create_doorbell() {
    Fd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!fd.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make an eventfd");
    }
    return fd;
}

void ring_doorbell(const Fd &doorbell) {
    const std::uint64_t one = 1;
    // EAGAIN only when 2^64 - 2 rings were never read, and then the other side has an event pending anyway.
    [[maybe_unused]] const ssize_t written = ::write(doorbell.get(), &one, sizeof one);
}

} // namespace uakv
