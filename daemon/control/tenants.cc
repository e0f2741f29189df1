#include "daemon/control/tenants.h"

#include "daemon/base/log.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv {
namespace {

template <typename T> bool holds(const std::vector<T> &all, T one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

bool in_group(const PeerIdentity &peer, gid_t group) {
    return peer.gid == group || holds(peer.groups, group);
}

bool named(const PeerIdentity &peer, const Members &members) {
    return holds(members.users, peer.uid) || std::any_of(members.groups.begin(), members.groups.end(),
                                                         [&](gid_t group) { return in_group(peer, group); });
}

bool names_others(const Members &members) {
    return std::any_of(members.users.begin(), members.users.end(),
                       [](uid_t user) { return user != 0 && user != ::geteuid(); }) ||
           std::any_of(members.groups.begin(), members.groups.end(), [](gid_t group) { return group != ::getegid(); });
}

const TenantSettings *find_settings(const Settings &settings, const std::string &name) {
    const auto found = std::find_if(settings.tenants.begin(), settings.tenants.end(),
                                    [&](const TenantSettings &tenant) { return tenant.name == name; });
    return found == settings.tenants.end() ? nullptr : &*found;
}

} // namespace

Result<std::unique_ptr<Tenants>> Tenants::create(const Settings &settings, const Legacy &legacy) {
    UAKV_ASSERT(!settings.tenants.empty() && settings.tenants.size() <= limits::tenants_max);
    std::unique_ptr<Tenants> tenants(new Tenants());
    auto gpu = GpuTier::create(settings, legacy.keeper, legacy.kept);
    if (!gpu.ok()) {
        return gpu.take_error();
    }
    tenants->gpu_ = std::move(gpu.value());
    if (!settings.disk.path.empty() || tenants->gpu_->is_present()) {
        auto workers = Workers::start(settings.workers);
        if (!workers.ok()) {
            return workers.take_error();
        }
        tenants->workers_ = std::move(workers.value());
    }
    for (const TenantSettings &own : settings.tenants) {
        auto tenant = Tenant::create(settings, own, tenants->workers(), legacy);
        if (!tenant.ok()) {
            return tenant.take_error();
        }
        if (auto added = tenants->add_arenas(settings, *tenant.value(), legacy); !added.ok()) {
            return added.take_error();
        }
        tenants->caches_.push_back(&tenant.value()->host());
        for (const auto &arena : tenant.value()->arenas()) {
            tenants->caches_.push_back(arena.get());
        }
        tenants->tenants_.push_back(std::move(tenant.value()));
    }
    tenants->admin_group_ = settings.admin_group;
    return tenants;
}

// What goes wrong on one device is no reason not to serve, unless the settings say so.
Result<void> Tenants::add_arenas(const Settings &settings, Tenant &tenant, const Legacy &legacy) const {
    for (const gpu::Device &device : gpu_->devices()) {
        const auto part = gpu_->part_of(tenant.settings(), device);
        if (!part) {
            continue;
        }
        auto added = tenant.add_arena(settings, device, *part, gpu_->driver(), *workers_, legacy);
        if (!added.ok() && settings.gpu.required) {
            return error(added.error().status, "gpu_required is true, and tenant \"%s\" can have nothing on GPU %d: %s",
                         tenant.name().c_str(), device.ordinal, added.error().detail.c_str());
        }
        if (!added.ok()) {
            log_warn("tenant {} has nothing on GPU {}: {}", tenant.name(), device.ordinal, added.error().detail);
        }
    }
    return {};
}

Result<Cache *> Tenants::arena_of(const Tenant &tenant, const gpu::Uuid &device) const {
    for (const auto &arena : tenant.arenas()) {
        if (arena->device()->uuid == device) {
            return arena.get();
        }
    }
    auto chosen = gpu_->choose(device);
    if (!chosen.ok()) {
        return chosen.error();
    }
    return error(UAKV_ERR_GPU, "tenant \"%s\" has no memory on GPU %d: see its gpu_memory", tenant.name().c_str(),
                 chosen.value()->ordinal);
}

std::vector<std::string> Tenants::reconfigure(const Settings &settings) {
    std::vector<std::string> need_restart;
    std::vector<std::string> order;
    for (const TenantSettings &wanted : settings.tenants) {
        const auto known = std::find_if(tenants_.begin(), tenants_.end(),
                                        [&](const auto &tenant) { return tenant->name() == wanted.name; });
        if (known == tenants_.end()) {
            need_restart.push_back(fmt::format("the new tenant \"{}\"", wanted.name));
        } else {
            order.push_back(wanted.name);
        }
    }
    std::vector<std::string> kept;
    for (const auto &tenant : tenants_) {
        const TenantSettings *wanted = find_settings(settings, tenant->name());
        if (wanted == nullptr) {
            need_restart.push_back(fmt::format("the end of tenant \"{}\"", tenant->name()));
            tenant->reconfigure(settings, TenantSettings(tenant->settings()));
            continue;
        }
        kept.push_back(tenant->name());
        if (wanted->gpu_memory != tenant->settings().gpu_memory) {
            need_restart.push_back(fmt::format("another gpu_memory of tenant \"{}\"", tenant->name()));
        }
        if (wanted->memory_bytes != tenant->settings().memory_bytes) {
            need_restart.push_back(fmt::format("another memory of tenant \"{}\"", tenant->name()));
        }
        tenant->reconfigure(settings, *wanted);
    }
    if (kept != order) {
        need_restart.emplace_back("another order of the tenants");
    }
    admin_group_ = settings.admin_group;
    return need_restart;
}

bool Tenants::is_admin(const PeerIdentity &peer) const {
    return peer.uid == 0 || peer.uid == ::geteuid() || (admin_group_ && in_group(peer, *admin_group_));
}

Result<void> Tenants::admit(const PeerIdentity &peer) const {
    if (std::any_of(tenants_.begin(), tenants_.end(), [&](const auto &tenant) { return is_for(peer, *tenant); })) {
        return {};
    }
    return error(UAKV_ERR_DENIED,
                 "no tenant admits user %u; add the user to a tenant, or to a group that belongs to one", peer.uid);
}

Result<Tenant *> Tenants::choose(const PeerIdentity &peer, std::string_view name) const {
    for (const auto &tenant : tenants_) {
        if ((name.empty() || name == tenant->name()) && is_for(peer, *tenant)) {
            return tenant.get();
        }
    }
    return error(UAKV_ERR_DENIED, "there is no tenant \"%s\" for user %u", std::string(name).c_str(), peer.uid);
}

bool Tenants::may_store(const PeerIdentity &peer, const Tenant &tenant) const {
    return is_admin(peer) || named(peer, tenant.settings().members);
}

bool Tenants::is_for(const PeerIdentity &peer, const Tenant &tenant) const {
    return may_store(peer, tenant) || named(peer, tenant.settings().readers);
}

std::vector<Tenant *> Tenants::visible_to(const PeerIdentity &peer) const {
    std::vector<Tenant *> visible;
    for (const auto &tenant : tenants_) {
        if (is_for(peer, *tenant)) {
            visible.push_back(tenant.get());
        }
    }
    return visible;
}

bool Tenants::for_others() const {
    if (admin_group_ && *admin_group_ != ::getegid()) {
        return true;
    }
    return std::any_of(tenants_.begin(), tenants_.end(), [](const auto &tenant) {
        return names_others(tenant->settings().members) || names_others(tenant->settings().readers);
    });
}

} // namespace uakv
