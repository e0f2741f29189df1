// A cache of a tenant: one store, the clients that are attached to it, and what moves blocks below it. A tenant has one
// in the machine's memory and one on each GPU that it has a part of; a session belongs to one of them.
#pragma once

#include "daemon/base/seldom.h"
#include "daemon/control/arena_mover.h"
#include "daemon/control/client_counts.h"
#include "daemon/control/flights.h"
#include "daemon/control/left_session.h"
#include "daemon/control/quarantine.h"
#include "daemon/control/tenant_disk.h"
#include "daemon/store/store.h"
#include "daemon/tiers/gpu/devices.h"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace uakv {

class Orphan;
class Session;
class Tenant;

// What daemons leave to one another; without a keeper nothing.
struct Legacy {
    Keeper *keeper = nullptr;
    KeptFds *kept = nullptr; // of the daemon before; null: this is the first
};

// What `amount` of `whole` is of `other`: quotas are given for the machine's memory, and are as large a part of a
// GPU's. What is more than nothing stays so.
std::uint64_t part_of(std::uint64_t amount, std::uint64_t whole, std::uint64_t other);

class Cache {
public:
    // With a keeper, which goes after it, it goes on with what is kept of a daemon before under the store's name, where
    // that can be used. The tenant outlives it, and so does the device.
    static Result<std::unique_ptr<Cache>> create(Tenant &tenant, const StoreOptions &options, const Legacy &legacy,
                                                 const gpu::Device *device = nullptr);
    Cache(const Cache &) = delete;
    Cache &operator=(const Cache &) = delete;

    Tenant &tenant() { return tenant_; }
    const Tenant &tenant() const { return tenant_; }

    // The GPU that it lies on; null: the machine's memory.
    const gpu::Device *device() const { return device_; }

    // How large the region is that a client of it shares with the daemon.
    std::uint64_t session_bytes() const { return session_bytes_of(store_->leases().kind()); }

    // What one of its clients may hold views on; 0: no limit. The tenant's settings say it of the machine's memory, and
    // on a GPU it is the same part of that.
    std::uint64_t leased_bytes_max() const;

    // Under which the keeper has what belongs to it.
    const std::string &kept_name() const { return kept_name_; }

    Store &store() { return *store_; }
    const Store &store() const { return *store_; }
    const Fd &index() const { return index_; } // read-only: clients map it

    // Its blocks lie on a device, and its clients have streams.
    bool is_device() const { return store_->leases().kind() == LeaseTables::Kind::device; }
    // Slots of its clients that are gone; of devices only.
    Quarantine &quarantine() { return quarantine_; }
    const Quarantine &quarantine() const { return quarantine_; }
    Flights &flights() { return flights_; }
    const Flights &flights() const { return flights_; }

    // What moves blocks between memory and disk; null without a disk.
    void set_disk(std::unique_ptr<TenantDisk> disk) { disk_ = std::move(disk); }
    TenantDisk *disk() { return disk_.get(); }
    Mover *mover() { return disk_ != nullptr ? &disk_->mover() : nullptr; }
    const Mover *mover() const { return disk_ != nullptr ? &disk_->mover() : nullptr; }

    // What moves blocks between an arena and the host's cache, which goes after it; null: nothing does.
    void set_arena_mover(std::unique_ptr<ArenaMover> mover) { arena_mover_ = std::move(mover); }
    ArenaMover *arena_mover() { return arena_mover_.get(); }
    DeviceMover *device_mover() { return arena_mover_ != nullptr ? &arena_mover_->mover() : nullptr; }
    const DeviceMover *device_mover() const { return arena_mover_ != nullptr ? &arena_mover_->mover() : nullptr; }

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
    static std::uint64_t session_bytes_of(LeaseTables::Kind kind);
    Cache(Tenant &tenant, const gpu::Device *device, std::string kept_name, std::unique_ptr<Store> store, Fd index);

    Tenant &tenant_;
    const gpu::Device *const device_;
    const std::string kept_name_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<TenantDisk> disk_;        // before the store
    std::unique_ptr<ArenaMover> arena_mover_; // likewise
    Quarantine quarantine_;                   // likewise
    Fd index_;
    Flights flights_;
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
