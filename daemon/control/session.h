// One client, from its connection to its end: who it is, what it shares with us, what it holds. What it
// holds is given back when the session is destroyed, which is when the client's process has died or has let
// go of the connection: not before, for it may still write to the slots that it was granted.
#pragma once

#include "daemon/io/event_loop.h"
#include "daemon/store/store.h"
#include "ipc/process_handle.h"
#include "ipc/ring_consumer.h"
#include "ipc/touch_ring.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace uakv {

// The memory that a welcomed client shares with us.
struct SharedSession {
    Fd memory;
    Mapping mapping;
    Fd doorbell;

    static Result<SharedSession> create();
    SessionLayout &layout() const { return mapping.at<SessionLayout>(0); }
};

class Session {
public:
    Session(std::uint32_t number, Fd socket, PeerIdentity peer, Store &store);
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    // "client 12 (pid 345, uid 1000)", for logs.
    std::string name() const;

    std::uint32_t number() const { return number_; }
    const PeerIdentity &peer() const { return peer_; }
    const Fd &socket() const { return socket_; }
    std::uint64_t connected_ns() const { return connected_ns_; }

    // After the handshake.
    void welcome(SharedSession shared, bool read_only);
    bool welcomed() const { return shared_.has_value(); }
    bool read_only() const { return read_only_; }
    SessionLayout &layout() const { return shared_->layout(); }
    const Fd &memory() const { return shared_->memory; }
    const Fd &doorbell() const { return shared_->doorbell; }
    RingConsumer &ring() { return *ring_; }

    // Tells the store what the client hit. False when the client wrote nonsense.
    bool drain_touches();

    // Slots that the client was granted and has not committed.
    bool holds(SlotRef slot) const { return grants_.count(key_of(slot)) != 0; }
    void take_hold(SlotRef slot) { grants_.insert(key_of(slot)); }
    void let_go(SlotRef slot) { grants_.erase(key_of(slot)); }
    std::size_t grants() const { return grants_.size(); }

    // Takes back the slots that the client keeps for later. True when there were some.
    bool reclaim();

    // Requests for a slot that wait for memory.
    struct ParkedGrant {
        std::uint64_t user_data = 0;
        std::uint64_t length = 0;
        std::uint64_t since_ns = 0;
    };
    std::vector<ParkedGrant> parked;

    // We have ended this session and wait for the client to go; it is not served any more.
    bool ended = false;

    // The reactor polls the ring while the client is busy; see Sessions.
    bool hot = false;
    std::uint64_t active_ns = 0; // when it last rang or had work
    std::uint64_t worked_ns = 0; // when it last had work
    std::uint64_t gap_ns = 0;    // average time between batches of work

    // Its watches in the event loop; 0: none.
    EventLoop::WatchId socket_watch = 0;
    EventLoop::WatchId process_watch = 0;
    EventLoop::WatchId doorbell_watch = 0;
    Fd process;

private:
    static std::uint64_t key_of(SlotRef slot) { return static_cast<std::uint64_t>(slot.segment) << 32 | slot.index; }

    const std::uint32_t number_;
    Fd socket_;
    const PeerIdentity peer_;
    Store &store_;
    const std::uint64_t connected_ns_;
    bool read_only_ = false;
    std::optional<SharedSession> shared_;
    std::optional<RingConsumer> ring_;
    TouchReader touches_;
    std::unordered_set<std::uint64_t> grants_;
};

} // namespace uakv
