// The daemon's reports as structs, and JSON in general: the only place of uakvctl that knows the JSON library, and
// where its exceptions end. What a report has beyond this is ignored, so that a newer daemon can say more.
#pragma once

#include "ipc/histogram.h"
#include "ipc/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace uakv::ctl {

struct StatusReport {
    struct Tenant {
        std::string name;
        std::uint64_t clients = 0;
        std::uint64_t bytes_capacity = 0;
        std::uint64_t bytes_memory = 0;
        std::uint64_t bytes_blocks = 0;
        std::uint64_t blocks = 0;
        std::uint64_t hits = 0;
        std::uint64_t misses = 0;
        std::uint64_t bytes_disk = 0;
        std::uint64_t bytes_disk_max = 0; // 0: it has none
        std::uint64_t orphans = 0;        // sessions of daemons before that are in use still
        struct Device {                   // its part of a GPU
            std::string uuid;
            std::string name;
            std::uint64_t ordinal = 0;
            std::uint64_t clients = 0;
            std::uint64_t bytes_capacity = 0;
            std::uint64_t bytes_memory = 0;
            std::uint64_t bytes_blocks = 0;
            std::uint64_t blocks = 0;
            std::uint64_t hits = 0;
            std::uint64_t misses = 0;
        };
        std::vector<Device> devices;
    };
    std::string version;
    std::uint64_t pid = 0;
    std::uint64_t uptime_ms = 0;
    std::string socket;
    std::string loop; // "io_uring" or "epoll"
    bool healthy = false;
    std::vector<std::string> problems;
    std::vector<Tenant> tenants;
    std::string no_gpu; // why there is no GPU tier; empty: there is one, or the daemon knows of none
};

struct Latency {
    std::string name; // of the call or the stage
    std::uint64_t count = 0;
    std::uint64_t p50_ns = 0;
    std::uint64_t p90_ns = 0;
    std::uint64_t p99_ns = 0;
    std::uint64_t p999_ns = 0;
    std::uint64_t max_ns = 0;
    Histogram histogram{};
};

struct StatsReport {
    struct Tenant {
        std::string name;
        uakv_statistics counters{};
        std::vector<Latency> latencies;
    };
    std::uint64_t uptime_ms = 0;
    bool profiling = false;
    std::uint64_t retrieve_sampled_one_in = 1;
    std::vector<Tenant> tenants;
    std::vector<Latency> stages; // of the daemon's own work; only while it profiles
};

struct SpacesReport {
    struct Space {
        std::string name;
        std::string dtype;
        std::vector<std::uint64_t> shape; // empty: opaque
        std::vector<std::string> axes;
        std::uint64_t block_bytes = 0;
        bool unbounded = false; // block_bytes is what this daemon allows, and another one something else
        std::uint64_t ttl_ms = 0;
        std::string fingerprint;
        bool durable = false;
        std::uint64_t blocks = 0;
        std::uint64_t bytes = 0;
    };
    std::string tenant;
    std::vector<Space> spaces;
};

struct BlocksReport {
    struct Block {
        std::string key;
        std::uint64_t bytes = 0;
        std::string tier;
        std::optional<std::uint64_t> expires_in_ms;
        bool pinned = false;
        std::uint64_t leases = 0;
        std::optional<std::string> parent;
        bool on_disk = false;
    };
    std::vector<Block> blocks;
    std::optional<std::uint64_t> next; // cursor of the next page
};

struct WhyReport {
    std::string tenant;
    std::string space;
    std::string key;
    bool resident = false;
    std::string reason;
    std::optional<std::uint64_t> since_ms;
    std::optional<std::uint64_t> bytes;
    std::optional<std::string> tier;
    std::optional<std::uint64_t> expires_in_ms;
    bool pinned = false;
    std::uint64_t leases = 0;
    std::optional<std::uint64_t> segment;
    bool on_disk = false;
    std::vector<std::string> other_spaces; // that hold this key
    std::optional<std::uint64_t> history_from_ms;
};

struct DiskReport {
    struct Disk {
        std::string path;
        std::vector<std::pair<std::string, std::uint64_t>> numbers;
        bool breaker_open = false;
        bool day_used_up = false;
        std::optional<std::string> no_room; // why no file could be made
        std::optional<std::uint64_t> checkpoint_age_ms;

        // 0 for what this daemon does not have.
        std::uint64_t at(std::string_view name) const;
    };
    struct Tenant {
        std::string name;
        std::optional<Disk> disk;
    };
    std::vector<Tenant> tenants;
};

struct VerifyReport {
    bool running = false;
    std::uint64_t checked = 0;
    std::uint64_t of = 0;
    std::uint64_t bytes = 0;
    std::uint64_t dropped = 0;
};

struct WarmReport {
    std::uint64_t warm_left = 0;
};

// UAKV_ERR_VERSION, with what is missing, when the document is no such report.
Result<StatusReport> parse_status(std::string_view document);
Result<StatsReport> parse_stats(std::string_view document);
Result<SpacesReport> parse_spaces(std::string_view document);
Result<BlocksReport> parse_blocks(std::string_view document);
Result<WhyReport> parse_why(std::string_view document);
Result<DiskReport> parse_disk(std::string_view document);
Result<VerifyReport> parse_verify(std::string_view document);
Result<WarmReport> parse_warm(std::string_view document);

// A counter of uakv_statistics by the name that it has there, for tables; in the order of the struct.
struct Counter {
    enum class Unit { count, bytes, ms };
    const char *name;
    std::uint64_t uakv_statistics::*value;
    Unit unit;
};
const std::vector<Counter> &counters();

// The pages of one listing, at least one, as one document.
Result<std::string> join_pages(const std::vector<std::string> &pages);

// One object on one line, with a newline.
using JsonValue = std::variant<std::string, std::uint64_t, bool>;
std::string json_object(const std::vector<std::pair<std::string, JsonValue>> &members);

// A document on one line, with a newline, whatever line breaks it had.
std::string json_line(std::string_view document);

} // namespace uakv::ctl
