#include "daemon/control/reports.h"

#include "daemon/base/units.h"
#include "daemon/control/report_json.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::uint32_t blocks_default = 1000;
constexpr std::uint32_t blocks_max = 10'000; // some megabytes of text, and a few milliseconds

std::vector<std::string> problems_of(const Tenant &tenant, const uakv_statistics &values) {
    std::vector<std::string> problems;
    if (tenant.host().store().short_of_memory()) {
        problems.push_back(fmt::format("tenant \"{}\" has {} of its {}: the machine has no more memory; free some, or "
                                       "give the tenant less",
                                       tenant.name(), format_size(values.bytes_memory),
                                       format_size(values.bytes_capacity)));
    }
    if (tenant.host().refused_slots_lately()) {
        problems.push_back(fmt::format(
            "tenant \"{}\" refused slots in the last 10 s: all of its memory is in use by {}", tenant.name(),
            tenant.host().store().evicts() ? "views, slots and pinned blocks; give it more"
                                           : "blocks, and enable_gc: false keeps them; clear "
                                             "spaces, or give it more"));
    }
    for (std::string &problem : disk_problems(tenant)) {
        problems.push_back(std::move(problem));
    }
    return problems;
}

Result<std::string> text_or_error(Result<Json> report) {
    return report.ok() ? Result<std::string>(text_of(report.value())) : report.take_error();
}

} // namespace

std::string text_of(const Json &document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Reports::Reports(const Tenants &tenants, const Stages &stages, std::string socket_path, std::string loop)
    : tenants_(tenants), stages_(stages), socket_path_(std::move(socket_path)), loop_(std::move(loop)),
      started_ns_(now_ns()) {}

Result<std::string> Reports::make(const PeerIdentity &asker, const ReportGetMessage &wanted) const {
    const auto name = get_text(wanted.tenant);
    const auto space = get_text(wanted.space);
    if (!name || !space) {
        return error(UAKV_ERR_INVALID, "the name of the tenant or of the space has no end");
    }
    auto tenant = tenants_.choose(asker, *name);
    if (!tenant.ok()) {
        return tenant.take_error();
    }
    const std::vector<Tenant *> visible =
        name->empty() ? tenants_.visible_to(asker) : std::vector<Tenant *>{tenant.value()};
    switch (wanted.kind) {
    case ReportKind::status:
        return status(visible);
    case ReportKind::stats:
        return stats(asker, visible);
    case ReportKind::spaces:
        return text_of(spaces_report(*tenant.value()));
    case ReportKind::blocks: {
        const std::uint32_t limit = wanted.limit == 0 ? blocks_default : std::min(wanted.limit, blocks_max);
        const auto cursor = static_cast<EntryId>(std::min<std::uint64_t>(wanted.cursor, limits::entries_max));
        return text_or_error(blocks_report(*tenant.value(), std::string(*space), cursor, limit));
    }
    case ReportKind::why:
        return text_of(why_report(*tenant.value(), std::string(*space), wanted.key));
    case ReportKind::disk:
        return disks(visible);
    case ReportKind::verify:
    case ReportKind::warm:
        return ask_of_disk(asker, *tenant.value(), wanted, std::string(*space));
    }
    return error(UAKV_ERR_VERSION, "this daemon has no report %u; update it", static_cast<unsigned>(wanted.kind));
}

std::string Reports::status(const std::vector<Tenant *> &visible) const {
    Json problems = Json::array();
    Json tenants = Json::array();
    for (const Tenant *tenant : visible) {
        const uakv_statistics values = tenant->host().statistics();
        for (std::string &problem : problems_of(*tenant, values)) {
            problems.push_back(std::move(problem));
        }
        Json devices = Json::array();
        for (const auto &arena : tenant->arenas()) {
            devices.push_back(arena_report(*arena));
            for (std::string &problem : arena_problems(*arena)) {
                problems.push_back(std::move(problem));
            }
        }
        tenants.push_back({{"name", tenant->name()},
                           {"clients", values.clients},
                           {"orphans", tenant->host().orphans()},
                           {"bytes_capacity", values.bytes_capacity},
                           {"bytes_memory", values.bytes_memory},
                           {"bytes_blocks", values.bytes_blocks},
                           {"blocks", values.blocks},
                           {"hits", values.hits},
                           {"misses", values.misses},
                           {"bytes_disk", values.bytes_disk},
                           {"bytes_disk_max", values.bytes_disk_max},
                           {"devices", std::move(devices)}});
    }
    return text_of({{"version", UAKV_VERSION},
                    {"pid", ::getpid()},
                    {"uptime_ms", (now_ns() - started_ns_) / ns_per_ms},
                    {"socket", socket_path_},
                    {"loop", loop_},
                    {"healthy", problems.empty()},
                    {"problems", problems},
                    {"gpu", gpu_report(tenants_.gpu())},
                    {"tenants", std::move(tenants)}});
}

std::string Reports::disks(const std::vector<Tenant *> &visible) const {
    Json tenants = Json::array();
    for (const Tenant *tenant : visible) {
        tenants.push_back(disk_report(*tenant));
    }
    return text_of({{"tenants", std::move(tenants)}});
}

// These do something, and so are not for readers.
Result<std::string> Reports::ask_of_disk(const PeerIdentity &asker, Tenant &tenant, const ReportGetMessage &wanted,
                                         const std::string &space) const {
    const bool only_look = wanted.kind == ReportKind::verify && wanted.cursor != 0;
    if (!only_look && !tenants_.may_store(asker, tenant)) {
        return error(UAKV_ERR_DENIED, "only who may store in tenant \"%s\" may ask that of its disk",
                     tenant.name().c_str());
    }
    return text_or_error(wanted.kind == ReportKind::verify ? verify_report(tenant, only_look)
                                                           : warm_report(tenant, space, wanted.limit));
}

// The daemon's own stages serve all tenants together, so only admins see them.
std::string Reports::stats(const PeerIdentity &asker, const std::vector<Tenant *> &visible) const {
    Json tenants = Json::array();
    for (const Tenant *tenant : visible) {
        tenants.push_back(statistics_report(*tenant));
    }
    Json report = {{"uptime_ms", (now_ns() - started_ns_) / ns_per_ms},
                   {"profiling", stages_.on()},
                   {"tenants", std::move(tenants)},
                   {"retrieve_sampled_one_in", retrieves_per_sample}};
    if (stages_.on() && tenants_.is_admin(asker)) {
        Json &stages = report["stages"];
        for (std::size_t stage = 0; stage < stage_names.size(); ++stage) {
            stages[stage_names[stage]] = histogram_report(stages_.histogram(stage));
        }
    }
    return text_of(report);
}

} // namespace uakv
