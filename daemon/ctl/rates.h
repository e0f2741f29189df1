// What happened between two stats reports: rates, and the latencies of just that time.
#pragma once

#include "daemon/ctl/report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace uakv::ctl {

struct TenantRates {
    std::string name;
    uakv_statistics now{}; // for what is a state, such as blocks
    double hits = 0;       // from here on: for each second
    double misses = 0;
    double stores = 0;
    double departures = 0; // evicted or expired
    double bytes_hit = 0;
    double loads = 0;        // blocks brought from disk into memory
    double disk_written = 0; // bytes
};

struct CallRates {
    std::string name;
    double calls = 0; // for each second
    Histogram histogram{};
};

struct Rates {
    double seconds = 0;
    bool since_start = false; // there was no earlier report of this daemon: all of its life
    std::vector<TenantRates> tenants;
    std::vector<CallRates> calls;  // of all tenants together
    std::vector<CallRates> stages; // of the daemon, while it profiles
};

Rates rates_between(const std::optional<StatsReport> &before, const StatsReport &now);

std::uint64_t total(const Histogram &histogram);

// At most this long took the `part` fastest of the calls; 0 when there were none. Known to a quarter.
std::uint64_t quantile_ns(const Histogram &histogram, double part);

// How many took at least `from_ns` and less than `to_ns`, as far as the buckets tell.
std::uint64_t count_between(const Histogram &histogram, std::uint64_t from_ns, std::uint64_t to_ns);

} // namespace uakv::ctl
