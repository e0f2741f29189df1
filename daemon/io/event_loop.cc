#include "daemon/io/event_loop.h"

#include "ipc/clock.h"

#include <utility>

namespace uakv {

Result<EventLoop::WatchId> EventLoop::watch(const Fd &fd, Handler handler) {
    const WatchId id = next_id_++;
    if (auto added = add(id, fd.get()); !added.ok()) {
        return added.take_error();
    }
    watches_.emplace(id, Watch{fd.get(), std::make_shared<Handler>(std::move(handler)), false});
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
    happened_.clear();
    wait(ready_.empty() ? timeout_ns : 0, happened_);
    for (const WatchId id : happened_) {
        queue(id, ready_);
    }
    const std::uint64_t end_ns = now_ns() + handlers_ns_max;
    auto next = ready_.begin();
    while (next != ready_.end()) {
        // An earlier handler may have removed it.
        if (const auto found = watches_.find(*next++); found != watches_.end()) {
            const auto handler = found->second.handler;
            found->second.queued = false;
            (*handler)();
            if (now_ns() >= end_ns) {
                break;
            }
        }
    }
    again_.insert(again_.begin(), next, ready_.end());
}

void EventLoop::queue(WatchId id, std::vector<WatchId> &queue) {
    if (const auto found = watches_.find(id); found != watches_.end() && !std::exchange(found->second.queued, true)) {
        queue.push_back(id);
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
