// ping, status, ls: what there is.
#include "daemon/base/units.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/report_client.h"
#include "daemon/ctl/table.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <utility>
#include <vector>

namespace uakv::ctl {
namespace {

using Align = Table::Align;

constexpr std::uint32_t page_blocks = 1000;

std::string devices_text(const StatusReport &report) {
    if (!report.no_gpu.empty()) {
        return fmt::format("no GPU tier: {}\n", printable(report.no_gpu));
    }
    Table table({{"GPU", Align::left},
                 {"TENANT", Align::left},
                 {"CLIENTS"},
                 {"BLOCKS"},
                 {"BYTES"},
                 {"MEMORY"},
                 {"OF"},
                 {"HIT RATE"},
                 {"UUID", Align::left}});
    bool any = false;
    for (const StatusReport::Tenant &tenant : report.tenants) {
        for (const StatusReport::Tenant::Device &device : tenant.devices) {
            const double hits = static_cast<double>(device.hits);
            table.add({fmt::format("{} {}", device.ordinal, printable(device.name)), printable(tenant.name),
                       format_count(device.clients), format_count(device.blocks), format_size(device.bytes_blocks),
                       format_size(device.bytes_memory), format_size(device.bytes_capacity),
                       format_part(hits, hits + static_cast<double>(device.misses)), printable(device.uuid)});
            any = true;
        }
    }
    return any ? "\n" + table.text() : "";
}

std::string status_text(const StatusReport &report) {
    std::string text = report.healthy ? "healthy\n" : "not healthy\n";
    for (const std::string &problem : report.problems) {
        text += fmt::format("  {}\n", printable(problem));
    }
    text += fmt::format("uakvd {}, pid {}, at {} ({}), up {}\n\n", printable(report.version), report.pid,
                        printable(report.socket), printable(report.loop), format_duration(report.uptime_ms));
    const bool disks = std::any_of(report.tenants.begin(), report.tenants.end(),
                                   [](const StatusReport::Tenant &tenant) { return tenant.bytes_disk_max != 0; });
    std::vector<Table::Column> columns = {
        {"TENANT", Align::left}, {"CLIENTS"}, {"BLOCKS"}, {"BYTES"}, {"MEMORY"}, {"OF"}, {"HIT RATE"}};
    if (disks) {
        columns.insert(columns.end() - 1, {{"DISK"}, {"OF"}});
    }
    Table table(std::move(columns));
    for (const StatusReport::Tenant &tenant : report.tenants) {
        const double hits = static_cast<double>(tenant.hits);
        std::vector<std::string> cells = {printable(tenant.name),
                                          format_count(tenant.clients),
                                          format_count(tenant.blocks),
                                          format_size(tenant.bytes_blocks),
                                          format_size(tenant.bytes_memory),
                                          format_size(tenant.bytes_capacity),
                                          format_part(hits, hits + static_cast<double>(tenant.misses))};
        if (disks) {
            cells.insert(cells.end() - 1, {format_size(tenant.bytes_disk), format_size(tenant.bytes_disk_max)});
        }
        table.add(std::move(cells));
    }
    text += table.text() + devices_text(report);
    for (const StatusReport::Tenant &tenant : report.tenants) {
        if (tenant.orphans != 0) {
            text += fmt::format("tenant {}: sessions of daemons before that clients still use: {}\n",
                                printable(tenant.name), format_count(tenant.orphans));
        }
    }
    return text;
}

std::string layout_text(const SpacesReport::Space &space) {
    if (space.shape.empty()) {
        return space.dtype == "opaque" ? "opaque" : printable(space.dtype);
    }
    return printable(fmt::format("{} {} ({})", space.dtype, fmt::join(space.shape, "x"), fmt::join(space.axes, " ")));
}

std::string spaces_text(const SpacesReport &report) {
    if (report.spaces.empty()) {
        return fmt::format("tenant {} has no spaces yet\n", printable(report.tenant));
    }
    Table table({{"SPACE", Align::left}, {"BLOCKS"}, {"BYTES"}, {"LARGEST"}, {"LIFETIME"}, {"LAYOUT", Align::left}});
    for (const SpacesReport::Space &space : report.spaces) {
        table.add({printable(space.name), format_count(space.blocks), format_size(space.bytes),
                   format_size(space.block_bytes), space.ttl_ms == 0 ? "-" : format_duration(space.ttl_ms),
                   layout_text(space)});
    }
    return table.text();
}

Result<Exit> list_spaces(const Options &options) {
    auto answer = ReportClient::ask_once(options, ReportKind::spaces, parse_spaces);
    if (!answer.ok()) {
        return answer.take_error();
    }
    print(options.json ? json_line(answer.value().document) : spaces_text(answer.value().report));
    return Exit::done;
}

// All pages of a space, or as many as hold the blocks that were asked for.
Result<std::vector<Answer<BlocksReport>>> get_blocks(const Options &options) {
    auto client = ReportClient::connect(options);
    if (!client.ok()) {
        return client.take_error();
    }
    ReportGetMessage message;
    message.kind = ReportKind::blocks;
    set_text(message.space, options.space);
    std::vector<Answer<BlocksReport>> pages;
    for (std::uint64_t left = options.limit == 0 ? UINT64_MAX : options.limit;;) {
        message.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(page_blocks, left));
        auto answer = client.value().ask(message, parse_blocks);
        if (!answer.ok()) {
            Error error = answer.take_error();
            // The one thing about this request that the daemon can find wrong is that there is no such space.
            error.status = error.status == UAKV_ERR_INVALID ? UAKV_MISS : error.status;
            return error;
        }
        pages.push_back(std::move(answer.value()));
        const BlocksReport &page = pages.back().report;
        left -= std::min<std::uint64_t>(page.blocks.size(), left);
        if (!page.next || *page.next <= message.cursor || left == 0) {
            return pages;
        }
        message.cursor = *page.next;
    }
}

std::string blocks_text(const Options &options, const std::vector<Answer<BlocksReport>> &pages) {
    Table table({{"KEY", Align::left}, {"BYTES"}, {"TIER"}, {"VIEWS"}, {"PINNED"}, {"EXPIRES IN"}});
    bool any = false;
    for (const Answer<BlocksReport> &page : pages) {
        for (const BlocksReport::Block &block : page.report.blocks) {
            any = true;
            table.add({printable(block.key), format_size(block.bytes), printable(block.tier),
                       format_count(block.leases), block.pinned ? "yes" : "-",
                       format_optional_duration(block.expires_in_ms)});
        }
    }
    return any ? table.text() : fmt::format("space {} has no blocks\n", options.space);
}

Result<Exit> list_blocks(const Options &options) {
    auto pages = get_blocks(options);
    if (!pages.ok()) {
        return pages.take_error();
    }
    if (!options.json) {
        print(blocks_text(options, pages.value()));
        return Exit::done;
    }
    std::vector<std::string> documents;
    documents.reserve(pages.value().size());
    for (Answer<BlocksReport> &page : pages.value()) {
        documents.push_back(std::move(page.document));
    }
    auto joined = join_pages(documents);
    if (!joined.ok()) {
        return joined.take_error();
    }
    print(joined.value());
    return Exit::done;
}

} // namespace

// As a reader: every user of the daemon may be that.
Result<Exit> ping(const Options &options) {
    const std::uint64_t begin = now_ns();
    auto client = connect_client(options, UAKV_READ_ONLY);
    if (!client.ok()) {
        return client.take_error();
    }
    const std::uint64_t connected = now_ns();
    uakv_statistics statistics{};
    statistics.struct_size = sizeof statistics;
    if (const uakv_status status = uakv_stats(client.value().get(), &statistics); status < 0) {
        return last_error(status);
    }
    const std::uint64_t answered = now_ns();
    print(options.json
              ? json_object({{"socket", options.socket_path},
                             {"connect_ns", connected - begin},
                             {"request_ns", answered - connected}})
              : fmt::format("the daemon at {} answers: connected in {}, a request took {}\n", options.socket_path,
                            format_latency(connected - begin), format_latency(answered - connected)));
    return Exit::done;
}

Result<Exit> show_status(const Options &options) {
    auto answer = ReportClient::ask_once(options, ReportKind::status, parse_status);
    if (!answer.ok()) {
        return answer.take_error();
    }
    print(options.json ? json_line(answer.value().document) : status_text(answer.value().report));
    return answer.value().report.healthy ? Exit::done : Exit::negative;
}

Result<Exit> list(const Options &options) {
    return options.space.empty() ? list_spaces(options) : list_blocks(options);
}

} // namespace uakv::ctl
