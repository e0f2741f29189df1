// One tenant: who belongs to it, what its clients may hold and how often they may ask, and the caches that it has.
// Nothing in it is shared with another tenant. Outlives its sessions.
#pragma once

#include "daemon/base/quota.h"
#include "daemon/base/token_bucket.h"
#include "daemon/config/settings.h"
#include "daemon/control/cache.h"
#include "daemon/control/gpu_tier.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace uakv {

class Tenant {
public:
    // `own` is one of the tenants of the settings. With workers, which go after it, it has a disk: recovers what that
    // holds, and waits for it. With a keeper, which goes after it too, it goes on with what is kept of a daemon before.
    static Result<std::unique_ptr<Tenant>> create(const Settings &settings, const TenantSettings &own,
                                                  Workers *workers = nullptr, const Legacy &legacy = {});
    Tenant(const Tenant &) = delete;
    Tenant &operator=(const Tenant &) = delete;

    // Takes over what may change while the daemon serves: everything but name and memory. What clients hold already
    // stays theirs.
    void reconfigure(const Settings &settings, const TenantSettings &own);

    const TenantSettings &settings() const { return settings_; }
    const std::string &name() const { return settings_.name; }

    // Its cache in the machine's memory.
    Cache &host() { return *host_; }
    const Cache &host() const { return *host_; }

    // Those on GPUs. Each device has at most one, which goes before the host's.
    Result<void> add_arena(const Settings &settings, const gpu::Device &device, const GpuTier::Part &part,
                           const cuda::Driver &driver, Workers &workers, const Legacy &legacy);
    const std::vector<std::unique_ptr<Cache>> &arenas() const { return arenas_; }

    // Of one of its arenas, which asks the host's mover with such tags; null: the tag is somebody else's.
    DeviceMover *device_mover_of(Mover::Tag tag) const;

    // Takes the block from all caches, whichever of them the space is of. False when none had it.
    bool remove(Cache &cache, SpaceId space, const uakv_key &key);

    // The same space in all caches, beginning with this one; with `make` also in arenas that have none yet.
    struct Place {
        Cache *cache = nullptr;
        SpaceId space = 0;
    };
    std::vector<Place> places_of(Cache &cache, SpaceId space, bool make);

    std::uint64_t flight_ns_max() const { return flight_ns_max_; } // how long others wait for one that computes

    Quota &clients() { return clients_; }
    Quota &descriptors() { return descriptors_; }
    TokenBucket &operations() { return operations_; }

private:
    Result<void> connect(Cache &arena, const cuda::Driver &driver, Workers &workers);
    explicit Tenant(const TenantSettings &own) : settings_(own) {}

    TenantSettings settings_;
    std::unique_ptr<Cache> host_;
    std::vector<std::unique_ptr<Cache>> arenas_;
    Quota clients_;
    Quota descriptors_;
    TokenBucket operations_;
    std::uint64_t flight_ns_max_ = 0;
};

} // namespace uakv
