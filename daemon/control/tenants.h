// All tenants, and which of them is for whom: the kernel says who a peer is, the settings say where it belongs.
//
// Root, the daemon's own user and the admin group belong everywhere.
#pragma once

#include "daemon/control/tenant.h"
#include "ipc/process_handle.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uakv {

class Tenants {
public:
    // With a keeper, which goes after them, they go on with what is kept of a daemon before.
    static Result<std::unique_ptr<Tenants>> create(const Settings &settings, const Legacy &legacy = {});

    // Takes over what may change while the daemon serves. Returns a sentence for each change that needs a restart.
    std::vector<std::string> reconfigure(const Settings &settings);

    const std::vector<std::unique_ptr<Tenant>> &all() const { return tenants_; }

    // Those of all tenants.
    const std::vector<Cache *> &caches() const { return caches_; }

    // The arena of the tenant on a device. UAKV_ERR_GPU says why there is none.
    Result<Cache *> arena_of(const Tenant &tenant, const gpu::Uuid &device) const;
    const GpuTier &gpu() const { return *gpu_; }

    // Threads for work on bytes between memory and disk; null where there is nothing but memory.
    Workers *workers() { return workers_.get(); }

    // Of all tenants together.
    Quota &clients() { return clients_; }

    bool is_admin(const PeerIdentity &peer) const;

    // Whether there is any tenant for this peer.
    Result<void> admit(const PeerIdentity &peer) const;

    // The tenant of this name, or of an empty name the first one that is for this peer. UAKV_ERR_DENIED is the same
    // for a tenant that does not exist and one that is for others.
    Result<Tenant *> choose(const PeerIdentity &peer, std::string_view name) const;

    // Whether the peer may store there as well, and not only read.
    bool may_store(const PeerIdentity &peer, const Tenant &tenant) const;

    // Those that are for this peer, in the order of the settings.
    std::vector<Tenant *> visible_to(const PeerIdentity &peer) const;

    // Whether people beyond the daemon's own user and group have business here.
    bool for_others() const;

private:
    Tenants() : clients_(limits::clients_max) {}
    Result<void> add_arenas(const Settings &settings, Tenant &tenant, const Legacy &legacy) const;
    bool is_for(const PeerIdentity &peer, const Tenant &tenant) const;

    std::unique_ptr<Workers> workers_; // go after the tenants
    std::unique_ptr<GpuTier> gpu_;     // likewise
    std::vector<std::unique_ptr<Tenant>> tenants_;
    std::vector<Cache *> caches_;
    std::optional<gid_t> admin_group_;
    Quota clients_;
};

} // namespace uakv
