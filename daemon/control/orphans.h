// Sessions of daemons before this one. Their clients have lost the connection, and attach anew; but until they have let
// go of the last view and slot that they had open, they read what they leased there and fill slots that they were
// granted there. So the lease words of such a session count on, and its slots stay its own, until it says that it is
// through (its rope hangs up) or its process is dead. Nothing is answered to it any more.
//
// A slot that it still holds is the client's to commit through the session that it has now: see Orphan::is_of.
#pragma once

#include "daemon/control/kept_session.h"
#include "daemon/control/left_session.h"
#include "daemon/control/session.h"
#include "daemon/io/event_loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace uakv {

class Orphan {
public:
    // The store looks at its leases, and has these slots granted to it (Store::adopt).
    Orphan(Cache &cache, LeftSession left, KeptSession kept, const std::vector<SlotRef> &slots);
    ~Orphan();
    Orphan(const Orphan &) = delete;
    Orphan &operator=(const Orphan &) = delete;

    // "client 12 of a daemon before (pid 345, tenant default)", for logs.
    std::string name() const;

    std::uint32_t number() const { return left_.number; }
    SessionLayout &layout() const { return left_.layout(); }
    const Fd &rope() const { return left_.rope; }
    const Fd &process() const { return left_.process; }

    // Its client uses nothing of it any more.
    bool is_over() const;

    // Whether the session is of the same process, which lives. Where the kernel cannot say, it is not.
    bool is_of(const Session &session) const;

    // Slots that it was granted and that nobody has committed or given back.
    bool holds(SlotRef slot) const { return slots_.count(key_of(slot)) != 0; }
    std::size_t slots() const { return slots_.size(); }

    // The slot is the session's from here on.
    void pass_on(SlotRef slot, Session &session);

    // Takes back the slots that the client keeps for later, and appends them to `reclaimed`.
    void reclaim(std::vector<SlotRef> &reclaimed);

    // What it holds views on is not kept for it any longer, which it can see.
    void take_leases_back();
    bool leases_taken() const { return leases_taken_; }

    // It stays for the next daemon. Otherwise it ends with this object: what it held goes back, and it is kept no more.
    void leave() {
        left_behind_ = true;
        kept_.leave();
    }

    EventLoop::WatchId rope_watch = 0;
    EventLoop::WatchId process_watch = 0;

private:
    static std::uint64_t key_of(SlotRef slot) { return static_cast<std::uint64_t>(slot.segment) << 32 | slot.index; }

    Cache &cache_;
    LeftSession left_;
    KeptSession kept_; // ends before its descriptors are closed
    bool left_behind_ = false;
    bool leases_taken_ = false;
    std::unordered_set<std::uint64_t> slots_;
};

class Orphans {
public:
    // `before_end` is called before an orphan that its client has let go of gives back what it holds. `keeper` outlives
    // it.
    using BeforeEnd = std::function<void(const Orphan &)>;
    Orphans(EventLoop &loop, Keeper *keeper, BeforeEnd before_end)
        : loop_(loop), keeper_(keeper), before_end_(std::move(before_end)) {}
    // They stay for the next daemon.
    ~Orphans();
    Orphans(const Orphans &) = delete;
    Orphans &operator=(const Orphans &) = delete;

    // The cache's store has gone on with these.
    Result<void> adopt(Cache &cache, std::vector<LeftSession> left);

    std::size_t count() const { return orphans_.size(); }

private:
    Result<void> watch(Orphan &orphan);
    void look_at(std::uint32_t number);
    void end(std::uint32_t number);
    void unwatch(Orphan &orphan);

    EventLoop &loop_;
    Keeper *keeper_;
    BeforeEnd before_end_;
    std::unordered_map<std::uint32_t, std::unique_ptr<Orphan>> orphans_; // numbers are unique in the whole daemon
};

} // namespace uakv
