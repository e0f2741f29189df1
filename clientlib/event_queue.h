// What an event loop of the host waits on, and what uakv_poll sleeps on: one descriptor that is readable when any of
// these has happened: the daemon rang the bell, it hung up, a thread of this process has something, or the time is up.
// An epoll of our own, so that the descriptor stays the same whatever is behind it.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstdint>

namespace uakv {

class EventQueue {
public:
    static Result<EventQueue> create();

    int descriptor() const { return epoll_.get(); }

    // The bell and the hang-up of a daemon.
    Result<void> add(const Fd &bell, const Fd &socket) const;
    void remove(const Fd &bell, const Fd &socket) const;

    // Makes it readable.
    void signal() const;

    // Makes it readable at that time; UINT64_MAX: never.
    void set_timer(std::uint64_t deadline_ns) const;

    // Waits until it is readable, or the timeout; from then on it is not, until something happens anew. True when
    // something had happened.
    bool take(std::uint64_t timeout_ns) const;

private:
    EventQueue(Fd epoll, Fd own, Fd timer) : epoll_(std::move(epoll)), own_(std::move(own)), timer_(std::move(timer)) {}

    Fd epoll_;
    Fd own_;
    Fd timer_;
};

} // namespace uakv
