#include "daemon/server.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "daemon/io/signals.h"
#include "ipc/atomic.h"
#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <fmt/format.h>

namespace uakv {
namespace {

// How often things are looked at that nobody announces: limbo, late greetings, a listener without
// descriptors. Only while there are such things.
constexpr std::uint64_t upkeep_every_ns = 100 * ns_per_ms;
constexpr std::uint64_t waiting_every_ns = ns_per_ms;

// More than it takes to answer full rings. Clients that go on asking do not keep the daemon from its end.
constexpr int last_turns = 8;

// Who has served for so long was not brought down by what the daemon before had left.
constexpr std::uint64_t healthy_ns = ns_per_s;

Keeper *keeper_of(ServiceManager &manager) {
    return manager.is_there() ? &manager : nullptr;
}

// A step coarser than the clock, so that what is due at `due_ms` (boot_ms) is due when the loop wakes for it.
std::uint64_t until_ns(std::uint64_t due_ms) {
    if (due_ms == UINT64_MAX) {
        return EventLoop::forever;
    }
    const std::uint64_t now_ms = boot_ms();
    return due_ms <= now_ms ? 0 : (due_ms - now_ms + 1) * ns_per_ms;
}

} // namespace

Result<std::unique_ptr<Server>> Server::create(const Settings &settings, Fd signals, Reread reread,
                                               ServiceManager &manager) {
    auto listener = Listener::open(settings.socket_path, manager.take_listener());
    if (!listener.ok()) {
        return listener.take_error();
    }
    KeptFds kept = manager.take_kept();
    auto tenants = Tenants::create(settings, {keeper_of(manager), &kept});
    if (!tenants.ok()) {
        return tenants.take_error();
    }
    manager.drop_all(kept);
    std::string fallback;
    auto loop = make_event_loop(fallback);
    std::unique_ptr<Server> server(new Server(settings, std::move(signals), std::move(reread), manager, fallback,
                                              std::move(loop), std::move(tenants.value()),
                                              std::move(listener.value())));
    if (auto adopted = server->adopt_sessions(); !adopted.ok()) {
        return adopted.take_error();
    }
    if (auto watched = server->watch_all(); !watched.ok()) {
        return watched.take_error();
    }
    return server;
}

Server::Server(const Settings &settings, Fd signals, Reread reread, ServiceManager &manager, std::string loop_fallback,
               std::unique_ptr<EventLoop> loop, std::unique_ptr<Tenants> tenants, Listener listener)
    : settings_(settings), signals_(std::move(signals)), reread_(std::move(reread)), manager_(manager),
      loop_fallback_(std::move(loop_fallback)), loop_(std::move(loop)), tenants_(std::move(tenants)),
      reports_(*tenants_, stages_, settings.socket_path, loop_->name()),
      sessions_(*loop_, *tenants_, reports_, stages_, keeper_of(manager)), started_ns_(now_ns()),
      listener_(std::move(listener)) {
    stages_.set_on(settings.profiling);
    stop_ms_ = settings.disk.stop_ms;
}

// Those of the daemon before, before the first client comes.
Result<void> Server::adopt_sessions() {
    for (Cache *cache : tenants_->caches()) {
        if (auto adopted = sessions_.adopt(*cache, cache->take_left_sessions()); !adopted.ok()) {
            return adopted;
        }
    }
    return {};
}

Result<void> Server::watch_all() {
    auto signals = loop_->watch(signals_, [this] { on_signal(); });
    auto listener = loop_->watch(listener_.socket(), [this] { on_connection(); });
    for (auto *watched : {&signals, &listener}) {
        if (!watched->ok()) {
            return watched->take_error();
        }
    }
    listener_watch_ = listener.value();
    for (Cache *cache : tenants_->caches()) {
        if (auto watched = watch_segments(cache->store()); !watched.ok()) {
            return watched.take_error();
        }
        if (cache->arena_mover() != nullptr) {
            if (auto watched = loop_->watch(cache->arena_mover()->event(), [] {}); !watched.ok()) {
                return watched.take_error(); // each turn looks after the movers; it only has to come
            }
        }
        if (cache->disk() != nullptr) {
            if (auto watched = loop_->watch(cache->disk()->event(), [] {}); !watched.ok()) {
                return watched.take_error(); // each turn looks after the disks; it only has to come
            }
        }
    }
    if (tenants_->workers() != nullptr) {
        if (auto watched = loop_->watch(tenants_->workers()->event(), [] {}); !watched.ok()) {
            return watched.take_error();
        }
    }
    return listener_.let_connect(tenants_->for_others() ? Callers::everybody : Callers::group);
}

Result<void> Server::watch_segments(Store &store) {
    auto watched = loop_->watch(store.segment_event(), [this, &store] {
        store.take_segments();
        segments_came_ = true;
    });
    return watched.ok() ? Result<void>() : watched.take_error();
}

void Server::on_connection() {
    const auto accepted = sessions_.accept_next(listener_.socket());
    accept_again_ = accepted == Sessions::Accepted::failed;
    if (accepted == Sessions::Accepted::one) {
        loop_->call_again(listener_watch_);
    }
}

void Server::on_signal() {
    for (;;) {
        switch (read_signal(signals_)) {
        case Asked::nothing:
            return;
        case Asked::stop:
            stopping_ = true;
            break;
        case Asked::reload:
            reload();
        }
    }
}

void Server::reload() {
    manager_.reloading();
    if (auto read = reread_(); read.ok()) {
        apply(read.value());
    } else {
        log_error("the settings stay as they are: {}", read.error().detail);
    }
    manager_.ready();
}

void Server::apply(const Settings &settings) {
    set_log_level(settings.log_level);
    stages_.set_on(settings.profiling);
    stop_ms_ = settings.disk.stop_ms;
    std::vector<std::string> need_restart = tenants_->reconfigure(settings);
    UAKV_SEQUENCE_POINT(settings_changed);
    for (std::string &change : needs_restart(settings_, settings)) {
        need_restart.push_back(std::move(change));
    }
    if (auto opened = listener_.let_connect(tenants_->for_others() ? Callers::everybody : Callers::group);
        !opened.ok()) {
        log_error("{}", opened.error().detail);
    }
    log_info("the settings were read again");
    if (!need_restart.empty()) {
        log_warn("this has to wait until uakvd is started again: {}", fmt::join(need_restart, ", "));
    }
}

std::string Server::describe() const {
    const std::size_t tenants = tenants_->all().size();
    return fmt::format("{} with {} for blocks{}, by {}{}", settings_.socket_path, format_size(settings_.memory_bytes),
                       tenants > 1 ? fmt::format(" of {} tenants", tenants) : "", loop_->name(),
                       loop_fallback_.empty() ? "" : " (" + loop_fallback_ + ")");
}

// "1234 blocks, 5.2 GiB of 8 GiB; 91.5 % of 20000 lookups hit; 3 clients".
std::string Server::status() const {
    uakv_statistics sum{};
    for (const auto &tenant : tenants_->all()) { // what lies on GPUs is a part of it, or a copy
        const uakv_statistics one = tenant->host().statistics();
        sum.blocks += one.blocks;
        sum.bytes_blocks += one.bytes_blocks;
        sum.hits += one.hits;
        sum.misses += one.misses;
    }
    const std::uint64_t lookups = sum.hits + sum.misses;
    std::string hit = "no lookups yet";
    if (lookups != 0) {
        hit = fmt::format("{:.1f} % of {} lookups hit",
                          100.0 * static_cast<double>(sum.hits) / static_cast<double>(lookups), lookups);
    }
    return fmt::format("{} blocks, {} of {}; {}; {} clients", sum.blocks, format_size(sum.bytes_blocks),
                       format_size(settings_.memory_bytes), hit, tenants_->clients().used());
}

void Server::run() {
    manager_.ready();
    while (!stopping_) {
        const std::uint64_t wait_ns = turn();
        loop_->run_once(std::min(wait_ns, manager_.turn(wait_ns == 0, [this] { return status(); })));
    }
    manager_.stopping();
    stop();
}

void Server::stop() {
    UAKV_SEQUENCE_POINT(stop_begun);
    // What was submitted before the stop is answered; what comes later finds the daemon gone.
    for (int i = 0; i < last_turns; ++i) {
        loop_->run_once(0);
        sessions_.serve();
        for (Cache *cache : tenants_->caches()) {
            cache->store().maintain();
        }
        turn_disks();
    }
    for (Cache *cache : tenants_->caches()) { // so that the disk gets it, too
        if (cache->arena_mover() != nullptr && cache->tenant().host().disk() != nullptr) {
            cache->arena_mover()->stop(stop_ms_, [this] { manager_.alive_while_stopping(); });
        }
    }
    for (Cache *cache : tenants_->caches()) {
        if (cache->disk() != nullptr) {
            cache->disk()->stop(stop_ms_, [this] { manager_.alive_while_stopping(); });
        }
    }
}

// Says how long the loop may wait.
std::uint64_t Server::turn() {
    StageTimer timer(stages_, Stage::turn);
    const bool published = sessions_.continue_ordered();
    const bool worked = sessions_.serve() || published;
    if (!worked) {
        timer.discard();
    }
    return upkeep(worked);
}

// Does what is due, and says how long the loop may wait.
std::uint64_t Server::upkeep(bool worked) {
    if (sessions_.next_late_ns() != UINT64_MAX) {
        sessions_.expire_flights(now_ns());
    }
    note_healthy();
    const std::uint64_t disks_ns = std::min(turn_disks(), turn_quarantines());
    bool more = sessions_.continue_clears() || disks_ns == 0;
    for (Cache *cache : tenants_->caches()) {
        more = maintain(cache->store()) || more;
    }
    if (sessions_.any_hot() && !worked) {
        cpu_relax(); // nothing came in this turn, but soon may; longer pauses were measured, and delay the answer
    }
    const bool waiting = sessions_.any_waiting() || sessions_.any_greeting() || accept_again_ || has_limbo();
    if (waiting || segments_came_) {
        const std::uint64_t now = now_ns();
        const std::uint64_t period = sessions_.any_waiting() ? waiting_every_ns : upkeep_every_ns;
        if (segments_came_ || now - upkeep_ns_ >= period) {
            upkeep_now_and_then(now);
        }
    }
    if (more || worked || sessions_.any_hot()) {
        return 0;
    }
    const std::uint64_t next = std::min(until_due_ns(), disks_ns);
    if (waiting) {
        return std::min(next, sessions_.any_waiting() ? waiting_every_ns : upkeep_every_ns);
    }
    return next;
}

void Server::note_healthy() {
    if (healthy_ || now_ns() - started_ns_ < healthy_ns) {
        return;
    }
    healthy_ = true;
    for (Cache *cache : tenants_->caches()) {
        cache->store().healthy();
    }
}

// Goes on with what moves between memory and disk, and says when it wants to go on again.
std::uint64_t Server::turn_disks() {
    std::uint64_t next = EventLoop::forever;
    for (Cache *cache : tenants_->caches()) {
        if (DeviceMover *mover = cache->device_mover()) {
            next = std::min(next, mover->turn());
        }
        if (cache->disk() != nullptr) {
            next = std::min(next, cache->disk()->mover().turn());
        }
    }
    if (tenants_->workers() != nullptr) {
        sessions_.answer_loads();
    }
    return next;
}

// Slots of clients of devices that are gone: when to look again.
std::uint64_t Server::turn_quarantines() {
    std::uint64_t next = EventLoop::forever;
    for (Cache *cache : tenants_->caches()) {
        next = std::min(next, cache->quarantine().turn(now_ns()));
    }
    return next;
}

// True when there is more to do at once.
bool Server::maintain(Store &store) {
    if (until_ns(store.next_expiry_ms()) == 0) {
        store.expire();
    }
    StageTimer timer(stages_, Stage::evict);
    const std::uint64_t evictions = store.counters().evictions;
    const bool more = store.maintain();
    if (store.counters().evictions == evictions) {
        timer.discard();
    }
    return more;
}

void Server::upkeep_now_and_then(std::uint64_t now) {
    upkeep_ns_ = now;
    segments_came_ = false;
    for (Cache *cache : tenants_->caches()) {
        cache->store().revisit_limbo();
    }
    sessions_.retry_waiting();
    sessions_.expire_greetings();
    if (accept_again_) {
        on_connection();
    }
}

bool Server::has_limbo() const {
    return std::any_of(tenants_->caches().begin(), tenants_->caches().end(),
                       [](Cache *cache) { return cache->store().has_limbo(); });
}

// Until a block's lifetime is over, a pin ends, or a client has computed a block for too long.
std::uint64_t Server::until_due_ns() const {
    std::uint64_t next = EventLoop::forever;
    for (Cache *cache : tenants_->caches()) {
        next = std::min(next, until_ns(cache->store().next_expiry_ms()));
    }
    if (!healthy_) {
        next = std::min(next, healthy_ns);
    }
    next = std::min(next, sessions_.next_ordered_ns());
    const std::uint64_t late_ns = sessions_.next_late_ns();
    if (late_ns != UINT64_MAX) {
        const std::uint64_t now = now_ns();
        next = std::min(next, late_ns - std::min(late_ns, now));
    }
    return next;
}

} // namespace uakv
