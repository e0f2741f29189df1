// What the operator chose: flags, else UAKV_* in the environment, else the configuration file, else defaults.
#pragma once

#include "daemon/base/log.h"
#include "ipc/limits.h"
#include "ipc/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace uakv {

// Users and groups by number: names are looked up when the settings are read.
struct Members {
    std::vector<uid_t> users;
    std::vector<gid_t> groups;
};

// Who shares a cache, and how much of the machine they may use. Quotas are hard; 0 means no limit where it says so.
struct TenantSettings {
    std::string name;
    Members members; // may store and retrieve
    Members readers; // may only retrieve
    std::uint64_t memory_bytes = 0;
    std::uint64_t pinned_bytes_max = 0; // of memory_bytes
    std::uint64_t leased_bytes_max = 0; // that one client may hold views on; 0: no limit
    std::uint64_t lease_ms_max = 0;     // how long a view counts while memory is short; 0: until it is released
    std::uint32_t clients_max = limits::clients_max;
    std::uint32_t descriptors_max = 0;       // of the daemon, for this tenant's clients; 0: no limit
    std::uint64_t operations_per_second = 0; // requests that reach the daemon, not hits; 0: no limit
    std::uint64_t disk_bytes = 0;            // of DiskSettings::bytes; with a disk at least limits::disk_bytes_min
    std::string gpu_memory;                  // of GpuSettings::memory; empty: an equal share of what others leave
    std::string disk_path;                   // a directory of its own below DiskSettings::path, with a disk
};

// What blocks that leave memory may take of the disk. Of all tenants together: each has a directory of its own below
// `path`, and its part of the bytes and of the limits of writing.
struct DiskSettings {
    std::string path;                         // empty: there is no disk tier
    std::uint64_t bytes = 0;                  // that all files together may take
    std::uint64_t free_floor_bytes = 0;       // that the file system keeps
    std::uint64_t file_bytes = 256ULL << 20;  // of one file of the log
    std::uint64_t write_bytes_per_second = 0; // 0: no limit
    std::uint64_t write_bytes_per_day = 0;    // 0: no limit
    std::uint64_t checkpoint_ms = 60'000;
    bool compress = true;           // where it saves a tenth or more
    bool only_reused = false;       // blocks that were never hit are kept off the disk
    std::uint64_t warm_blocks = 0;  // so many of the most used blocks are brought into memory at start
    std::uint64_t stop_ms = 30'000; // how long a stop may take to write what is only in memory; 0: it writes nothing
};

// What blocks may take of the memory of GPUs. All tenants together: each has a part of its own of each device.
struct GpuSettings {
    std::string memory = "0"; // of each device: a size, or a percentage of what it has; "0": there is no GPU tier
    std::vector<std::string> devices; // ordinals or UUIDs; empty: all
    bool required = false;            // a daemon that can use none of them, or not one that is named, does not start
    std::uint64_t segment_bytes = 0;  // 0: as fits the memory
    std::string driver;               // the library; empty: the usual one
};

struct Settings {
    std::string socket_path;
    std::uint64_t memory_bytes = 0; // of all tenants together
    LogLevel log_level = LogLevel::info;
    bool profiling = false;                  // measure the stages of the daemon's own work
    std::uint32_t single_flight_ms = 10'000; // how long a process may compute a block before another may try
    bool evict = true;                       // enable_gc: false keeps blocks until they are removed or expire
    double gc_threshold = 63.0 / 64;         // part of a size class in use from which on blocks are evicted
    DiskSettings disk;
    GpuSettings gpu;
    std::uint32_t workers = 1;           // threads that encode, decode and check
    std::optional<gid_t> admin_group;    // beside root and the daemon's own user
    std::vector<TenantSettings> tenants; // at least one; the first that admits a user is its default
};

// What is good and may still not be meant, a sentence each: said at the start.
std::vector<std::string> settings_notes(const Settings &settings);

// What has changed and counts only when the daemon is started again, a few words each; without what is said of tenants.
std::vector<std::string> needs_restart(const Settings &from, const Settings &to);

// What main should do: serve with the settings, or print a text and end.
struct CommandLine {
    Settings settings;
    std::optional<std::string> print; // --help, --version, --print-config, --check-config
    // --fd-keeper: the arguments of the uakvd that is to be kept.
    std::optional<std::vector<std::string>> keep;
    // For SIGHUP: the settings once more, from the same sources read afresh.
    std::function<Result<Settings>()> reread;
};

// UAKV_ERR_INVALID has a line for each thing that is wrong: it names the flag, the variable, or file, line and key,
// what it was, what was expected and what to do.
Result<CommandLine> read_settings(int argc, char **argv);

} // namespace uakv
