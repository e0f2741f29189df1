#include "daemon/io/event_loop.h"

namespace uakv {

Result<EventLoop::WatchId> EventLoop::watch(const Fd &fd, Handler handler) {
    const WatchId id = next_id_++;
    if (auto added = add(id, fd.get()); !added.ok()) {
        return added.take_error();
    }
    watches_.emplace(id, Watch{fd.get(), std::make_shared<Handler>(std::move(handler))});
    return id;
}

void EventLoop::unwatch(WatchId id) {
    const auto found = watches_.find(id);
    UAKV_ASSERT(found != watches_.end());
    remove(id, found->second.fd);
    watches_.erase(found);
}

void EventLoop::run_once(std::uint64_t timeout_ns) {
    ready_.clear();
    ready_.swap(again_);
    wait(ready_.empty() ? timeout_ns : 0, ready_);
    for (const WatchId id : ready_) {
        // An earlier handler of this turn may have removed it.
        if (const Watch *watch = find(id); watch != nullptr) {
            const auto handler = watch->handler;
            (*handler)();
        }
    }
}

const EventLoop::Watch *EventLoop::find(WatchId id) const {
    const auto found = watches_.find(id);
    return found == watches_.end() ? nullptr : &found->second;
}

std::unique_ptr<EventLoop> make_event_loop(std::string &why) {
    if (auto loop = make_uring_loop(why)) {
        return loop;
    }
    return make_epoll_loop();
}

} // namespace uakv
