#include "ipc/wakeup.h"

#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <fcntl.h>
#include <linux/futex.h>
#include <string>
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

Result<Bell> create_bell() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make a pipe");
    }
    Bell bell;
    bell.hearer = Fd(ends[0]);
    const Fd writing(ends[1]);
    // A rope that could be read as well hangs on when the client lets go of its end: no SIGPIPE.
    const std::string path = "/proc/self/fd/" + std::to_string(writing.get());
    bell.rope = Fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!bell.rope.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot open a pipe by %s", path.c_str());
    }
    return bell;
}

void ring_bell(const Fd &rope) {
    const char ring = 0;
    // EAGAIN when the pipe is full of rings that nobody has heard yet.
    [[maybe_unused]] const ssize_t written = ::write(rope.get(), &ring, 1);
}

void hush_bell(const Fd &hearer) {
    std::array<char, 4096> rings;
    while (::read(hearer.get(), rings.data(), rings.size()) == static_cast<ssize_t>(rings.size())) {
    }
}

} // namespace uakv
