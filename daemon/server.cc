#include "daemon/server.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "ipc/atomic.h"
#include "ipc/clock.h"

#include <algorithm>
#include <fmt/format.h>

namespace uakv {
namespace {

// How often things are looked at that nobody announces: limbo, late greetings, a listener without
// descriptors. Only while there are such things.
constexpr std::uint64_t upkeep_every_ns = 100 * ns_per_ms;
constexpr std::uint64_t parked_every_ns = ns_per_ms;

} // namespace

Result<std::unique_ptr<Server>> Server::create(const Settings &settings, Fd stop) {
    auto listener = Listener::open(settings.socket_path);
    if (!listener.ok()) {
        return listener.take_error();
    }
    auto store = Store::create(settings.memory_bytes);
    if (!store.ok()) {
        return store.take_error();
    }
    auto index = store.value()->index().reopen();
    if (!index.ok()) {
        return index.take_error();
    }
    std::string fallback;
    auto loop = make_event_loop(fallback);
    std::unique_ptr<Server> server(new Server(settings, std::move(stop), fallback, std::move(loop),
                                              std::move(store.value()), std::move(listener.value()),
                                              std::move(index.value())));
    if (auto watched = server->watch_all(); !watched.ok()) {
        return watched.take_error();
    }
    return server;
}

Server::Server(const Settings &settings, Fd stop, std::string loop_fallback, std::unique_ptr<EventLoop> loop,
               std::unique_ptr<Store> store, Listener listener, Fd index)
    : settings_(settings), stop_(std::move(stop)), loop_fallback_(std::move(loop_fallback)), loop_(std::move(loop)),
      store_(std::move(store)), sessions_(*loop_, *store_, std::move(index)), listener_(std::move(listener)) {}

Result<void> Server::watch_all() {
    auto stop = loop_->watch(stop_, [this] { stopping_ = true; });
    auto listener = loop_->watch(listener_.socket(), [this] { on_connection(); });
    auto segments = loop_->watch(store_->segment_event(), [this] {
        store_->take_segments();
        segments_came_ = true;
    });
    for (auto *watched : {&stop, &listener, &segments}) {
        if (!watched->ok()) {
            return watched->take_error();
        }
    }
    return {};
}

void Server::on_connection() {
    accept_again_ = !sessions_.accept_all(listener_.socket());
}

std::string Server::describe() const {
    return fmt::format("{} with {} for blocks, by {}{}", settings_.socket_path, format_size(settings_.memory_bytes),
                       loop_->name(), loop_fallback_.empty() ? "" : " (" + loop_fallback_ + ")");
}

void Server::run() {
    while (!stopping_) {
        const bool worked = sessions_.serve();
        loop_->run_once(upkeep(worked));
    }
    // What was submitted before the stop is answered; what comes later finds the daemon gone.
    loop_->run_once(0);
    while (sessions_.serve()) {
        store_->maintain();
    }
}

// Does what is due, and says how long the loop may wait.
std::uint64_t Server::upkeep(bool worked) {
    if (until_expiry_ns() == 0) {
        store_->expire();
    }
    const bool draining = store_->maintain();
    if (sessions_.any_hot() && !worked) {
        cpu_relax(); // nothing came in this turn, but soon may; longer pauses were measured, and delay the answer
    }
    const bool waiting = sessions_.any_parked() || sessions_.any_greeting() || accept_again_ || store_->has_limbo();
    if (waiting || segments_came_) {
        const std::uint64_t now = now_ns();
        const std::uint64_t period = sessions_.any_parked() ? parked_every_ns : upkeep_every_ns;
        if (segments_came_ || now - upkeep_ns_ >= period) {
            upkeep_ns_ = now;
            segments_came_ = false;
            store_->revisit_limbo();
            sessions_.retry_parked();
            sessions_.expire_greetings();
            if (accept_again_) {
                on_connection();
            }
        }
    }
    if (draining || worked || sessions_.any_hot()) {
        return 0;
    }
    const std::uint64_t next = until_expiry_ns();
    if (waiting) {
        return std::min(next, sessions_.any_parked() ? parked_every_ns : upkeep_every_ns);
    }
    return next;
}

// A step coarser than the clock, so that a block is due when the loop wakes for it.
std::uint64_t Server::until_expiry_ns() const {
    const std::uint64_t next_ms = store_->next_expiry_ms();
    if (next_ms == UINT64_MAX) {
        return EventLoop::forever;
    }
    const std::uint64_t now_ms = boot_ms();
    return next_ms <= now_ms ? 0 : (next_ms - now_ms + 1) * ns_per_ms;
}

} // namespace uakv
