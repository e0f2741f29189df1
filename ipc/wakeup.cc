#include "ipc/wakeup.h"

#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
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
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make a pair of sockets");
    }
    Bell bell{Fd(ends[0]), Fd(ends[1])};
    ::shutdown(bell.rope.get(), SHUT_RD); // nothing may be sent to the daemon
    return bell;
}

void ring_bell(const Fd &rope) {
    const char ring = 0;
    // EAGAIN when the bell is full of rings that nobody has heard yet, EPIPE when nobody has it any more.
    [[maybe_unused]] const ssize_t sent = ::send(rope.get(), &ring, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void hush_bell(const Fd &hearer) {
    std::array<char, 4096> rings;
    while (::read(hearer.get(), rings.data(), rings.size()) == static_cast<ssize_t>(rings.size())) {
    }
}

void let_go_of_bell(const Fd &hearer) {
    ::shutdown(hearer.get(), SHUT_RDWR);
}

bool is_let_go(const Fd &rope) {
    pollfd entry{rope.get(), 0, 0}; // hang-ups are told unasked
    return ::poll(&entry, 1, 0) > 0;
}

} // namespace uakv
