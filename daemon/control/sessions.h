// All clients: takes connections, serves those that have work, and cleans up after those that go.
//
// A session is hot while its client is busy: the reactor then looks at its ring on every turn. Once nothing
// came for about twice the client's usual gap (within bounds), the reactor asks for a wake-up instead and
// sleeps: an idle daemon uses no processor.
#pragma once

#include "daemon/base/log_bucket.h"
#include "daemon/base/seldom.h"
#include "daemon/control/dispatcher.h"
#include "daemon/control/greeting.h"
#include "daemon/control/orphans.h"
#include "daemon/control/session.h"
#include "daemon/io/event_loop.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace uakv {

class Sessions {
public:
    // With a keeper, which outlives it, the sessions that are there at its end are left for the next daemon.
    Sessions(EventLoop &loop, Tenants &tenants, const Reports &reports, Stages &stages, Keeper *keeper = nullptr);
    ~Sessions();
    Sessions(const Sessions &) = delete;
    Sessions &operator=(const Sessions &) = delete;

    // Sessions of daemons before, with which the cache's store has gone on: before any connection is taken.
    Result<void> adopt(Cache &cache, std::vector<LeftSession> left);

    // Takes one connection that waits at the listener. `failed`: it had to be left there for want of descriptors; try
    // again a little later.
    enum class Accepted { none, one, failed };
    Accepted accept_next(const Fd &listener);

    // Serves every hot session once. True when any had work.
    bool serve();

    // Whether the reactor should keep looking instead of sleeping.
    bool any_hot() const { return !hot_.empty(); }

    // Upkeep that is due now and then, or when memory has become free.
    void retry_waiting();
    bool any_waiting() const { return waiting_; }
    void expire_greetings();
    bool any_greeting() const { return greeting_count_ > 0; }

    // Goes on with emptying spaces; true when there is more to do at once.
    bool continue_clears() { return dispatcher_.continue_clears(); }

    // Publishes what streams of clients have written by now; true when there was anything. When to look again at the
    // latest, in ns from now; UINT64_MAX: nothing waits for a stream.
    bool continue_ordered();
    std::uint64_t next_ordered_ns() const;

    // Passes on what the caches' tiers below memory have answered.
    void answer_loads();

    // Ends the wait for clients that compute a block for too long; the next is too late at next_late_ns (now_ns).
    void expire_flights(std::uint64_t now);
    std::uint64_t next_late_ns() const;

private:
    using Number = std::uint32_t;

    void add(Fd socket, PeerIdentity peer);
    std::vector<Number> greetings_of(uid_t user) const;
    bool has_too_many_greetings(uid_t user);
    void turn_away(const Session &session, const Error &why);
    bool watch(Session &session);
    void on_message(Number number);
    void answer(Session &session, const Received &message);
    void note_welcome(const Session &session);
    void on_doorbell(Number number);
    void make_hot(Session &session, std::uint64_t now);
    void hear_first(const Orphan &orphan);
    void cool_down(std::uint64_t now);
    void drain_all_touches(std::uint64_t now);
    void look_at_views(std::uint64_t now);
    void look_at_old_views(Cache &cache, std::uint64_t now);
    void take_leases_back(Session &session, const Error &why);
    void leave(Session &session);
    void end(Session &session, const Error &why);
    void destroy(Number number);
    void unwatch(EventLoop::WatchId &watch);
    Session *find(Number number);

    EventLoop &loop_;
    Tenants &tenants_;
    Greeting greeting_;
    Dispatcher dispatcher_;
    Orphans orphans_;
    Number next_number_ = 1; // above those of all orphans
    std::unordered_map<Number, std::unique_ptr<Session>> sessions_;
    std::vector<Session *> hot_;
    std::size_t greeting_count_ = 0; // connected, but have not said hello
    bool waiting_ = false;           // some session has a request that waits for memory
    Seldom accept_failed_;           // lines of the log, as the next two
    LogBucket turned_away_;
    LogBucket disconnected_;
    bool told_trust_ = false;
    std::uint64_t touches_drained_ns_ = 0;
};

} // namespace uakv
