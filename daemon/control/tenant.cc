#include "daemon/control/tenant.h"

#include "daemon/control/session.h"
#include "daemon/store/random_word.h"
#include "ipc/clock.h"

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
    return options;
}

} // namespace

Result<std::unique_ptr<Tenant>> Tenant::create(const Settings &settings, const TenantSettings &own) {
    auto store = Store::create(store_options(settings, own));
    if (!store.ok()) {
        return store.take_error();
    }
    auto index = store.value()->index().reopen();
    if (!index.ok()) {
        return index.take_error();
    }
    return std::unique_ptr<Tenant>(new Tenant(settings, own, std::move(store.value()), std::move(index.value())));
}

Tenant::Tenant(const Settings &settings, const TenantSettings &own, std::unique_ptr<Store> store, Fd index)
    : settings_(own), store_(std::move(store)), index_(std::move(index)), flights_(random_word()),
      started_ns_(now_ns()) {
    reconfigure(settings, own);
}

void Tenant::reconfigure(const Settings &settings, const TenantSettings &own) {
    const std::uint64_t memory_bytes = settings_.memory_bytes;
    settings_ = own;
    settings_.memory_bytes = memory_bytes;
    clients_.set_max(own.clients_max);
    descriptors_.set_max(own.descriptors_max != 0 ? own.descriptors_max : Quota::no_limit);
    operations_.set_rate(own.operations_per_second);
    store_->reconfigure(store_options(settings, settings_));
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

std::vector<SlotRef> Tenant::reclaim() {
    std::vector<SlotRef> reclaimed;
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
