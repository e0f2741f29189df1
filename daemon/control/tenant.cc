#include "daemon/control/tenant.h"

#include "daemon/base/log.h"
#include "daemon/control/orphans.h"
#include "daemon/control/session.h"
#include "daemon/store/random_word.h"
#include "ipc/clock.h"

#include <algorithm>
#include <utility>

namespace uakv {
namespace {

constexpr std::uint64_t lately_ns = 10 * ns_per_s;
constexpr std::uint64_t short_every_ns = 100 * ns_per_ms;

StoreOptions store_options(const Settings &settings, const TenantSettings &own) {
    StoreOptions options;
    options.memory_bytes = own.memory_bytes;
    options.pinned_bytes_max = own.pinned_bytes_max;
    options.evict = settings.evict;
    options.gc_threshold = settings.gc_threshold;
    options.cold_blocks_max = settings.disk.path.empty() ? 0 : cold_blocks_max(own.disk_bytes);
    return options;
}

// What the daemon before has left, where it can be used; `left` are its sessions then. Where it cannot, or nothing is
// there, a new one.
Result<std::unique_ptr<Store>> make_store(const StoreOptions &options, const Legacy &legacy,
                                          std::vector<LeftSession> &left) {
    if (legacy.keeper == nullptr || legacy.kept == nullptr) {
        return Store::create(options);
    }
    auto numbers = Store::sessions_left(*legacy.kept, options.name);
    const std::vector<std::uint32_t> known = numbers.ok() ? numbers.value() : std::vector<std::uint32_t>{};
    auto sessions = take_left_sessions(*legacy.kept, options.name, known);
    std::vector<FormerClient> clients;
    if (sessions.ok()) {
        for (const LeftSession &session : sessions.value()) {
            clients.push_back({session.number, &session.layout()});
        }
    } else {
        log_warn("tenant {}: what its clients read cannot be told: {}", options.name, sessions.error().detail);
        clients.push_back({}); // so that nothing is adopted
    }
    auto adopted = Store::adopt(options, *legacy.kept, clients);
    if (adopted.ok()) {
        left = std::move(sessions.value());
    }
    drop_left_sessions(*legacy.keeper, *legacy.kept, options.name,
                       adopted.ok() ? std::span<const std::uint32_t>() : known);
    return adopted.ok() ? std::move(adopted) : Store::create(options);
}

} // namespace

Result<std::unique_ptr<Tenant>> Tenant::create(const Settings &settings, const TenantSettings &own, Workers *workers,
                                               const Legacy &legacy) {
    StoreOptions options = store_options(settings, own);
    options.name = own.name;
    options.keeper = legacy.keeper;
    std::vector<LeftSession> left;
    auto store = make_store(options, legacy, left);
    if (!store.ok()) {
        return store.take_error();
    }
    auto index = store.value()->index().reopen();
    if (!index.ok()) {
        return index.take_error();
    }
    std::unique_ptr<Tenant> tenant(new Tenant(settings, own, std::move(store.value()), std::move(index.value())));
    tenant->left_sessions_ = std::move(left);
    if (workers != nullptr && !settings.disk.path.empty()) {
        auto disk = TenantDisk::open(settings, own, *tenant->store_, *workers);
        if (!disk.ok()) {
            return disk.take_error();
        }
        tenant->disk_ = std::move(disk.value());
    }
    tenant->store_->release_abandoned(); // the disk is ours now, so nobody reads from it for a daemon before
    return tenant;
}

Tenant::Tenant(const Settings &settings, const TenantSettings &own, std::unique_ptr<Store> store, Fd index)
    : settings_(own), store_(std::move(store)), index_(std::move(index)), flights_(random_word()),
      started_ns_(now_ns()) {
    reconfigure(settings, own);
}

void Tenant::reconfigure(const Settings &settings, const TenantSettings &own) {
    const TenantSettings before = std::exchange(settings_, own);
    settings_.memory_bytes = before.memory_bytes;
    const bool same_disk = own.disk_path == before.disk_path; // else it waits for a restart
    if (!same_disk) {
        settings_.disk_path = before.disk_path;
        settings_.disk_bytes = before.disk_bytes;
    }
    clients_.set_max(own.clients_max);
    descriptors_.set_max(own.descriptors_max != 0 ? own.descriptors_max : Quota::no_limit);
    operations_.set_rate(own.operations_per_second);
    store_->reconfigure(store_options(settings, settings_));
    if (disk_ != nullptr && same_disk) {
        disk_->reconfigure(settings, settings_);
    }
    flight_ns_max_ = settings.single_flight_ms * ns_per_ms;
}

void Tenant::attach(Session &session) {
    sessions_.emplace(session.number(), &session);
    store_->leases().attach(session.layout());
}

void Tenant::detach(Session &session) {
    store_->leases().detach(session.layout());
    sessions_.erase(session.number());
    past_counts_.add(session.layout().header);
    add_latencies(past_latencies_, session.layout());
}

Session *Tenant::find(std::uint32_t number) const {
    const auto found = sessions_.find(number);
    return found == sessions_.end() ? nullptr : found->second;
}

void Tenant::attach(Orphan &orphan) {
    orphans_.push_back(&orphan);
}

void Tenant::detach(Orphan &orphan) {
    std::erase(orphans_, &orphan); // what it counted was counted for the daemons before
}

Orphan *Tenant::orphan_with(SlotRef slot) const {
    const auto found =
        std::find_if(orphans_.begin(), orphans_.end(), [&](const Orphan *orphan) { return orphan->holds(slot); });
    return found == orphans_.end() ? nullptr : *found;
}

std::vector<SlotRef> Tenant::reclaim() {
    std::vector<SlotRef> reclaimed;
    for (Orphan *orphan : orphans_) {
        orphan->reclaim(reclaimed);
    }
    for (const auto &[number, session] : sessions_) {
        session->reclaim(reclaimed);
    }
    return reclaimed;
}

bool Tenant::take_short(std::uint64_t now) {
    if (!short_ || now - short_taken_ns_ < short_every_ns) {
        return false;
    }
    short_ = false;
    short_taken_ns_ = now;
    return true;
}

void Tenant::count_no_space(std::uint64_t now) {
    store_->count_refusal();
    no_space_ns_ = now;
}

bool Tenant::refused_slots_lately() const {
    return no_space_ns_ != 0 && now_ns() - no_space_ns_ < lately_ns;
}

uakv_statistics Tenant::statistics() const {
    uakv_statistics values{};
    values.struct_size = sizeof values;
    store_->describe(values);
    ClientCounts counts = past_counts_;
    for (const auto &[number, session] : sessions_) {
        counts.add(session->layout().header);
    }
    values.clients = static_cast<std::uint32_t>(sessions_.size());
    values.hits = counts.hits;
    values.bytes_hit = counts.bytes_hit;
    values.misses = counts.misses;
    values.misses_expired = counts.misses_expired;
    values.flights = flights_.count();
    values.flight_waits = flights_.waits();
    values.refused_busy = refused_busy_;
    values.sessions_revoked = sessions_revoked_;
    if (disk_ != nullptr) {
        disk_->describe(values);
    }
    values.uptime_ms = (now_ns() - started_ns_) / ns_per_ms;
    return values;
}

Latencies Tenant::latencies() const {
    Latencies sum = past_latencies_;
    for (const auto &[number, session] : sessions_) {
        add_latencies(sum, session->layout());
    }
    return sum;
}

} // namespace uakv
