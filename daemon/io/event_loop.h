// The reactor's way to wait: tells which descriptors have something new. Two implementations: io_uring, and
// epoll where io_uring is forbidden.
//
// Edge-triggered: a handler is called when something new has happened, and must take everything that is
// there (or ask to be called again). One thread uses a loop; nothing is called from within watch().
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace uakv {

class EventLoop {
public:
    using WatchId = std::uint64_t;
    using Handler = std::function<void()>;
    static constexpr std::uint64_t forever = UINT64_MAX;

    virtual ~EventLoop() = default;

    // Calls the handler whenever fd becomes readable or hangs up. Something that is there already counts.
    Result<WatchId> watch(const Fd &fd, Handler handler);

    // Must come before the descriptor is closed. The handler may do it itself.
    void unwatch(WatchId id);

    // The handler has left something for the next turn.
    void call_again(WatchId id) { queue(id, again_); }

    // Calls the handlers of what has happened; waits for it up to timeout_ns (0: does not wait). What is not reached
    // within handlers_ns_max comes first the next time: those who wait for something else than a handler have their
    // turn in between, however much happens.
    void run_once(std::uint64_t timeout_ns);
    static constexpr std::uint64_t handlers_ns_max = 100'000;

    virtual const char *name() const = 0;

protected:
    struct Watch {
        int fd;
        std::shared_ptr<Handler> handler; // shared: a handler may remove its own watch
        bool queued;                      // to be called; once, however often something happened until then
    };

    virtual Result<void> add(WatchId id, int fd) = 0;
    virtual void remove(WatchId id, int fd) = 0;
    // Appends the watches for which something happened.
    virtual void wait(std::uint64_t timeout_ns, std::vector<WatchId> &ready) = 0;

    const Watch *find(WatchId id) const;

private:
    void queue(WatchId id, std::vector<WatchId> &queue);

    WatchId next_id_ = 1;
    std::unordered_map<WatchId, Watch> watches_;
    std::vector<WatchId> again_;
    std::vector<WatchId> ready_;
    std::vector<WatchId> happened_;
};

// io_uring where the kernel lets us; otherwise epoll, and `why` says why.
std::unique_ptr<EventLoop> make_event_loop(std::string &why);

std::unique_ptr<EventLoop> make_uring_loop(std::string &why); // null when it cannot be had
std::unique_ptr<EventLoop> make_epoll_loop();

} // namespace uakv
