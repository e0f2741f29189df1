#include "daemon/io/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>

namespace uakv {
namespace {

class EpollLoop final : public EventLoop {
public:
    EpollLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { UAKV_ASSERT(epoll_.valid()); }

    const char *name() const override { return "epoll"; }

protected:
    Result<void> add(WatchId id, int fd) override {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
        event.data.u64 = id;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
            return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot watch descriptor %d", fd);
        }
        return {};
    }

    void remove(WatchId, int fd) override {
        const int outcome = ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
        UAKV_ASSERT(outcome == 0);
    }

    void wait(std::uint64_t timeout_ns, std::vector<WatchId> &ready) override {
        std::array<epoll_event, 64> events;
        // Rounded up, so that a timer has passed when we wake for it.
        const int timeout_ms =
            timeout_ns == forever
                ? -1
                : static_cast<int>(std::min<std::uint64_t>((timeout_ns + 999'999) / 1'000'000, 60'000));
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
        for (int i = 0; i < count; ++i) {
            ready.push_back(events[static_cast<std::size_t>(i)].data.u64);
        }
    }

private:
    Fd epoll_;
};

} // namespace

std::unique_ptr<EventLoop> make_epoll_loop() {
    return std::make_unique<EpollLoop>();
}

} // namespace uakv
