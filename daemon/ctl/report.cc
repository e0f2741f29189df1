#include "daemon/ctl/report.h"

#include "ipc/assertion.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace uakv::ctl {
namespace {

using Json = nlohmann::ordered_json;

// Far more than any report has. What lies deeper is left out: to write it again would take stack for each level.
constexpr int depth_max = 32;

Json parse_json(std::string_view document) {
    return Json::parse(document, [](int depth, Json::parse_event_t, const Json &) { return depth <= depth_max; });
}

// Reads a document; `read` may throw where a member is missing or of another kind.
template <typename T> Result<T> parse(const char *report, std::string_view document, T (*read)(const Json &)) {
    try {
        return read(parse_json(document));
    } catch (const Json::exception &failure) {
        return error(UAKV_ERR_VERSION,
                     "the daemon's %s report is not as expected (%s); are uakvd and uakvctl of one version?", report,
                     failure.what());
    }
}

// The library would turn a fraction or a negative number into one that can be anything.
std::uint64_t number_of(const Json &json) {
    return json.get_ref<const Json::number_unsigned_t &>();
}

std::uint64_t number_at(const Json &json, const char *name) {
    return number_of(json.at(name));
}

template <typename T> std::optional<T> optional_at(const Json &json, const char *name) {
    const auto found = json.find(name);
    return found == json.end() || found->is_null() ? std::nullopt : std::optional<T>(found->get<T>());
}

template <> std::optional<std::uint64_t> optional_at(const Json &json, const char *name) {
    const auto found = json.find(name);
    return found == json.end() || found->is_null() ? std::nullopt : std::optional(number_of(*found));
}

std::string text_at(const Json &json, const char *name) {
    return json.at(name).get<std::string>();
}

std::vector<StatusReport::Tenant::Device> read_devices(const Json &tenant) {
    std::vector<StatusReport::Tenant::Device> devices;
    if (const auto found = tenant.find("devices"); found != tenant.end()) {
        for (const Json &each : *found) {
            devices.push_back({text_at(each, "uuid"), text_at(each, "name"), number_at(each, "ordinal"),
                               number_at(each, "clients"), number_at(each, "bytes_capacity"),
                               number_at(each, "bytes_memory"), number_at(each, "bytes_blocks"),
                               number_at(each, "blocks"), number_at(each, "hits"), number_at(each, "misses")});
        }
    }
    return devices;
}

StatusReport read_status(const Json &json) {
    StatusReport report;
    report.version = text_at(json, "version");
    report.pid = number_at(json, "pid");
    report.uptime_ms = number_at(json, "uptime_ms");
    report.socket = text_at(json, "socket");
    report.loop = text_at(json, "loop");
    report.healthy = json.at("healthy").get<bool>();
    report.problems = json.at("problems").get<std::vector<std::string>>();
    for (const Json &each : json.at("tenants")) {
        report.tenants.push_back({text_at(each, "name"), number_at(each, "clients"), number_at(each, "bytes_capacity"),
                                  number_at(each, "bytes_memory"), number_at(each, "bytes_blocks"),
                                  number_at(each, "blocks"), number_at(each, "hits"), number_at(each, "misses"),
                                  optional_at<std::uint64_t>(each, "bytes_disk").value_or(0),
                                  optional_at<std::uint64_t>(each, "bytes_disk_max").value_or(0),
                                  optional_at<std::uint64_t>(each, "orphans").value_or(0), read_devices(each)});
    }
    if (const auto gpu = json.find("gpu"); gpu != json.end()) {
        report.no_gpu = optional_at<std::string>(*gpu, "why").value_or("");
    }
    return report;
}

Latency read_latency(const std::string &name, const Json &json) {
    Latency latency;
    latency.name = name;
    latency.count = number_at(json, "count");
    latency.p50_ns = number_at(json, "p50_ns");
    latency.p90_ns = number_at(json, "p90_ns");
    latency.p99_ns = number_at(json, "p99_ns");
    latency.p999_ns = number_at(json, "p999_ns");
    latency.max_ns = number_at(json, "max_ns");
    for (const Json &bucket : json.at("buckets")) {
        latency.histogram.counts[histogram_bucket(number_of(bucket.at(0)))] += number_of(bucket.at(1));
    }
    return latency;
}

std::vector<Latency> read_latencies(const Json &json) {
    std::vector<Latency> latencies;
    for (const auto &[name, each] : json.items()) {
        latencies.push_back(read_latency(name, each));
    }
    return latencies;
}

// A counter that this daemon does not have yet stays 0.
uakv_statistics read_counters(const Json &json) {
    uakv_statistics values{};
    values.struct_size = sizeof values;
    values.clients = static_cast<std::uint32_t>(number_at(json, "clients"));
    for (const Counter &counter : counters()) {
        values.*counter.value = optional_at<std::uint64_t>(json, counter.name).value_or(0);
    }
    return values;
}

StatsReport read_stats(const Json &json) {
    StatsReport report;
    report.uptime_ms = number_at(json, "uptime_ms");
    report.profiling = json.at("profiling").get<bool>();
    report.retrieve_sampled_one_in = number_at(json, "retrieve_sampled_one_in");
    for (const Json &each : json.at("tenants")) {
        report.tenants.push_back({text_at(each, "name"), read_counters(each), read_latencies(each.at("latencies"))});
    }
    if (const auto stages = json.find("stages"); stages != json.end() && !stages->is_null()) {
        report.stages = read_latencies(*stages);
    }
    return report;
}

SpacesReport read_spaces(const Json &json) {
    SpacesReport report;
    report.tenant = text_at(json, "tenant");
    for (const Json &each : json.at("spaces")) {
        SpacesReport::Space space;
        space.name = text_at(each, "name");
        space.dtype = text_at(each, "dtype");
        const Json &shape = each.at("shape");
        std::transform(shape.begin(), shape.end(), std::back_inserter(space.shape), number_of);
        space.axes = each.at("axes").get<std::vector<std::string>>();
        space.block_bytes = number_at(each, "block_bytes");
        space.unbounded = optional_at<bool>(each, "block_bytes_unbounded").value_or(false);
        space.ttl_ms = number_at(each, "ttl_ms");
        space.fingerprint = text_at(each, "fingerprint");
        space.durable = optional_at<bool>(each, "durable").value_or(false);
        space.blocks = number_at(each, "blocks");
        space.bytes = number_at(each, "bytes");
        report.spaces.push_back(std::move(space));
    }
    return report;
}

BlocksReport read_blocks(const Json &json) {
    BlocksReport report;
    for (const Json &each : json.at("blocks")) {
        report.blocks.push_back({text_at(each, "key"), number_at(each, "bytes"), text_at(each, "tier"),
                                 optional_at<std::uint64_t>(each, "expires_in_ms"), each.at("pinned").get<bool>(),
                                 number_at(each, "leases"), optional_at<std::string>(each, "parent"),
                                 optional_at<bool>(each, "on_disk").value_or(false)});
    }
    report.next = optional_at<std::uint64_t>(json, "next");
    return report;
}

WhyReport read_why(const Json &json) {
    WhyReport report;
    report.tenant = text_at(json, "tenant");
    report.space = text_at(json, "space");
    report.key = text_at(json, "key");
    report.resident = text_at(json, "state") == "resident";
    report.reason = text_at(json, "reason");
    report.since_ms = optional_at<std::uint64_t>(json, "since_ms");
    report.bytes = optional_at<std::uint64_t>(json, "bytes");
    report.tier = optional_at<std::string>(json, "tier");
    report.expires_in_ms = optional_at<std::uint64_t>(json, "expires_in_ms");
    report.pinned = optional_at<bool>(json, "pinned").value_or(false);
    report.leases = optional_at<std::uint64_t>(json, "leases").value_or(0);
    report.segment = optional_at<std::uint64_t>(json, "segment");
    report.on_disk = optional_at<bool>(json, "on_disk").value_or(false);
    report.other_spaces = json.at("other_spaces").get<std::vector<std::string>>();
    report.history_from_ms = optional_at<std::uint64_t>(json, "history_from_ms");
    return report;
}

DiskReport::Disk read_disk(const Json &json) {
    DiskReport::Disk disk;
    disk.path = text_at(json, "path");
    for (const auto &[name, value] : json.items()) {
        if (value.is_number_unsigned()) {
            disk.numbers.emplace_back(name, number_of(value));
        }
    }
    disk.breaker_open = json.at("breaker_open").get<bool>();
    disk.day_used_up = optional_at<bool>(json, "day_used_up").value_or(false);
    disk.no_room = optional_at<std::string>(json, "no_room");
    disk.checkpoint_age_ms = optional_at<std::uint64_t>(json, "checkpoint_age_ms");
    return disk;
}

DiskReport read_disks(const Json &json) {
    DiskReport report;
    for (const Json &each : json.at("tenants")) {
        const Json &disk = each.at("disk");
        report.tenants.push_back(
            {text_at(each, "name"), disk.is_null() ? std::nullopt : std::optional(read_disk(disk))});
    }
    return report;
}

VerifyReport read_verify(const Json &json) {
    return {json.at("running").get<bool>(), number_at(json, "checked"), number_at(json, "of"), number_at(json, "bytes"),
            number_at(json, "dropped")};
}

WarmReport read_warm(const Json &json) {
    return {number_at(json, "warm_left")};
}

std::string dump(const Json &json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace

const std::vector<Counter> &counters() {
    using Unit = Counter::Unit;
    static const std::vector<Counter> all = {
        {"hits", &uakv_statistics::hits, Unit::count},
        {"misses", &uakv_statistics::misses, Unit::count},
        {"misses_expired", &uakv_statistics::misses_expired, Unit::count},
        {"bytes_hit", &uakv_statistics::bytes_hit, Unit::bytes},
        {"stores", &uakv_statistics::stores, Unit::count},
        {"bytes_stored", &uakv_statistics::bytes_stored, Unit::bytes},
        {"exists", &uakv_statistics::exists, Unit::count},
        {"evictions", &uakv_statistics::evictions, Unit::count},
        {"evictions_rebalance", &uakv_statistics::evictions_rebalance, Unit::count},
        {"bytes_evicted", &uakv_statistics::bytes_evicted, Unit::bytes},
        {"removals", &uakv_statistics::removals, Unit::count},
        {"expirations", &uakv_statistics::expirations, Unit::count},
        {"corruptions", &uakv_statistics::corruptions, Unit::count},
        {"no_space", &uakv_statistics::no_space, Unit::count},
        {"refused_busy", &uakv_statistics::refused_busy, Unit::count},
        {"sessions_revoked", &uakv_statistics::sessions_revoked, Unit::count},
        {"flight_waits", &uakv_statistics::flight_waits, Unit::count},
        {"blocks", &uakv_statistics::blocks, Unit::count},
        {"bytes_blocks", &uakv_statistics::bytes_blocks, Unit::bytes},
        {"blocks_pinned", &uakv_statistics::blocks_pinned, Unit::count},
        {"bytes_pinned", &uakv_statistics::bytes_pinned, Unit::bytes},
        {"bytes_memory", &uakv_statistics::bytes_memory, Unit::bytes},
        {"bytes_capacity", &uakv_statistics::bytes_capacity, Unit::bytes},
        {"bytes_index", &uakv_statistics::bytes_index, Unit::bytes},
        {"leases", &uakv_statistics::leases, Unit::count},
        {"bytes_leased", &uakv_statistics::bytes_leased, Unit::bytes},
        {"slots_granted", &uakv_statistics::slots_granted, Unit::count},
        {"slots_limbo", &uakv_statistics::slots_limbo, Unit::count},
        {"flights", &uakv_statistics::flights, Unit::count},
        {"spaces", &uakv_statistics::spaces, Unit::count},
        {"loads", &uakv_statistics::loads, Unit::count},
        {"bytes_loaded", &uakv_statistics::bytes_loaded, Unit::bytes},
        {"load_joins", &uakv_statistics::load_joins, Unit::count},
        {"loads_late", &uakv_statistics::loads_late, Unit::count},
        {"evictions_unsaved", &uakv_statistics::evictions_unsaved, Unit::count},
        {"blocks_cold", &uakv_statistics::blocks_cold, Unit::count},
        {"bytes_cold", &uakv_statistics::bytes_cold, Unit::bytes},
        {"blocks_disk", &uakv_statistics::blocks_disk, Unit::count},
        {"bytes_disk", &uakv_statistics::bytes_disk, Unit::bytes},
        {"bytes_disk_max", &uakv_statistics::bytes_disk_max, Unit::bytes},
        {"bytes_disk_written", &uakv_statistics::bytes_disk_written, Unit::bytes},
        {"disk_errors", &uakv_statistics::disk_errors, Unit::count},
        {"uptime_ms", &uakv_statistics::uptime_ms, Unit::ms},
    };
    return all;
}

Result<StatusReport> parse_status(std::string_view document) {
    return parse("status", document, read_status);
}

Result<StatsReport> parse_stats(std::string_view document) {
    return parse("stats", document, read_stats);
}

Result<SpacesReport> parse_spaces(std::string_view document) {
    return parse("spaces", document, read_spaces);
}

Result<BlocksReport> parse_blocks(std::string_view document) {
    return parse("blocks", document, read_blocks);
}

Result<WhyReport> parse_why(std::string_view document) {
    return parse("why", document, read_why);
}

Result<DiskReport> parse_disk(std::string_view document) {
    return parse("disk", document, read_disks);
}

Result<VerifyReport> parse_verify(std::string_view document) {
    return parse("verify", document, read_verify);
}

Result<WarmReport> parse_warm(std::string_view document) {
    return parse("warm", document, read_warm);
}

std::uint64_t DiskReport::Disk::at(std::string_view name) const {
    const auto found =
        std::find_if(numbers.begin(), numbers.end(), [name](const auto &each) { return each.first == name; });
    return found == numbers.end() ? 0 : found->second;
}

Result<std::string> join_pages(const std::vector<std::string> &pages) {
    UAKV_ASSERT(!pages.empty());
    try {
        Json joined = parse_json(pages[0]);
        for (std::size_t i = 1; i < pages.size(); ++i) {
            Json page = parse_json(pages[i]);
            for (Json &block : page.at("blocks")) {
                joined.at("blocks").push_back(std::move(block));
            }
            joined["next"] = page.at("next");
        }
        return dump(joined) + "\n";
    } catch (const Json::exception &failure) {
        return error(UAKV_ERR_VERSION, "the daemon's blocks report is not as expected (%s)", failure.what());
    }
}

std::string json_object(const std::vector<std::pair<std::string, JsonValue>> &members) {
    Json json = Json::object();
    for (const auto &[name, value] : members) {
        std::visit([&json, &name = name](const auto &each) { json[name] = each; }, value);
    }
    return dump(json) + "\n";
}

std::string json_line(std::string_view document) {
    std::string line(document);
    std::replace(line.begin(), line.end(), '\n', ' '); // never within a string: there it is written as \n
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

} // namespace uakv::ctl
