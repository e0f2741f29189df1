// All clients: takes connections, serves those that have work, and cleans up after those that go.
//
// A session is hot while its client is busy: the reactor then looks at its ring on every turn. Once nothing
// came for about twice the client's usual gap (within bounds), the reactor asks for a wake-up instead and
// sleeps: an idle daemon uses no processor.
#pragma once

#include "daemon/control/dispatcher.h"
#include "daemon/control/greeting.h"
#include "daemon/control/session.h"
#include "daemon/io/event_loop.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace uakv {

class Sessions {
public:
    Sessions(EventLoop &loop, Store &store, Fd index);
    ~Sessions();
    Sessions(const Sessions &) = delete;
    Sessions &operator=(const Sessions &) = delete;

    // Takes all connections that wait at the listener. False when some had to be left there for want of
    // descriptors: try again a little later.
    bool accept_all(const Fd &listener);

    // Serves every hot session once. True when any had work.
    bool serve();

    // Whether the reactor should keep looking instead of sleeping.
    bool any_hot() const { return !hot_.empty(); }

    // Upkeep that is due now and then, or when memory has become free.
    void retry_parked();
    bool any_parked() const { return parked_; }
    void expire_greetings();
    bool any_greeting() const { return greeting_count_ > 0; }

private:
    using Number = std::uint32_t;

    void add(Fd socket, PeerIdentity peer);
    bool watch(Session &session);
    void on_message(Number number);
    void note_welcome(const Session &session);
    void on_doorbell(Number number);
    void make_hot(Session &session, std::uint64_t now);
    void cool_down(std::uint64_t now);
    void drain_all_touches(std::uint64_t now);
    void end(Session &session, const Error &why);
    void destroy(Number number);
    void unwatch(EventLoop::WatchId &watch);
    Session *find(Number number);
    bool reclaim();
    uakv_statistics statistics();

    EventLoop &loop_;
    Store &store_;
    Greeting greeting_;
    Dispatcher dispatcher_;
    const std::uint64_t started_ns_;
    Number next_number_ = 1;
    std::unordered_map<Number, std::unique_ptr<Session>> sessions_;
    std::vector<Session *> hot_;
    std::size_t greeting_count_ = 0; // connected, but have not said hello
    bool parked_ = false;
    bool accept_failed_ = false;
    bool told_trust_ = false;
    std::uint64_t touches_drained_ns_ = 0;

    // What clients that are gone have counted.
    std::uint64_t past_hits_ = 0;
    std::uint64_t past_misses_ = 0;
    std::uint64_t past_bytes_hit_ = 0;
};

} // namespace uakv
