#include "clientlib/event_queue.h"

#include "ipc/clock.h"
#include "ipc/wakeup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace uakv {
namespace {

// Edge-triggered: what was taken makes the queue readable again only when something new happens, though nobody reads
// the eventfds and the timer.
Result<void> watch(const Fd &epoll, const Fd &fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events | EPOLLET;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot watch a descriptor for the event queue");
    }
    return {};
}

} // namespace

Result<EventQueue> EventQueue::create() {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make an epoll descriptor");
    }
    auto own = create_doorbell();
    if (!own.ok()) {
        return own.take_error();
    }
    Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!timer.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make a timer descriptor");
    }
    for (const Fd *fd : {&own.value(), &timer}) {
        if (auto watched = watch(epoll, *fd, EPOLLIN); !watched.ok()) {
            return watched.take_error();
        }
    }
    return EventQueue(std::move(epoll), std::move(own.value()), std::move(timer));
}

Result<void> EventQueue::add(const Fd &bell, const Fd &socket) const {
    if (auto watched = watch(epoll_, bell, EPOLLIN); !watched.ok()) {
        return watched;
    }
    return watch(epoll_, socket, EPOLLRDHUP);
}

void EventQueue::remove(const Fd &bell, const Fd &socket) const {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, bell.get(), nullptr);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket.get(), nullptr);
}

void EventQueue::signal() const {
    ring_doorbell(own_);
}

void EventQueue::set_timer(std::uint64_t deadline_ns) const {
    itimerspec when{};
    if (deadline_ns != UINT64_MAX) {
        when.it_value.tv_sec = static_cast<time_t>(deadline_ns / ns_per_s);
        when.it_value.tv_nsec = static_cast<long>(deadline_ns % ns_per_s);
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

bool EventQueue::take(std::uint64_t timeout_ns) const {
    std::array<epoll_event, 8> events;
    // Up to the next millisecond, or a short wait would be none.
    const std::uint64_t timeout_ms = std::min<std::uint64_t>((timeout_ns + ns_per_ms - 1) / ns_per_ms, INT_MAX);
    return ::epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(timeout_ms)) > 0;
}

} // namespace uakv
