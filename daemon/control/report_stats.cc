// Counters and latencies.
#include "daemon/control/report_json.h"

#include <array>
#include <utility>

namespace uakv {
namespace {

constexpr std::array<std::pair<const char *, std::uint64_t uakv_statistics::*>, 43> numbers = {{
    {"hits", &uakv_statistics::hits},
    {"misses", &uakv_statistics::misses},
    {"bytes_hit", &uakv_statistics::bytes_hit},
    {"stores", &uakv_statistics::stores},
    {"bytes_stored", &uakv_statistics::bytes_stored},
    {"exists", &uakv_statistics::exists},
    {"evictions", &uakv_statistics::evictions},
    {"bytes_evicted", &uakv_statistics::bytes_evicted},
    {"removals", &uakv_statistics::removals},
    {"expirations", &uakv_statistics::expirations},
    {"corruptions", &uakv_statistics::corruptions},
    {"no_space", &uakv_statistics::no_space},
    {"blocks", &uakv_statistics::blocks},
    {"bytes_blocks", &uakv_statistics::bytes_blocks},
    {"bytes_memory", &uakv_statistics::bytes_memory},
    {"bytes_capacity", &uakv_statistics::bytes_capacity},
    {"bytes_index", &uakv_statistics::bytes_index},
    {"slots_granted", &uakv_statistics::slots_granted},
    {"slots_limbo", &uakv_statistics::slots_limbo},
    {"leases", &uakv_statistics::leases},
    {"spaces", &uakv_statistics::spaces},
    {"uptime_ms", &uakv_statistics::uptime_ms},
    {"misses_expired", &uakv_statistics::misses_expired},
    {"evictions_rebalance", &uakv_statistics::evictions_rebalance},
    {"blocks_pinned", &uakv_statistics::blocks_pinned},
    {"bytes_pinned", &uakv_statistics::bytes_pinned},
    {"bytes_leased", &uakv_statistics::bytes_leased},
    {"flights", &uakv_statistics::flights},
    {"flight_waits", &uakv_statistics::flight_waits},
    {"refused_busy", &uakv_statistics::refused_busy},
    {"sessions_revoked", &uakv_statistics::sessions_revoked},
    {"blocks_cold", &uakv_statistics::blocks_cold},
    {"bytes_cold", &uakv_statistics::bytes_cold},
    {"blocks_disk", &uakv_statistics::blocks_disk},
    {"bytes_disk", &uakv_statistics::bytes_disk},
    {"bytes_disk_max", &uakv_statistics::bytes_disk_max},
    {"bytes_disk_written", &uakv_statistics::bytes_disk_written},
    {"loads", &uakv_statistics::loads},
    {"bytes_loaded", &uakv_statistics::bytes_loaded},
    {"load_joins", &uakv_statistics::load_joins},
    {"loads_late", &uakv_statistics::loads_late},
    {"evictions_unsaved", &uakv_statistics::evictions_unsaved},
    {"disk_errors", &uakv_statistics::disk_errors},
}};
static_assert(sizeof(uakv_statistics) == 2 * sizeof(std::uint32_t) + numbers.size() * sizeof(std::uint64_t),
              "struct_size, clients, and all the numbers");

constexpr std::array<const char *, timed_calls> call_names = {"retrieve", "store",  "reserve", "commit",
                                                              "flight",   "remove", "load"};

// The end of the bucket in which the one lies that `part` of `total` values are not above.
std::uint64_t quantile(const Histogram &histogram, std::uint64_t total, double part) {
    const auto rank = static_cast<std::uint64_t>(static_cast<double>(total) * part);
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < histogram_buckets; ++bucket) {
        seen += histogram.counts[bucket];
        if (seen > rank || (seen == total && seen != 0)) {
            return histogram_lower_ns(bucket + 1);
        }
    }
    return 0;
}

} // namespace

Json histogram_report(const Histogram &histogram) {
    std::uint64_t total = 0;
    std::uint64_t max_ns = 0;
    Json buckets = Json::array();
    for (std::size_t bucket = 0; bucket < histogram_buckets; ++bucket) {
        if (const std::uint64_t count = histogram.counts[bucket]; count != 0) {
            total += count;
            max_ns = histogram_lower_ns(bucket + 1);
            buckets.push_back({histogram_lower_ns(bucket), count});
        }
    }
    return {{"count", total},
            {"p50_ns", quantile(histogram, total, 0.5)},
            {"p90_ns", quantile(histogram, total, 0.9)},
            {"p99_ns", quantile(histogram, total, 0.99)},
            {"p999_ns", quantile(histogram, total, 0.999)},
            {"max_ns", max_ns},
            {"buckets", std::move(buckets)}};
}

namespace {

void add_statistics(Json &report, const Cache &cache) {
    const uakv_statistics values = cache.statistics();
    report["clients"] = values.clients;
    for (const auto &[name, number] : numbers) {
        report[name] = values.*number;
    }
    const Latencies latencies = cache.latencies();
    Json &calls = report["latencies"];
    for (std::size_t call = 0; call < timed_calls; ++call) {
        calls[call_names[call]] = histogram_report(latencies[call]);
    }
}

} // namespace

Json statistics_report(const Tenant &tenant) {
    Json report = {{"name", tenant.name()}};
    add_statistics(report, tenant.host());
    Json &devices = report["devices"] = Json::array();
    for (const auto &arena : tenant.arenas()) {
        Json one = {{"uuid", gpu::text_of(arena->device()->uuid)}, {"ordinal", arena->device()->ordinal}};
        add_statistics(one, *arena);
        devices.push_back(std::move(one));
    }
    return report;
}

} // namespace uakv
