// Numbers, tables and pictures of uakvctl, and the rates behind them.
#include "daemon/ctl/frame.h"
#include "daemon/ctl/rates.h"
#include "daemon/ctl/table.h"
#include "support/check.h"

#include <algorithm>
#include <sstream>
#include <string>

namespace uakv::test {
namespace {

using namespace uakv::ctl;

void numbers() {
    CHECK_EQ(format_count(0), "0");
    CHECK_EQ(format_count(99'999), "99999");
    CHECK_EQ(format_count(100'000), "100.0 k");
    CHECK_EQ(format_count(12'345'678), "12.3 M");
    CHECK_EQ(format_count(UINT64_MAX), "18446744.1 T");
    CHECK_EQ(format_rate(0), "0");
    CHECK_EQ(format_rate(0.44), "0.4");
    CHECK_EQ(format_rate(1234.5), "1235");
    CHECK_EQ(format_part(931, 1000), "93.1 %");
    CHECK_EQ(format_part(0, 0), "-");
    CHECK_EQ(counted(1, "block"), "1 block");
    CHECK_EQ(counted(3, "block"), "3 blocks");
}

void times() {
    CHECK_EQ(format_duration(999), "999 ms");
    CHECK_EQ(format_duration(3'500), "3.5 s");
    CHECK_EQ(format_duration(125'000), "2 min 5 s");
    CHECK_EQ(format_duration(180'000), "3 min");
    CHECK_EQ(format_duration(11'520'000), "3 h 12 min");
    CHECK_EQ(format_duration(4 * 86'400'000ULL + 7'200'000), "4 d 2 h");
    CHECK_EQ(format_latency(180), "180 ns");
    CHECK_EQ(format_latency(1'400), "1.4 us");
    CHECK_EQ(format_latency(23'000'000), "23 ms");
    CHECK_EQ(format_latency(2'000'000'000), "2.0 s");
    CHECK_EQ(format_optional_duration({}), "-");
}

void columns_are_aligned() {
    Table table({{"NAME", Table::Align::left}, {"BYTES"}, {"NOTE", Table::Align::left}});
    table.add({"a", "1 KiB", "first"});
    table.add({"a longer one", "12", ""});
    CHECK_EQ(table.text(), "NAME          BYTES  NOTE\n"
                           "a             1 KiB  first\n"
                           "a longer one     12\n");
    CHECK_EQ(printable("a\033[31mb\n"), "a?[31mb?");
}

Histogram histogram_of(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> values) {
    Histogram histogram{};
    for (const auto &[ns, count] : values) {
        histogram.counts[histogram_bucket(ns)] += count;
    }
    return histogram;
}

void quantiles() {
    CHECK_EQ(total(Histogram{}), 0);
    CHECK_EQ(quantile_ns(Histogram{}, 0.5), 0);
    const Histogram histogram = histogram_of({{100, 90}, {10'000, 9}, {1'000'000, 1}});
    CHECK_EQ(total(histogram), 100);
    const auto near = [](std::uint64_t actual, std::uint64_t expected) {
        return actual >= expected && actual <= expected + expected / 4; // that is how wide a bucket is
    };
    CHECK(near(quantile_ns(histogram, 0), 100));
    CHECK(near(quantile_ns(histogram, 0.5), 100));
    CHECK(near(quantile_ns(histogram, 0.90), 100));
    CHECK(near(quantile_ns(histogram, 0.91), 10'000));
    CHECK(near(quantile_ns(histogram, 0.99), 10'000));
    CHECK(near(quantile_ns(histogram, 1), 1'000'000));
    CHECK_EQ(count_between(histogram, 0, 1'000), 90);
    CHECK_EQ(count_between(histogram, 1'000, 100'000), 9);
    CHECK_EQ(count_between(histogram, 100'000, UINT64_MAX), 1);
}

StatsReport report_at(std::uint64_t uptime_ms, std::uint64_t hits, std::uint64_t misses, const Histogram &retrieves) {
    StatsReport::Tenant tenant;
    tenant.name = "default";
    tenant.counters.hits = hits;
    tenant.counters.misses = misses;
    tenant.counters.blocks = 7;
    tenant.counters.bytes_capacity = 1 << 30;
    Latency latency;
    latency.name = "retrieve";
    latency.histogram = retrieves;
    tenant.latencies.push_back(latency);
    latency.name = "store";
    tenant.latencies.push_back(latency);
    StatsReport report;
    report.uptime_ms = uptime_ms;
    report.retrieve_sampled_one_in = 64;
    report.tenants.push_back(tenant);
    return report;
}

void rates_of_an_interval() {
    const StatsReport before = report_at(10'000, 1000, 500, histogram_of({{100, 10}}));
    const StatsReport now = report_at(12'000, 1200, 600, histogram_of({{100, 10}, {5'000, 20}}));
    const Rates rates = rates_between(before, now);
    CHECK(!rates.since_start);
    CHECK_EQ(rates.seconds, 2.0);
    CHECK_EQ(rates.tenants.size(), 1);
    CHECK_EQ(rates.tenants[0].hits, 100.0);
    CHECK_EQ(rates.tenants[0].misses, 50.0);
    CHECK_EQ(rates.tenants[0].now.blocks, 7);
    CHECK_EQ(rates.calls.size(), 2);
    CHECK_EQ(rates.calls[0].calls, 100.0); // not all of them are timed: these are the hits
    CHECK_EQ(rates.calls[1].calls, 20 / 2.0);
    CHECK_EQ(total(rates.calls[0].histogram), 20);
    CHECK(quantile_ns(rates.calls[0].histogram, 0) >= 5'000); // without those of before
}

// Without an earlier report, or with one of a daemon that is gone, it is the average of its whole life.
void rates_since_the_start() {
    const StatsReport now = report_at(2'000, 300, 100, histogram_of({{100, 4}}));
    for (const std::optional<StatsReport> &before :
         {std::optional<StatsReport>(), std::optional(report_at(90'000, 5000, 70, histogram_of({{100, 1}})))}) {
        const Rates rates = rates_between(before, now);
        CHECK(rates.since_start);
        CHECK_EQ(rates.seconds, 2.0);
        CHECK_EQ(rates.tenants[0].hits, 150.0);
        CHECK_EQ(rates.tenants[0].misses, 50.0);
        CHECK_EQ(total(rates.calls[0].histogram), 4);
    }
}

void tenants_are_added_up() {
    StatsReport now = report_at(1'000, 10, 0, histogram_of({{100, 4}}));
    now.tenants.push_back(now.tenants[0]);
    now.tenants[1].name = "batch";
    const Rates rates = rates_between({}, now);
    CHECK_EQ(rates.tenants.size(), 2);
    CHECK_EQ(rates.calls.size(), 2);
    CHECK_EQ(total(rates.calls[0].histogram), 8);
}

void a_picture_fits() {
    StatusReport status;
    status.version = "0.1.0";
    status.socket = "/run/uakv/uakvd.sock";
    status.healthy = true;
    StatsReport now = report_at(1'000, 123'456'789, 12'345'678, histogram_of({{100, 1'000'000}, {50'000'000, 3}}));
    now.tenants.push_back(now.tenants[0]);
    now.tenants[1].name = "another";
    now.tenants[1].counters.hits *= 2;
    const std::string text = frame_text(status, rates_between({}, now));
    std::istringstream lines(text);
    unsigned count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        CHECK_MESSAGE(line.size() <= 80, line);
    }
    CHECK_MESSAGE(count <= 24, text);
    CHECK_MESSAGE(text.find("another") < text.find("default"), text); // the busier one first
    CHECK(text.find("90.9 %") != std::string::npos && text.find("<1%") != std::string::npos);
    CHECK(text.find("STAGE") == std::string::npos);
    for (unsigned i = 0; i < 30; ++i) {
        now.tenants.push_back(now.tenants[0]);
        now.tenants.back().name = "tenant" + std::to_string(i);
    }
    const std::string many = frame_text(status, rates_between({}, now));
    CHECK_MESSAGE(many.find("and 26 tenants, less busy") != std::string::npos, many);
    CHECK_EQ(std::count(many.begin(), many.end(), '\n'), 23);
}

constexpr Case cases[] = {
    {"numbers", numbers},
    {"times", times},
    {"columns_are_aligned", columns_are_aligned},
    {"quantiles", quantiles},
    {"rates_of_an_interval", rates_of_an_interval},
    {"rates_since_the_start", rates_since_the_start},
    {"tenants_are_added_up", tenants_are_added_up},
    {"a_picture_fits", a_picture_fits},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_tables", uakv::test::cases);
}
