#include "daemon/ctl/rates.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace uakv::ctl {
namespace {

// A daemon that was started again counts from 0.
std::uint64_t grown(std::uint64_t before, std::uint64_t now) {
    return now >= before ? now - before : now;
}

Histogram grown(const Histogram &before, const Histogram &now) {
    Histogram difference{};
    for (std::size_t i = 0; i < histogram_buckets; ++i) {
        difference.counts[i] = grown(before.counts[i], now.counts[i]);
    }
    return difference;
}

template <typename T> T find_or_empty(const std::vector<T> &all, const std::string &name) {
    const auto found = std::find_if(all.begin(), all.end(), [&name](const T &each) { return each.name == name; });
    return found == all.end() ? T{} : *found;
}

TenantRates tenant_rates(const StatsReport::Tenant &before, const StatsReport::Tenant &now, double seconds) {
    const auto rate = [&](std::uint64_t uakv_statistics::*counter) {
        return static_cast<double>(grown(before.counters.*counter, now.counters.*counter)) / seconds;
    };
    return {now.name,
            now.counters,
            rate(&uakv_statistics::hits),
            rate(&uakv_statistics::misses),
            rate(&uakv_statistics::stores),
            rate(&uakv_statistics::evictions) + rate(&uakv_statistics::expirations),
            rate(&uakv_statistics::bytes_hit),
            rate(&uakv_statistics::loads),
            rate(&uakv_statistics::bytes_disk_written)};
}

void add_calls(std::vector<CallRates> &sums, const std::vector<Latency> &before, const std::vector<Latency> &now) {
    for (const Latency &latency : now) {
        auto sum = std::find_if(sums.begin(), sums.end(),
                                [&latency](const CallRates &each) { return each.name == latency.name; });
        if (sum == sums.end()) {
            sum = sums.insert(sums.end(), CallRates{latency.name, 0, {}});
        }
        histogram_add(sum->histogram, grown(find_or_empty(before, latency.name).histogram, latency.histogram));
    }
}

void count_calls(std::vector<CallRates> &sums, double seconds) {
    for (CallRates &sum : sums) {
        sum.calls = static_cast<double>(total(sum.histogram)) / seconds;
    }
}

// Only some retrieves are timed, and of each client the first: how many there were, the hits say.
void count_retrieves(Rates &rates) {
    for (CallRates &sum : rates.calls) {
        if (sum.name == "retrieve") {
            sum.calls = std::accumulate(rates.tenants.begin(), rates.tenants.end(), 0.0,
                                        [](double hits, const TenantRates &tenant) { return hits + tenant.hits; });
        }
    }
}

} // namespace

Rates rates_between(const std::optional<StatsReport> &before, const StatsReport &now) {
    const bool known = before && before->uptime_ms < now.uptime_ms;
    const StatsReport begin = known ? *before : StatsReport{};
    Rates rates;
    rates.since_start = !known;
    rates.seconds = std::max(0.001, static_cast<double>(now.uptime_ms - begin.uptime_ms) / 1000);
    for (const StatsReport::Tenant &tenant : now.tenants) {
        const StatsReport::Tenant earlier = find_or_empty(begin.tenants, tenant.name);
        rates.tenants.push_back(tenant_rates(earlier, tenant, rates.seconds));
        add_calls(rates.calls, earlier.latencies, tenant.latencies);
    }
    add_calls(rates.stages, begin.stages, now.stages);
    count_calls(rates.calls, rates.seconds);
    count_retrieves(rates);
    count_calls(rates.stages, rates.seconds);
    return rates;
}

std::uint64_t total(const Histogram &histogram) {
    return count_between(histogram, 0, UINT64_MAX);
}

std::uint64_t quantile_ns(const Histogram &histogram, double part) {
    const double wanted = std::max(1.0, std::ceil(part * static_cast<double>(total(histogram))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < histogram_buckets; ++i) {
        seen += histogram.counts[i];
        if (static_cast<double>(seen) >= wanted) {
            return histogram_lower_ns(i + 1) - 1;
        }
    }
    return 0;
}

std::uint64_t count_between(const Histogram &histogram, std::uint64_t from_ns, std::uint64_t to_ns) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < histogram_buckets; ++i) {
        const std::uint64_t lower_ns = histogram_lower_ns(i);
        count += lower_ns >= from_ns && lower_ns < to_ns ? histogram.counts[i] : 0;
    }
    return count;
}

} // namespace uakv::ctl
