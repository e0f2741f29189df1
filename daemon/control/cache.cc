#include "daemon/control/cache.h"

#include "daemon/base/log.h"
#include "daemon/control/orphans.h"
#include "daemon/control/session.h"
#include "daemon/control/tenant.h"
#include "daemon/store/random_word.h"
#include "ipc/clock.h"
#include "ipc/device_session.h"

#include <algorithm>
#include <utility>

namespace uakv {
namespace {

constexpr std::uint64_t lately_ns = 10 * ns_per_s;
constexpr std::uint64_t short_every_ns = 100 * ns_per_ms;

// What the daemon before has left, where it can be used; `left` are its sessions then. Where it cannot, or nothing is
// there, a new one.
Result<std::unique_ptr<Store>> make_store(const StoreOptions &options, const Legacy &legacy,
                                          std::uint64_t session_bytes, std::vector<LeftSession> &left) {
    if (legacy.keeper == nullptr || legacy.kept == nullptr) {
        return Store::create(options);
    }
    auto numbers = Store::sessions_left(*legacy.kept, options.name);
    const std::vector<std::uint32_t> known = numbers.ok() ? numbers.value() : std::vector<std::uint32_t>{};
    auto sessions = take_left_sessions(*legacy.kept, known, session_bytes);
    std::vector<FormerClient> clients;
    if (sessions.ok()) {
        for (const LeftSession &session : sessions.value()) {
            clients.push_back({session.number, &session.layout()});
        }
    } else {
        log_warn("{}: what its clients read cannot be told: {}",
                 options.title.empty() ? "tenant " + options.name : options.title, sessions.error().detail);
        clients.push_back({}); // so that nothing is adopted
    }
    auto adopted = Store::adopt(options, *legacy.kept, clients);
    if (adopted.ok()) {
        left = std::move(sessions.value());
    }
    if (!adopted.ok()) {
        drop_left_sessions(*legacy.keeper, *legacy.kept, known);
    }
    return adopted.ok() ? std::move(adopted) : Store::create(options);
}

} // namespace

std::uint64_t part_of(std::uint64_t amount, std::uint64_t whole, std::uint64_t other) {
    if (amount == 0 || whole == 0 || whole == other) {
        return amount;
    }
    const double part = static_cast<double>(amount) / static_cast<double>(whole) * static_cast<double>(other);
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(part));
}

Result<std::unique_ptr<Cache>> Cache::create(Tenant &tenant, const StoreOptions &options, const Legacy &legacy,
                                             const gpu::Device *device) {
    StoreOptions own = options;
    own.keeper = legacy.keeper;
    own.sessions = device != nullptr ? LeaseTables::Kind::device : options.sessions;
    std::vector<LeftSession> left;
    auto store = make_store(own, legacy, session_bytes_of(own.sessions), left);
    if (!store.ok()) {
        return store.take_error();
    }
    auto index = store.value()->index().reopen();
    if (!index.ok()) {
        return index.take_error();
    }
    std::unique_ptr<Cache> cache(
        new Cache(tenant, device, own.name, std::move(store.value()), std::move(index.value())));
    cache->left_sessions_ = std::move(left);
    return cache;
}

std::uint64_t Cache::session_bytes_of(LeaseTables::Kind kind) {
    return kind == LeaseTables::Kind::device ? sizeof(DeviceSessionLayout) : sizeof(SessionLayout);
}

std::uint64_t Cache::leased_bytes_max() const {
    return part_of(tenant_.settings().leased_bytes_max, tenant_.settings().memory_bytes, store_->memory_bytes());
}

Cache::Cache(Tenant &tenant, const gpu::Device *device, std::string kept_name, std::unique_ptr<Store> store, Fd index)
    : tenant_(tenant), device_(device), kept_name_(std::move(kept_name)), store_(std::move(store)),
      quarantine_(*store_), index_(std::move(index)), flights_(random_word()), started_ns_(now_ns()) {}

void Cache::attach(Session &session) {
    sessions_.emplace(session.number(), &session);
    store_->leases().attach(session.layout());
}

void Cache::detach(Session &session) {
    store_->leases().detach(session.layout());
    sessions_.erase(session.number());
    past_counts_.add(session.layout().header);
    add_latencies(past_latencies_, session.layout());
}

Session *Cache::find(std::uint32_t number) const {
    const auto found = sessions_.find(number);
    return found == sessions_.end() ? nullptr : found->second;
}

void Cache::attach(Orphan &orphan) {
    orphans_.push_back(&orphan);
}

void Cache::detach(Orphan &orphan) {
    std::erase(orphans_, &orphan); // what it counted was counted for the daemons before
}

Orphan *Cache::orphan_with(SlotRef slot) const {
    const auto found =
        std::find_if(orphans_.begin(), orphans_.end(), [&](const Orphan *orphan) { return orphan->holds(slot); });
    return found == orphans_.end() ? nullptr : *found;
}

std::vector<SlotRef> Cache::reclaim() {
    std::vector<SlotRef> reclaimed;
    for (Orphan *orphan : orphans_) {
        orphan->reclaim(reclaimed);
    }
    for (const auto &[number, session] : sessions_) {
        session->reclaim(reclaimed);
    }
    return reclaimed;
}

bool Cache::take_short(std::uint64_t now) {
    if (!short_ || now - short_taken_ns_ < short_every_ns) {
        return false;
    }
    short_ = false;
    short_taken_ns_ = now;
    return true;
}

void Cache::count_no_space(std::uint64_t now) {
    store_->count_refusal();
    no_space_ns_ = now;
}

bool Cache::refused_slots_lately() const {
    return no_space_ns_ != 0 && now_ns() - no_space_ns_ < lately_ns;
}

uakv_statistics Cache::statistics() const {
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

Latencies Cache::latencies() const {
    Latencies sum = past_latencies_;
    for (const auto &[number, session] : sessions_) {
        add_latencies(sum, session->layout());
    }
    return sum;
}

} // namespace uakv
