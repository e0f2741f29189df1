#include "daemon/ctl/frame.h"

#include "daemon/base/units.h"
#include "daemon/ctl/table.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace uakv::ctl {
namespace {

using Align = Table::Align;

constexpr std::size_t tenants_shown_max = 6;

// Where the columns of the histogram end.
struct Column {
    const char *title;
    std::uint64_t to_ns;
};
constexpr std::array<Column, 6> histogram_columns = {{{"<1us", 1'000},
                                                      {"<10us", 10'000},
                                                      {"<.1ms", 100'000},
                                                      {"<1ms", 1'000'000},
                                                      {"<10ms", 10'000'000},
                                                      {"more", UINT64_MAX}}};

// Wide enough for most numbers, so that columns stand still from one picture to the next.
Table::Column number(const char *title, std::size_t width = 7) {
    return {title, Align::right, width};
}

Table::Column name(const char *title) {
    return {title, Align::left, 8};
}

std::string headline(const StatusReport &status, const Rates &rates) {
    std::string text = fmt::format("uakvd {} at {}, up {}: {}\n", printable(status.version), printable(status.socket),
                                   format_duration(status.uptime_ms), status.healthy ? "healthy" : "NOT HEALTHY");
    for (const std::string &problem : status.problems) {
        text += fmt::format("  {}\n", printable(problem));
    }
    return text + (rates.since_start ? std::string("Each second, on average since its start:\n\n")
                                     : fmt::format("Each second, of the last {:.1f} s:\n\n", rates.seconds));
}

double activity(const TenantRates &tenant) {
    return tenant.hits + tenant.misses + tenant.stores;
}

std::string work_text(const std::vector<TenantRates> &tenants) {
    Table table({name("TENANT"), number("HIT RATE"), number("HITS"), number("MISSES"), number("STORES"), number("LEFT"),
                 number("READ", 9), number("CLIENTS")});
    for (const TenantRates &tenant : tenants) {
        table.add({printable(tenant.name), format_part(tenant.hits, tenant.hits + tenant.misses),
                   format_rate(tenant.hits), format_rate(tenant.misses), format_rate(tenant.stores),
                   format_rate(tenant.departures), format_size(static_cast<std::uint64_t>(tenant.bytes_hit)),
                   format_count(tenant.now.clients)});
    }
    return table.text();
}

std::string memory_text(const std::vector<TenantRates> &tenants) {
    Table table({name("TENANT"), number("BLOCKS"), number("HOST", 9), number("OF", 9), number("USED"),
                 number("PINNED", 9), number("IN VIEWS", 9)});
    for (const TenantRates &tenant : tenants) {
        const uakv_statistics &now = tenant.now;
        table.add({printable(tenant.name), format_count(now.blocks), format_size(now.bytes_blocks),
                   format_size(now.bytes_capacity),
                   format_part(static_cast<double>(now.bytes_blocks), static_cast<double>(now.bytes_capacity)),
                   format_size(now.bytes_pinned), format_size(now.bytes_leased)});
    }
    return table.text();
}

// Nothing where no tenant has a disk.
std::string disk_text(const std::vector<TenantRates> &tenants) {
    Table table({name("TENANT"), number("ON DISK"), number("ALONE"), number("DISK", 9), number("OF", 9), number("USED"),
                 number("LOADS"), number("WRITES", 9)});
    bool any = false;
    for (const TenantRates &tenant : tenants) {
        const uakv_statistics &now = tenant.now;
        if (now.bytes_disk_max == 0) {
            continue;
        }
        any = true;
        table.add({printable(tenant.name), format_count(now.blocks_disk), format_count(now.blocks_cold),
                   format_size(now.bytes_disk), format_size(now.bytes_disk_max),
                   format_part(static_cast<double>(now.bytes_disk), static_cast<double>(now.bytes_disk_max)),
                   format_rate(tenant.loads), format_size(static_cast<std::uint64_t>(tenant.disk_written))});
    }
    return any ? table.text() + "\n" : "";
}

std::string part_of(std::uint64_t part, std::uint64_t whole) {
    if (part == 0) {
        return ".";
    }
    const double percent = 100 * static_cast<double>(part) / static_cast<double>(whole);
    return percent < 1 ? "<1%" : fmt::format("{:.0f}%", percent);
}

void add_calls(Table &table, const std::vector<CallRates> &calls) {
    for (const CallRates &call : calls) {
        const std::uint64_t count = total(call.histogram);
        if (count == 0) {
            continue;
        }
        std::vector<std::string> cells = {
            printable(call.name), format_rate(call.calls), format_latency(quantile_ns(call.histogram, 0.5)),
            format_latency(quantile_ns(call.histogram, 0.99)), format_latency(quantile_ns(call.histogram, 1))};
        std::uint64_t from_ns = 0;
        for (const Column &column : histogram_columns) {
            cells.push_back(part_of(count_between(call.histogram, from_ns, column.to_ns), count));
            from_ns = column.to_ns;
        }
        table.add(std::move(cells));
    }
}

std::string calls_text(const char *title, const std::vector<CallRates> &calls) {
    std::vector<Table::Column> columns = {name(title), number("CALLS"), number("P50", 6), number("P99", 6),
                                          number("MAX", 6)};
    columns.reserve(columns.size() + histogram_columns.size());
    for (const Column &column : histogram_columns) {
        columns.push_back({column.title});
    }
    Table table(std::move(columns));
    add_calls(table, calls);
    return table.text();
}

} // namespace

std::string frame_text(const StatusReport &status, const Rates &rates) {
    std::vector<TenantRates> tenants = rates.tenants;
    std::stable_sort(tenants.begin(), tenants.end(),
                     [](const TenantRates &a, const TenantRates &b) { return activity(a) > activity(b); });
    std::string more;
    if (tenants.size() > tenants_shown_max) {
        more = fmt::format("and {}, less busy; --tenant NAME shows one\n",
                           counted(tenants.size() - tenants_shown_max, "tenant"));
        tenants.resize(tenants_shown_max);
    }
    std::string text = headline(status, rates) + work_text(tenants) + more + "\n" + memory_text(tenants) + "\n" +
                       disk_text(tenants) + calls_text("CALL", rates.calls);
    if (!rates.stages.empty()) {
        text += "\n" + calls_text("STAGE", rates.stages);
    }
    return text;
}

} // namespace uakv::ctl
