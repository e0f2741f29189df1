#include "daemon/control/tenant.h"

#include "ipc/clock.h"

#include <fmt/format.h>
#include <utility>

namespace uakv {
namespace {

StoreOptions store_options(const Settings &settings, const TenantSettings &own) {
    StoreOptions options;
    options.name = own.name;
    options.memory_bytes = own.memory_bytes;
    options.pinned_bytes_max = own.pinned_bytes_max;
    options.evict = settings.evict;
    options.gc_threshold = settings.gc_threshold;
    options.cold_blocks_max = settings.disk.path.empty() ? 0 : cold_blocks_max(own.disk_bytes);
    return options;
}

// What a store on a GPU has of the settings: the disk is the host's affair.
StoreOptions arena_options(const Settings &settings, const TenantSettings &own, std::uint64_t memory_bytes) {
    StoreOptions options;
    options.memory_bytes = memory_bytes;
    options.pinned_bytes_max = part_of(own.pinned_bytes_max, own.memory_bytes, memory_bytes);
    options.evict = settings.evict;
    options.gc_threshold = settings.gc_threshold;
    return options;
}

} // namespace

Result<std::unique_ptr<Tenant>> Tenant::create(const Settings &settings, const TenantSettings &own, Workers *workers,
                                               const Legacy &legacy) {
    std::unique_ptr<Tenant> tenant(new Tenant(own));
    auto host = Cache::create(*tenant, store_options(settings, own), legacy);
    if (!host.ok()) {
        return host.take_error();
    }
    tenant->host_ = std::move(host.value());
    tenant->reconfigure(settings, own);
    if (workers != nullptr && !settings.disk.path.empty()) {
        auto disk = TenantDisk::open(settings, own, tenant->host_->store(), *workers);
        if (!disk.ok()) {
            return disk.take_error();
        }
        tenant->host_->set_disk(std::move(disk.value()));
    }
    tenant->host_->store().release_abandoned(); // the disk is ours now, so nobody reads from it for a daemon before
    return tenant;
}

void Tenant::reconfigure(const Settings &settings, const TenantSettings &own) {
    const TenantSettings before = std::exchange(settings_, own);
    settings_.memory_bytes = before.memory_bytes;
    settings_.gpu_memory = before.gpu_memory;
    const bool same_disk = own.disk_path == before.disk_path; // else it waits for a restart
    if (!same_disk) {
        settings_.disk_path = before.disk_path;
        settings_.disk_bytes = before.disk_bytes;
    }
    clients_.set_max(own.clients_max);
    descriptors_.set_max(own.descriptors_max != 0 ? own.descriptors_max : Quota::no_limit);
    operations_.set_rate(own.operations_per_second);
    host_->store().reconfigure(store_options(settings, settings_));
    for (const auto &arena : arenas_) {
        arena->store().reconfigure(arena_options(settings, settings_, arena->store().memory_bytes()));
    }
    if (host_->disk() != nullptr && same_disk) {
        host_->disk()->reconfigure(settings, settings_);
    }
    flight_ns_max_ = settings.single_flight_ms * ns_per_ms;
}

// Blocks go from the arena to the host's cache, and back, from here on.
Result<void> Tenant::connect(Cache &arena, const cuda::Driver &driver, Workers &workers) {
    const auto number = static_cast<std::uint32_t>(arenas_.size());
    auto mover = ArenaMover::create(driver, arena.device()->ordinal,
                                    fmt::format("tenant {} on GPU {}", name(), arena.device()->ordinal), number,
                                    arena.store(), {host_->store(), host_->mover()}, workers);
    if (!mover.ok()) {
        return mover.take_error();
    }
    arena.set_arena_mover(std::move(mover.value()));
    return {};
}

DeviceMover *Tenant::device_mover_of(Mover::Tag tag) const {
    if ((tag & DeviceMover::host_tag) == 0) {
        return nullptr;
    }
    return arenas_[(tag & ~DeviceMover::host_tag) >> DeviceMover::tags_shift]->device_mover();
}

std::vector<Tenant::Place> Tenant::places_of(Cache &cache, SpaceId space, bool make) {
    std::vector<Place> places{{&cache, space}};
    if (arenas_.empty()) {
        return places;
    }
    const auto in_host = cache.device_mover() != nullptr ? cache.device_mover()->host_space(space)
                         : &cache == host_.get()         ? std::optional(space)
                                                         : std::nullopt;
    if (!in_host) {
        return places;
    }
    if (&cache != host_.get()) {
        places.push_back({host_.get(), *in_host});
    }
    for (const auto &arena : arenas_) {
        DeviceMover *mover = arena->device_mover();
        const auto there =
            arena.get() != &cache && mover != nullptr ? mover->arena_space(*in_host, make) : std::nullopt;
        if (there) {
            places.push_back({arena.get(), *there});
        }
    }
    return places;
}

bool Tenant::remove(Cache &cache, SpaceId space, const uakv_key &key) {
    bool removed = false;
    for (const Place &place : places_of(cache, space, false)) {
        DeviceMover *mover = place.cache->device_mover();
        removed =
            (mover != nullptr ? mover->remove(place.space, key) : place.cache->store().remove(place.space, key)) ||
            removed;
    }
    return removed;
}

Result<void> Tenant::add_arena(const Settings &settings, const gpu::Device &device, const GpuTier::Part &part,
                               const cuda::Driver &driver, Workers &workers, const Legacy &legacy) {
    StoreOptions options = arena_options(settings, settings_, part.bytes);
    options.name = "gpu." + gpu::hex_of(device.uuid) + "." + name(); // no tenant has such a name
    options.title = fmt::format("tenant {} on GPU {}", name(), device.ordinal);
    options.source = part.source;
    options.segment_bytes = part.segment_bytes;
    auto arena = Cache::create(*this, options, legacy, &device);
    if (!arena.ok()) {
        return arena.take_error();
    }
    arena.value()->store().release_abandoned();
    if (auto connected = connect(*arena.value(), driver, workers); !connected.ok()) {
        return connected;
    }
    arenas_.push_back(std::move(arena.value()));
    return {};
}

} // namespace uakv
