// One tenant: a cache of its own, who belongs to it, what its clients may hold and how often they may ask. Nothing in
// it is shared with another tenant. Outlives its sessions.
#pragma once

#include "daemon/base/quota.h"
#include "daemon/base/seldom.h"
#include "daemon/base/token_bucket.h"
#include "daemon/config/settings.h"
#include "daemon/control/client_counts.h"
#include "daemon/control/flights.h"
#include "daemon/control/left_session.h"
#include "daemon/control/tenant_disk.h"
#include "daemon/store/store.h"
#include "ipc/process_handle.h"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace uakv {

class Orphan;
class Session;

// What daemons leave to one another; without a keeper nothing.
struct Legacy {
    Keeper *keeper = nullptr;
    KeptFds *kept = nullptr; // of the daemon before; null: this is the first
};

class Tenant {
public:
    // `own` is one of the tenants of the settings. With workers, which go after it, it has a disk: recovers what that
    // holds, and waits for it. With a keeper, which goes after it too, it goes on with what is kept of a daemon before.
    static Result<std::unique_ptr<Tenant>> create(const Settings &settings, const TenantSettings &own,
                                                  Workers *workers = nullptr, const Legacy &legacy = {});

    // Takes over what may change while the daemon serves: everything but name and memory. What clients hold already
    // stays theirs.
    void reconfigure(const Settings &settings, const TenantSettings &own);

    const TenantSettings &settings() const { return settings_; }
    const std::string &name() const { return settings_.name; }

    Store &store() { return *store_; }
    const Store &store() const { return *store_; }
    const Fd &index() const { return index_; } // read-only: clients map it
    // What moves blocks between memory and disk; null without a disk.
    Mover *mover() { return disk_ != nullptr ? &disk_->mover() : nullptr; }
    const Mover *mover() const { return disk_ != nullptr ? &disk_->mover() : nullptr; }
    TenantDisk *disk() { return disk_.get(); }
    Flights &flights() { return flights_; }
    const Flights &flights() const { return flights_; }
    std::uint64_t flight_ns_max() const { return flight_ns_max_; } // how long others wait for one that computes

    Quota &clients() { return clients_; }
    Quota &descriptors() { return descriptors_; }
    TokenBucket &operations() { return operations_; }

    // The welcomed clients. A session attaches itself, and detaches before its memory goes.
    void attach(Session &session);
    void detach(Session &session);
    Session *find(std::uint32_t number) const;
    template <typename Visit> void for_each_session(Visit visit) {
        for (const auto &[number, session] : sessions_) {
            visit(*session);
        }
    }

    // The sessions of the daemon before with whose store this one has gone on; once, for those who adopt them.
    std::vector<LeftSession> take_left_sessions() { return std::move(left_sessions_); }

    // Sessions of daemons before; likewise.
    void attach(Orphan &orphan);
    void detach(Orphan &orphan);
    std::size_t orphans() const { return orphans_.size(); }
    Orphan *orphan_with(SlotRef slot) const; // that holds this slot; null: none
    template <typename Visit> void for_each_orphan(Visit visit) {
        for (Orphan *orphan : orphans_) {
            visit(*orphan);
        }
    }

    // Takes back the slots that clients keep for later.
    std::vector<SlotRef> reclaim();

    // A request for a slot cannot be granted: all memory is in use. take_short(): since the last call, and not more
    // often than every 100 ms.
    void note_short() { short_ = true; }
    bool take_short(std::uint64_t now);

    void count_busy() { ++refused_busy_; }
    void count_revocation() { ++sessions_revoked_; } // a client's leases were taken back
    void count_no_space(std::uint64_t now);          // a request for a slot was refused
    bool refused_slots_lately() const;

    // May the log tell once more who holds old views? At most once a minute.
    bool take_telling(std::uint64_t now) { return old_views_told_.due(now); }

    // All that is counted, clients that are gone included.
    uakv_statistics statistics() const;
    Latencies latencies() const;

private:
    Tenant(const Settings &settings, const TenantSettings &own, std::unique_ptr<Store> store, Fd index);

    TenantSettings settings_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<TenantDisk> disk_; // before the store
    Fd index_;
    Flights flights_;
    Quota clients_;
    Quota descriptors_;
    TokenBucket operations_;
    std::uint64_t flight_ns_max_ = 0;
    std::unordered_map<std::uint32_t, Session *> sessions_; // by their numbers
    std::vector<Orphan *> orphans_;
    std::vector<LeftSession> left_sessions_; // until somebody adopts them; the store looks at their leases

    bool short_ = false;
    std::uint64_t short_taken_ns_ = 0;

    const std::uint64_t started_ns_;
    std::uint64_t refused_busy_ = 0;
    std::uint64_t sessions_revoked_ = 0;
    Seldom old_views_told_;
    std::uint64_t no_space_ns_ = 0; // when a request for a slot was refused last; 0: never

    // Of clients that are gone.
    ClientCounts past_counts_;
    Latencies past_latencies_{};
};

} // namespace uakv
