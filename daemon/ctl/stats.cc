// stats: every counter, or with --watch a line for each interval.
#include "daemon/base/units.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/rates.h"
#include "daemon/ctl/report_client.h"
#include "daemon/ctl/table.h"

#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace uakv::ctl {
namespace {

using Align = Table::Align;

std::string counter_text(const Counter &counter, std::uint64_t value) {
    switch (counter.unit) {
    case Counter::Unit::bytes:
        return format_size(value);
    case Counter::Unit::ms:
        return format_duration(value);
    default:
        return format_count(value);
    }
}

std::string counters_text(const StatsReport &report) {
    std::vector<Table::Column> columns = {{"COUNTER", Align::left}};
    std::vector<std::string> clients = {"clients"};
    std::vector<std::string> hit_rates = {"hit rate"};
    std::vector<std::string> from_disk = {"of the hits loaded from disk"};
    for (const StatsReport::Tenant &tenant : report.tenants) {
        const double hits = static_cast<double>(tenant.counters.hits);
        columns.push_back({printable(tenant.name)});
        clients.push_back(format_count(tenant.counters.clients));
        hit_rates.push_back(format_part(hits, hits + static_cast<double>(tenant.counters.misses)));
        from_disk.push_back(format_part(static_cast<double>(tenant.counters.loads), hits));
    }
    Table table(std::move(columns));
    table.add(std::move(clients));
    table.add(std::move(hit_rates));
    table.add(std::move(from_disk));
    for (const Counter &counter : counters()) {
        std::vector<std::string> cells = {counter.name};
        for (const StatsReport::Tenant &tenant : report.tenants) {
            cells.push_back(counter_text(counter, tenant.counters.*counter.value));
        }
        table.add(std::move(cells));
    }
    return table.text();
}

void add_latencies(Table &table, const std::string &of, const std::vector<Latency> &latencies) {
    for (const Latency &each : latencies) {
        if (each.count > 0) {
            table.add({printable(each.name), printable(of), format_count(each.count), format_latency(each.p50_ns),
                       format_latency(each.p90_ns), format_latency(each.p99_ns), format_latency(each.p999_ns),
                       format_latency(each.max_ns)});
        }
    }
}

std::string latencies_text(const StatsReport &report) {
    Table table({{"CALL", Align::left}, {"OF", Align::left}, {"TIMED"}, {"P50"}, {"P90"}, {"P99"}, {"P99.9"}, {"MAX"}});
    for (const StatsReport::Tenant &tenant : report.tenants) {
        add_latencies(table, tenant.name, tenant.latencies);
    }
    add_latencies(table, "(daemon)", report.stages);
    return table.text() + fmt::format("Of the retrieves one in {} is timed.{}\n", report.retrieve_sampled_one_in,
                                      report.profiling ? "" : " The daemon times its own work with enable_profiling.");
}

// One line with all tenants together.
std::string watch_line(const Rates &rates, bool with_titles) {
    double hits = 0, misses = 0, stores = 0, departures = 0, bytes_hit = 0;
    std::uint64_t blocks = 0, bytes = 0;
    for (const TenantRates &tenant : rates.tenants) {
        hits += tenant.hits;
        misses += tenant.misses;
        stores += tenant.stores;
        departures += tenant.departures;
        bytes_hit += tenant.bytes_hit;
        blocks += tenant.now.blocks;
        bytes += tenant.now.bytes_blocks;
    }
    const auto column = [](const char *title, std::size_t width) { return Table::Column{title, Align::right, width}; };
    Table table({column("HIT RATE", 8), column("HITS/S", 8), column("MISSES/S", 8), column("STORES/S", 8),
                 column("LEFT/S", 7), column("READ/S", 9), column("BLOCKS", 8), column("BYTES", 9)});
    table.add({format_part(hits, hits + misses), format_rate(hits), format_rate(misses), format_rate(stores),
               format_rate(departures), format_size(static_cast<std::uint64_t>(bytes_hit)), format_count(blocks),
               format_size(bytes)});
    const std::string text = table.text();
    return with_titles ? text : text.substr(text.find('\n') + 1);
}

constexpr std::uint64_t lines_per_titles = 20;

Result<Exit> watch(const Options &options) {
    auto client = ReportClient::connect(options);
    if (!client.ok()) {
        return client.take_error();
    }
    const Interrupt interrupt;
    std::optional<StatsReport> before;
    for (std::uint64_t line = 0; options.count == 0 || line < options.count; ++line) {
        if (line > 0 && interrupt.wait(options.interval_ms)) {
            break;
        }
        auto answer = client.value().ask(ReportKind::stats, parse_stats);
        if (!answer.ok()) {
            return answer.take_error();
        }
        StatsReport &now = answer.value().report;
        const bool taken = print(options.json ? json_line(answer.value().document)
                                              : watch_line(rates_between(before, now), line % lines_per_titles == 0));
        if (!taken) {
            break;
        }
        before = std::move(now);
    }
    return Exit::done;
}

} // namespace

Result<Exit> show_stats(const Options &options) {
    if (options.watch) {
        return watch(options);
    }
    auto answer = ReportClient::ask_once(options, ReportKind::stats, parse_stats);
    if (!answer.ok()) {
        return answer.take_error();
    }
    const StatsReport &report = answer.value().report;
    print(options.json ? json_line(answer.value().document) : counters_text(report) + "\n" + latencies_text(report));
    return Exit::done;
}

} // namespace uakv::ctl
