#include "daemon/ctl/advice.h"

#include "daemon/base/units.h"
#include "daemon/ctl/table.h"
#include "ipc/limits.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sstream>

namespace uakv::ctl {
namespace {

constexpr std::uint64_t MiB = 1ULL << 20;
constexpr std::uint64_t GiB = 1ULL << 30;

// Where a use is that of a preset, the values are those of the preset, cut to what this machine has.
constexpr std::array<Use, 6> all_uses = {{
    {.name = "development",
     .meaning = "to try things out beside other work",
     .memory_part = 0.05,
     .memory_bytes_max = 4 * GiB,
     .memory_reason = "a twentieth of the machine's, at most 4 GiB; there is other work on it",
     .log_level = "debug",
     .log_reason = "tells of each client that comes and goes",
     .single_flight = "2s",
     .flight_reason = "a process under a debugger stands still for long, and others soon go on without it",
     .gc_threshold = "0.95",
     .gc_reason = "eviction begins early enough to be seen in a short run",
     .profiling = true,
     .profiling_reason = "shows where the daemon spends its time, in uakvctl stats; costs a little on each request"},
    {.name = "production",
     .meaning = "to serve models, with room for everything else",
     .memory_part = 0.4,
     .memory_bytes_max = limits::memory_bytes_max,
     .memory_reason = "two fifths of the machine's: engines load models through host memory, and need some themselves",
     .log_level = "info",
     .log_reason = "start, end, and what goes wrong; a healthy daemon is silent in between",
     .single_flight = "10s",
     .flight_reason = "longer than a prefill takes, and short enough when a process hangs",
     .gc_threshold = "0.97",
     .gc_reason = "a little ahead of need, so that a store seldom waits for room",
     .profiling = false,
     .profiling_reason = "the counters and latencies of uakvctl stats are there without it; SIGHUP turns it on"},
    {.name = "latency",
     .meaning = "so that no call waits",
     .memory_part = 0.4,
     .memory_bytes_max = limits::memory_bytes_max,
     .memory_reason = "two fifths of the machine's: memory that must be reclaimed from others would be felt",
     .log_level = "warn",
     .log_reason = "only what goes wrong",
     .single_flight = "5s",
     .flight_reason = "longer than a prefill takes; bounds what a process that hangs can cost the others",
     .gc_threshold = "0.95",
     .gc_reason = "a twentieth is kept free: a burst of stores finds room without waiting for evictions",
     .profiling = false,
     .profiling_reason = "saves two readings of the clock on each stage"},
    {.name = "throughput",
     .meaning = "for many prompts, where no single one is waited for",
     .memory_part = 0.6,
     .memory_bytes_max = limits::memory_bytes_max,
     .memory_reason = "three fifths of the machine's: long prompts in large batches share long prefixes",
     .log_level = "warn",
     .log_reason = "only what goes wrong",
     .single_flight = "2min",
     .flight_reason = "prompts queue on the GPU, and waiting costs less than computing a block twice",
     .gc_threshold = "0.9",
     .gc_reason = "new blocks come in fast, and room for a tenth is made ahead of them",
     .profiling = false,
     .profiling_reason = "saves two readings of the clock on each stage"},
    {.name = "memory",
     .meaning = "with as little memory as is useful",
     .memory_part = 0.05,
     .memory_bytes_max = 32 * GiB,
     .memory_reason = "a twentieth of the machine's, at most 32 GiB: the few blocks that are used again and again gain "
                      "the most",
     .log_level = "info",
     .log_reason = "start, end, and what goes wrong; a healthy daemon is silent in between",
     .single_flight = "20s",
     .flight_reason = "others wait rather than compute and store the same block beside each other",
     .gc_threshold = "1",
     .gc_reason = "only when there is no room at all; the next store then waits for the eviction",
     .profiling = false,
     .profiling_reason = "the counters and latencies of uakvctl stats are there without it"},
    {.name = "hit_rate",
     .meaning = "to find as many blocks as possible",
     .memory_part = 0.7,
     .memory_bytes_max = limits::memory_bytes_max,
     .memory_reason = "seven tenths of the machine's: each block that stays is a prefill that nobody repeats",
     .log_level = "info",
     .log_reason = "start, end, and what goes wrong; a healthy daemon is silent in between",
     .single_flight = "30s",
     .flight_reason = "whoever waits for a block that is being computed has it in the end",
     .gc_threshold = "0.99",
     .gc_reason = "blocks stay as long as there is room for them",
     .profiling = false,
     .profiling_reason = "the hit rate is in uakvctl stats without it"},
}};

std::uint64_t wanted_memory_bytes(const Use &use, const Facts &facts) {
    const auto part = static_cast<std::uint64_t>(use.memory_part * static_cast<double>(facts.memory_bytes));
    return std::min(part, use.memory_bytes_max);
}

std::string size_text(std::uint64_t bytes) {
    return bytes % GiB == 0 ? fmt::format("{}GiB", bytes / GiB) : fmt::format("{}MiB", bytes / MiB);
}

// Comment lines of at most 80 columns.
std::string comment(const std::string &text) {
    std::string lines = "#";
    std::size_t columns = 1;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (columns + 1 + word.size() > 80) {
            lines += "\n#";
            columns = 1;
        }
        lines += " " + word;
        columns += 1 + word.size();
    }
    return lines + "\n";
}

std::string head_text(const Use &use, const Facts &facts) {
    const std::string disk =
        facts.disk_free_bytes ? format_size(*facts.disk_free_bytes) + " free below /var/lib" : "no /var/lib";
    const std::string gpus = facts.gpus == 0 ? "no GPU" : counted(facts.gpus, "GPU");
    return comment(fmt::format("uakvd for {}: {}.", use.name, use.meaning)) +
           comment(fmt::format("Written by uakvctl advise for a machine with {}, {} of memory ({} of it available), {} "
                               "and {}.",
                               counted(facts.cores, "core"), format_size(facts.memory_bytes),
                               format_size(facts.available_bytes), disk, gpus)) +
           "#\n"
           "# Save it as uakvd.yaml, then\n"
           "#   uakvd --config uakvd.yaml --check-config\n"
           "#   uakvd --config uakvd.yaml\n" +
           comment("SIGHUP applies changes, except of socket, memory, and the set of tenants.") + "\n";
}

std::string line(const std::string &reason, const std::string &key, const std::string &value) {
    return fmt::format("{}{}: {}\n\n", comment(reason), key, value);
}

std::string memory_line(const Use &use, const Facts &facts) {
    const std::uint64_t bytes = advised_memory_bytes(use, facts);
    std::string reason = std::string("Memory for blocks: ") + use.memory_reason + ".";
    if (bytes > facts.available_bytes / 10 * 8 && bytes < wanted_memory_bytes(use, facts) / 10 * 9) {
        reason += " Here it is less, for only " + format_size(facts.available_bytes) + " are available now.";
    }
    return line(reason, "memory", size_text(bytes));
}

// Whose disk it is and what it may be used for, nobody but the operator knows: so it is said, and off.
std::string disk_text(const Facts &facts) {
    std::string text =
        "A disk below memory: blocks that leave memory stay hits, and a restart finds its cache. It takes "
        "writes that wear a flash disk, and what lies there can be read by who reads the disk";
    text +=
        facts.disk_free_bytes ? "; there are " + format_size(*facts.disk_free_bytes) + " free below /var/lib." : ".";
    if (facts.gpus > 0) {
        text += " Engines copy blocks to their GPUs themselves.";
    }
    return comment(text) + "enable_persistence: false\n"
                           "# persistence_path: /var/lib/uakv\n"
                           "# disk_size: 20%                # of the file system, at most\n"
                           "# disk_free: 5%                 # stays free for others\n"
                           "# disk_write_per_day: 0         # such as 500GiB, to make a flash disk last\n\n";
}

constexpr const char *tenants_text =
    R"(# Without tenants there is one, "default", for the daemon's own user and the
# members of its group. To keep users apart, and to limit each of them, list them
# here, with users and groups that exist:
# tenants:
#   - name: chat
#     memory: 60%                  # of the memory above, charged before it is handed out
#     groups: [chat]               # who may store and retrieve
#     read_only_users: [monitor]   # who may only retrieve
#     clients: 64                  # connections at once
#     descriptors: 0               # of the daemon's open files; 0: no limit
#     operations_per_second: 0     # requests that reach the daemon, not hits; 0: no limit
#     leased_memory: 50%           # that one client may hold views on
#     pinned_memory: 25%           # that uakv_pin() may keep from being evicted
#   - name: batch
#     memory: 40%
#     users: [batch]
)";

} // namespace

std::span<const Use> uses() {
    return all_uses;
}

Result<const Use *> find_use(std::string_view name) {
    std::string known;
    for (const Use &use : all_uses) {
        if (use.name == name) {
            return &use;
        }
        known += known.empty() ? "" : &use == &all_uses.back() ? " or " : ", ";
        known += use.name;
    }
    return error(UAKV_ERR_INVALID, "--for: \"%s\" is none of the uses that there is advice for; expected %s",
                 std::string(name).c_str(), known.c_str());
}

std::uint64_t advised_memory_bytes(const Use &use, const Facts &facts) {
    const std::uint64_t bytes = std::min(wanted_memory_bytes(use, facts), facts.available_bytes / 10 * 9);
    const std::uint64_t unit = bytes >= 8 * GiB ? GiB : MiB;
    return std::clamp(bytes / unit * unit, limits::memory_bytes_min, limits::memory_bytes_max);
}

std::string advice_text(const Use &use, const Facts &facts) {
    const std::string logged = std::string("How much is logged: ") + use.log_reason + ".";
    const std::string full = std::string("How full memory may get before cold blocks leave: ") + use.gc_reason + ".";
    const std::string flight =
        std::string("How long one process may compute a block that others wait for: ") + use.flight_reason + ".";
    const std::string timed = std::string("Time the daemon's own work: ") + use.profiling_reason + ".";
    return head_text(use, facts) +
           line("Where clients connect; libuakv looks there by itself.", "socket", facts.socket_path) +
           memory_line(use, facts) + disk_text(facts) + line(logged, "log_level", use.log_level) +
           comment("A group whose members may look at and administer every tenant with uakvctl, beside root and the "
                   "daemon's own user; it has to exist.") +
           "# admin_group: uakv-admin\n\n" +
           line("Who leaves when room is needed: what was not used for longest, ends of prefixes first; this version "
                "has no other order.",
                "cache_strategy", "lru") +
           line("Make room by evicting cold blocks; false would refuse new ones once memory is full.", "enable_gc",
                "true") +
           line(full, "gc_threshold", use.gc_threshold) + line(flight, "single_flight", use.single_flight) +
           line(timed, "enable_profiling", use.profiling ? "true" : "false") + tenants_text;
}

} // namespace uakv::ctl
