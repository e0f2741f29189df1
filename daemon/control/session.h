// One client, from its connection to its end: who it is, what it shares with us, what it holds. What it
// holds is given back when the session is destroyed, which is when the client's process has died or has let
// go of the connection: not before, for it may still write to the slots that it was granted.
//
// A connection is a session from its beginning, but belongs to a cache of a tenant only from its welcome on. One that
// asks for reports instead of saying hello never does.
#pragma once

#include "daemon/control/kept_session.h"
#include "daemon/control/tenant.h"
#include "daemon/io/event_loop.h"
#include "ipc/device_session.h"
#include "ipc/process_handle.h"
#include "ipc/ring_consumer.h"
#include "ipc/touch_ring.h"

#include <array>
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
    Fd doorbell; // the client rings it
    Bell bell;   // the daemon rings it

    static Result<SharedSession> create(LeaseTables::Kind kind = LeaseTables::Kind::host);
    SessionLayout &layout() const { return mapping.at<SessionLayout>(0); }
};

class Session {
public:
    // What a client costs of the daemon's descriptors: its socket, its process, and those of SharedSession.
    static constexpr std::uint64_t descriptors = 5;

    Session(std::uint32_t number, Fd socket, PeerIdentity peer);
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    // "client 12 (pid 345, uid 1000, tenant default)", for logs.
    std::string name() const;

    std::uint32_t number() const { return number_; }
    const PeerIdentity &peer() const { return peer_; }
    const Fd &socket() const { return socket_; }

    // Before the handshake: when the peer connected or asked for a report last, and whether it asked for any.
    std::uint64_t heard_ns() const { return heard_ns_; }
    bool reporting() const { return reporting_; }
    void note_report();

    // Its last report is kept until it asks for another, or goes: then the memory is freed, whoever still holds it.
    void keep_report(Fd region);

    // After the handshake.
    void welcome(Cache &cache, std::vector<Charge> charges, SharedSession shared, bool read_only);

    // It outlives this daemon, should that end before it does. leave_behind(): that is now, and nothing goes back; only
    // of one that is kept.
    void keep(KeptSession kept) { kept_.emplace(std::move(kept)); }
    bool is_kept() const { return kept_.has_value(); }
    void leave_behind();
    bool welcomed() const { return shared_.has_value(); }
    bool read_only() const { return read_only_; }
    Cache &cache() const { return *cache_; }
    Tenant &tenant() const { return cache_->tenant(); }
    SessionLayout &layout() const { return shared_->layout(); }
    DeviceSessionLayout *device_layout() const; // null: its cache is not that of a device
    const Fd &memory() const { return shared_->memory; }
    const Fd &doorbell() const { return shared_->doorbell; }
    const Fd &rope() const { return shared_->bell.rope; }
    Fd take_hearer() { return std::move(shared_->bell.hearer); } // for the client, once
    RingConsumer &ring() { return *ring_; }

    // One look at what it holds views on. Nothing while that is within what it was told that it may, or was so at one
    // of the last looks: what is read here is no picture of one moment, for the client goes on meanwhile.
    std::optional<std::uint64_t> leased_too_much();
    std::uint64_t leased_bytes_max() const { return leased_bytes_max_; }

    // What it holds views on is not kept for it any longer, which it can see, and not looked at. Once, and for good.
    void take_leases_back();
    bool leases_taken() const { return leases_taken_; }

    // Tells the store what the client hit. False when the client wrote nonsense.
    bool drain_touches();

    // Slots that the client was granted and has not committed.
    bool holds(SlotRef slot) const { return grants_.count(key_of(slot)) != 0; }
    void take_hold(SlotRef slot) { grants_.insert(key_of(slot)); }
    void let_go(SlotRef slot) { grants_.erase(key_of(slot)); }
    std::size_t grants() const { return grants_.size() + ordered.commits.size(); }

    // Takes back the slots that the client keeps for later, and appends them to `reclaimed`.
    void reclaim(std::vector<SlotRef> &reclaimed);

    // Requests for a slot that wait for memory.
    struct WaitingGrant {
        std::uint64_t user_data = 0;
        std::uint64_t length = 0;
        std::uint64_t since_ns = 0;
        std::optional<FlightKey> flight; // what the slot is for, when it was claimed
    };
    std::vector<WaitingGrant> waiting_grants;

    // Claims that wait for another client to compute the block, and clears that are not through.
    std::uint32_t waiting_claims = 0;
    std::uint32_t running_clears = 0;

    // Loads and flushes that wait for the tier below memory; see Loads.
    std::vector<std::uint64_t> waiting_tags;

    // Commits that wait for a stream of the client, with their slots; see OrderedCommits.
    struct Ordered {
        std::vector<Submission> commits;
        std::array<std::uint64_t, limits::device_streams_max> reached{}; // by each stream, as it was last seen
    };
    Ordered ordered;

    // Submissions that were taken and are not answered yet.
    std::uint32_t unanswered() const {
        return static_cast<std::uint32_t>(waiting_grants.size() + waiting_tags.size() + ordered.commits.size()) +
               waiting_claims + running_clears;
    }

    // Segments that were sent to it since it had read all that it was sent.
    std::uint32_t unread_segments = 0;

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
    std::uint64_t heard_ns_;
    bool reporting_ = false;
    Cache *cache_ = nullptr;
    Fd report_;
    std::vector<Charge> charges_;
    bool read_only_ = false;
    std::uint64_t leased_bytes_max_ = 0; // 0: no limit
    std::uint32_t looks_over_ = 0;       // in a row
    bool leases_taken_ = false;
    std::optional<SharedSession> shared_;
    std::optional<KeptSession> kept_;
    bool left_behind_ = false;
    std::optional<RingConsumer> ring_;
    TouchReader touches_;
    std::unordered_set<std::uint64_t> grants_;
};

} // namespace uakv
