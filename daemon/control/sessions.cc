#include "daemon/control/sessions.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "daemon/control/old_views.h"
#include "ipc/clock.h"
#include "ipc/processors.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <sched.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::uint64_t hot_ns_min = 20'000;
constexpr std::uint64_t hot_ns_max = 1'000'000;
constexpr std::uint64_t touches_every_ns = ns_per_ms;
constexpr std::uint64_t greeting_ns_max = 5 * ns_per_s;

// How long to keep looking at the ring of a client whose work comes with this gap between. A client with
// longer gaps than we care to wait for gets the shortest look.
std::uint64_t hot_ns(std::uint64_t gap_ns) {
    if (!several_processors()) {
        return 0;
    }
    return 2 * gap_ns > hot_ns_max ? hot_ns_min : std::max(2 * gap_ns, hot_ns_min);
}

} // namespace

Sessions::Sessions(EventLoop &loop, Tenants &tenants, const Reports &reports, Stages &stages, Keeper *keeper)
    : loop_(loop), tenants_(tenants), greeting_(tenants, reports, keeper), dispatcher_(stages),
      orphans_(loop, keeper, [this](const Orphan &orphan) { hear_first(orphan); }) {}

Sessions::~Sessions() {
    while (!sessions_.empty()) {
        Session &session = *sessions_.begin()->second;
        if (session.is_kept()) {
            session.leave_behind();
        }
        destroy(session.number());
    }
}

Result<void> Sessions::adopt(Cache &cache, std::vector<LeftSession> left) {
    for (const LeftSession &one : left) {
        next_number_ = std::max(next_number_, one.number + 1);
    }
    return orphans_.adopt(cache, std::move(left));
}

Sessions::Accepted Sessions::accept_next(const Fd &listener) {
    auto accepted = accept_unix(listener);
    if (!accepted.ok()) {
        log(accept_failed_.due(now_ns()) ? LogLevel::warn : LogLevel::debug, "{}; clients wait until some are free",
            accepted.error().detail);
        return Accepted::failed;
    }
    if (!accepted.value().valid()) {
        return Accepted::none;
    }
    auto peer = peer_identity(accepted.value());
    if (peer.ok()) {
        add(std::move(accepted.value()), std::move(peer.value()));
    } else {
        turned_away_.warn("a connection was dropped: {}", peer.error().detail);
    }
    return Accepted::one;
}

void Sessions::add(Fd socket, PeerIdentity peer) {
    const Number number = next_number_++;
    auto session = std::make_unique<Session>(number, std::move(socket), std::move(peer));
    if (auto admitted = tenants_.admit(session->peer()); !admitted.ok()) {
        turn_away(*session, admitted.error());
        return;
    }
    const bool admin = tenants_.is_admin(session->peer());
    const std::size_t more = admin ? 0 : limits::operators_max;
    if (sessions_.size() + more >= limits::clients_max + limits::operators_max) {
        turn_away(*session, error(UAKV_ERR_DENIED, "%u clients are connected, which is all that there can be",
                                  limits::clients_max));
        return;
    }
    if (sessions_.size() + orphans_.count() + more >= limits::orphans_max) {
        turn_away(*session, error(UAKV_ERR_DENIED,
                                  "%zu sessions of daemons before are still in use, and with those of this one there "
                                  "can be %u: clients that hold views or slots for so long have to end them",
                                  orphans_.count(), limits::orphans_max));
        return;
    }
    if (const uid_t user = session->peer().uid; !admin && has_too_many_greetings(user)) {
        turn_away(*session, error(UAKV_ERR_DENIED, "%u connections of user %u have not said hello yet",
                                  limits::greetings_per_user_max, user));
        return;
    }
    Session &added = *session;
    sessions_.emplace(number, std::move(session));
    ++greeting_count_;
    UAKV_SEQUENCE_POINT(connection_accepted);
    if (!watch(added)) {
        destroy(number);
    }
}

std::vector<Sessions::Number> Sessions::greetings_of(uid_t user) const {
    std::vector<Number> greetings;
    for (const auto &[number, session] : sessions_) {
        if (!session->welcomed() && session->peer().uid == user) {
            greetings.push_back(number);
        }
    }
    return greetings;
}

// Many that begin at once are no harm: their hello is there already, but was not read.
bool Sessions::has_too_many_greetings(uid_t user) {
    if (greeting_count_ < limits::greetings_per_user_max) {
        return false;
    }
    std::vector<Number> greetings = greetings_of(user);
    if (greetings.size() >= limits::greetings_per_user_max) {
        std::for_each(greetings.begin(), greetings.end(), [this](Number number) { on_message(number); });
        greetings = greetings_of(user);
    }
    return greetings.size() >= limits::greetings_per_user_max;
}

// Anybody may be able to try, as often as he likes: the log tells of some.
void Sessions::turn_away(const Session &session, const Error &why) {
    turned_away_.warn("{} was refused: {}", session.name(), why.detail);
    Greeting::say_why(session, why);
}

bool Sessions::watch(Session &session) {
    const Number number = session.number();
    auto socket_watch = loop_.watch(session.socket(), [this, number] { on_message(number); });
    if (!socket_watch.ok()) {
        log_warn("{} was dropped: {}", session.name(), socket_watch.error().detail);
        return false;
    }
    session.socket_watch = socket_watch.value();
    session.process = peer_process(session.socket(), session.peer());
    if (!session.process.valid()) {
        return true;
    }
    auto process_watch = loop_.watch(session.process, [this, number] { destroy(number); });
    if (!process_watch.ok()) {
        log_warn("{} was dropped: {}", session.name(), process_watch.error().detail);
        return false;
    }
    session.process_watch = process_watch.value();
    return true;
}

// One message, then it is the turn of others.
void Sessions::on_message(Number number) {
    Session &session = *find(number);
    auto received = receive_message(session.socket(), AcceptFds::no);
    if (!received.ok()) {
        end(session, received.error());
    } else if (received.value().state == Received::State::hung_up) {
        destroy(number);
        return;
    } else if (received.value().state == Received::State::nothing_yet) {
        return;
    } else if (!session.ended) { // after that only its hang-up counts
        answer(session, received.value());
    }
    loop_.call_again(session.socket_watch);
}

void Sessions::answer(Session &session, const Received &message) {
    std::string violation;
    switch (greeting_.answer(session, message, violation)) {
    case Greeting::Next::go_on:
        break;
    case Greeting::Next::welcomed: {
        --greeting_count_;
        note_welcome(session);
        auto watched = loop_.watch(session.doorbell(), [this, number = session.number()] { on_doorbell(number); });
        if (!watched.ok()) {
            end(session, watched.error());
            break;
        }
        session.doorbell_watch = watched.value();
        break;
    }
    case Greeting::Next::violation:
        end(session, error(UAKV_ERR_INVALID, "%s", violation.c_str()));
    }
}

void Sessions::note_welcome(const Session &session) {
    log_debug("{} connected{}", session.name(), session.read_only() ? ", read-only" : "");
    if (session.peer().uid == ::geteuid() && !std::exchange(told_trust_, true)) {
        log_info("clients run as the daemon's own user (uid {}): they and the daemon are one trust domain; to protect "
                 "the cache from them, run uakvd under a user of its own",
                 session.peer().uid);
    }
}

void Sessions::on_doorbell(Number number) {
    make_hot(*find(number), now_ns());
}

void Sessions::make_hot(Session &session, std::uint64_t now) {
    if (!session.hot) {
        session.hot = true;
        session.ring().stay_awake();
        hot_.push_back(&session);
    }
    session.active_ns = now;
}

bool Sessions::serve() {
    if (hot_.empty()) {
        return false;
    }
    const std::uint64_t now = now_ns();
    bool worked = false;
    for (std::size_t i = 0; i < hot_.size();) {
        Session *session = hot_[i];
        std::string violation;
        switch (dispatcher_.serve(*session, now, violation)) {
        case Dispatcher::Served::nothing:
            break;
        case Dispatcher::Served::something: {
            session->gap_ns = (7 * session->gap_ns + std::min(now - session->worked_ns, hot_ns_max)) / 8;
            session->worked_ns = now;
            session->active_ns = now;
            worked = true;
            break;
        }
        case Dispatcher::Served::violation:
            end(*session, error(UAKV_ERR_INVALID, "%s", violation.c_str()));
        }
        if (i < hot_.size() && hot_[i] == session) { // end() takes it out
            ++i;
        }
    }
    waiting_ = dispatcher_.take_waits() || waiting_;
    if (worked && now - touches_drained_ns_ >= touches_every_ns) {
        drain_all_touches(now);
    }
    if (!worked) {
        cool_down(now);
    }
    if (dispatcher_.take_woke()) {
        // A client that slept instead of looking perhaps shares our processor, and could not run while we look.
        ::sched_yield();
    }
    return worked;
}

// A client commits and gives back what it was granted by a daemon before through its present session, and may then let
// go of the old one at once. So what it has asked for is heard before that ends: else a slot would be free, and perhaps
// somebody else's, when the word about it comes.
void Sessions::hear_first(const Orphan &orphan) {
    for (auto &[number, session] : sessions_) {
        std::string violation;
        auto served = Dispatcher::Served::something;
        for (std::uint32_t i = 0; i < limits::submissions && served == Dispatcher::Served::something &&
                                  session->welcomed() && !session->ended && orphan.is_of(*session);
             ++i) {
            served = dispatcher_.serve(*session, now_ns(), violation);
        }
        if (served == Dispatcher::Served::violation) {
            end(*session, error(UAKV_ERR_INVALID, "%s", violation.c_str()));
        }
    }
}

void Sessions::cool_down(std::uint64_t now) {
    std::erase_if(hot_, [now](Session *session) {
        if (now - session->active_ns < hot_ns(session->gap_ns) ||
            !session->ring().sleep_unless_pending(session->unanswered())) {
            return false;
        }
        session->hot = false;
        return true;
    });
}

// Before blocks are evicted, the policy should know what is in use.
void Sessions::drain_all_touches(std::uint64_t now) {
    touches_drained_ns_ = now;
    for (auto &[number, session] : sessions_) {
        if (session->welcomed() && !session->ended && !session->drain_touches()) {
            end(*session, error(UAKV_ERR_INVALID, "it reported a hit on an entry that cannot exist"));
        }
    }
}

void Sessions::retry_waiting() {
    for (auto &[number, session] : sessions_) {
        if (!session->waiting_grants.empty()) {
            dispatcher_.retry_waiting(*session);
        }
    }
    dispatcher_.take_waits(); // all are looked at here
    waiting_ = std::any_of(sessions_.begin(), sessions_.end(),
                           [](const auto &each) { return !each.second->waiting_grants.empty(); });
    look_at_views(now_ns());
}

// The library keeps to the limit on leased bytes; a client that goes round it is found out once it hurts others.
void Sessions::look_at_views(std::uint64_t now) {
    for (Cache *cache : tenants_.caches()) {
        if (!cache->take_short(now)) {
            continue;
        }
        cache->for_each_session([&](Session &session) {
            if (const auto leased_bytes = session.leased_too_much()) {
                take_leases_back(session, error(UAKV_ERR_REVOKED,
                                                "it holds views on %llu bytes, of %llu that it may (leased_memory), "
                                                "and memory is short; what it views is no longer kept for it",
                                                static_cast<unsigned long long>(*leased_bytes),
                                                static_cast<unsigned long long>(session.leased_bytes_max())));
            }
        });
        look_at_old_views(*cache, now);
    }
}

void Sessions::look_at_old_views(Cache &cache, std::uint64_t now) {
    const std::vector<OldViewsOf> found = find_old_views(cache, now);
    const std::uint64_t age_ms_max = cache.tenant().settings().lease_ms_max;
    if (age_ms_max == 0 && !found.empty() && cache.refused_slots_lately() && cache.take_telling(now)) {
        log_warn("{} {}, and its tenant has no room: stop it, or set lease_max_age", found[0].name(),
                 describe(found[0].views));
    }
    for (const OldViewsOf &old : found) {
        if (age_ms_max != 0 && old.orphan != nullptr) {
            log_warn("{} loses its views: it {} (lease_max_age is {}), and memory is short", old.name(),
                     describe(old.views), exact_duration(age_ms_max));
            old.orphan->take_leases_back();
        } else if (age_ms_max != 0) {
            take_leases_back(*old.session, error(UAKV_ERR_REVOKED,
                                                 "it %s (lease_max_age is %s), and memory is short; what it views is "
                                                 "no longer kept for it",
                                                 describe(old.views).c_str(), exact_duration(age_ms_max).c_str()));
        }
    }
}

// To end the session is not enough: its lease words stand until it hangs up, and it can go on to write some. It is told
// why first, for it may look as soon as its leases are void.
void Sessions::take_leases_back(Session &session, const Error &why) {
    if (session.ended) {
        log_warn("{}, which was disconnected before, loses its views: {}", session.name(), why.detail);
    } else {
        end(session, why);
    }
    session.take_leases_back();
}

bool Sessions::continue_ordered() {
    return dispatcher_.continue_ordered(now_ns(), [this](Session &session, const std::string &violation) {
        end(session, error(UAKV_ERR_INVALID, "%s", violation.c_str()));
    });
}

std::uint64_t Sessions::next_ordered_ns() const {
    return dispatcher_.next_ordered_ns(now_ns());
}

void Sessions::answer_loads() {
    for (Cache *cache : tenants_.caches()) {
        dispatcher_.answer_loads(*cache);
    }
}

void Sessions::expire_flights(std::uint64_t now) {
    for (Cache *cache : tenants_.caches()) {
        if (cache->flights().next_late_ns(cache->tenant().flight_ns_max()) <= now) {
            dispatcher_.expire_flights(*cache, now);
            waiting_ = dispatcher_.take_waits() || waiting_;
        }
    }
}

std::uint64_t Sessions::next_late_ns() const {
    std::uint64_t next = UINT64_MAX;
    for (Cache *cache : tenants_.caches()) {
        next = std::min(next, cache->flights().next_late_ns(cache->tenant().flight_ns_max()));
    }
    return next;
}

void Sessions::expire_greetings() {
    const std::uint64_t now = now_ns();
    std::vector<Number> expired;
    for (const auto &[number, session] : sessions_) {
        if (!session->welcomed() && now - session->heard_ns() > greeting_ns_max) {
            if (!session->reporting()) {
                turned_away_.warn("{} was dropped: it did not say hello within {} s", session->name(),
                                  greeting_ns_max / ns_per_s);
            }
            expired.push_back(number);
        }
    }
    for (const Number number : expired) {
        destroy(number);
    }
}

// Serves the client no more. It may still be writing to slots that it was granted, so these, and its leases,
// stand until it hangs up or dies.
void Sessions::end(Session &session, const Error &why) {
    if (std::exchange(session.ended, true)) {
        return;
    }
    disconnected_.warn("{} was disconnected: {}", session.name(), why.detail);
    Greeting::say_why(session, why);
    shut_down_sending(session.socket());
    unwatch(session.doorbell_watch);
    std::erase(hot_, &session);
    session.hot = false;
    UAKV_SEQUENCE_POINT(session_ended);
    leave(session);
}

// Others may have waited for what it would have computed.
void Sessions::leave(Session &session) {
    if (session.welcomed()) {
        dispatcher_.leave(session);
        waiting_ = dispatcher_.take_waits() || waiting_;
    }
}

void Sessions::destroy(Number number) {
    Session &session = *find(number);
    greeting_count_ -= session.welcomed() ? 0U : 1U;
    leave(session);
    UAKV_SEQUENCE_POINT(session_left);
    log_debug("{} is gone", session.name());
    unwatch(session.socket_watch);
    unwatch(session.process_watch);
    unwatch(session.doorbell_watch);
    std::erase(hot_, &session);
    sessions_.erase(number);
}

void Sessions::unwatch(EventLoop::WatchId &watch) {
    if (watch != 0) {
        loop_.unwatch(std::exchange(watch, 0));
    }
}

Session *Sessions::find(Number number) {
    const auto found = sessions_.find(number);
    UAKV_ASSERT(found != sessions_.end()); // its watches end with it
    return found->second.get();
}

} // namespace uakv
