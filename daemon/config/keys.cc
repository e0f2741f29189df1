#include "daemon/config/keys.h"

#include "daemon/base/nearest.h"
#include "ipc/assertion.h"

#include <array>
#include <cctype>
#include <fmt/format.h>

namespace uakv {
namespace {

constexpr std::string_view size_form = "a size such as 8GiB, 512MiB or 20%";
constexpr std::string_view flag_form = "true or false";
constexpr std::string_view disk_size_form = "a size such as 200GiB, 1.5TiB or 20%";
constexpr std::string_view amount_form = "a size such as 200MiB, or 0";
constexpr std::string_view duration_form = "a duration such as 10s or 500ms";
constexpr std::string_view count_form = "a whole number such as 1000";

constexpr std::array daemon_table = {
    Key{.id = KeyId::socket,
        .name = "socket",
        .form = "the path of a socket",
        .standard = "`/run/uakv/uakvd.sock` for root, else `$RUNTIME_DIRECTORY/uakvd.sock` in a service, "
                    "or `$XDG_RUNTIME_DIR/uakv/uakvd.sock`",
        .flag = "--socket",
        .meaning = "where clients connect"},
    Key{.id = KeyId::memory,
        .name = "memory",
        .form = size_form,
        .standard = "`10%`",
        .flag = "--memory",
        .meaning = "memory for blocks, of all tenants together; 16 MiB to 1 TiB, a percentage is of the machine's"},
    Key{.id = KeyId::max_memory_mb,
        .name = "max_memory_mb",
        .form = "a whole number of MiB such as 8192",
        .standard = "none",
        .foreign = true,
        .meaning = "`memory` as a number of MiB"},
    Key{.id = KeyId::max_tokens,
        .name = "max_tokens",
        .form = "a whole number of tokens such as 1000000",
        .standard = "none",
        .foreign = true,
        .meaning = "`memory` as a number of tokens; needs `bytes_per_token`"},
    Key{.id = KeyId::bytes_per_token,
        .name = "bytes_per_token",
        .form = "a size such as 128KiB",
        .standard = "none",
        .meaning = "what one token takes over all layers: 2 x layers x KV heads x head size x bytes of the type"},
    Key{.id = KeyId::log_level,
        .name = "log_level",
        .form = "error, warn, info, debug or trace",
        .standard = "`info`",
        .reloadable = true,
        .flag = "--log-level",
        .meaning = "how much is written to standard error"},
    Key{.id = KeyId::admin_group,
        .name = "admin_group",
        .form = "the name or number of a group",
        .standard = "`\"\"`: none",
        .reloadable = true,
        .meaning = "whose members see and administer every tenant, as root and the daemon's own user do"},
    Key{.id = KeyId::single_flight,
        .name = "single_flight",
        .form = duration_form,
        .standard = "`10s`",
        .reloadable = true,
        .meaning = "how long one process may compute a missing block before another one that waits for it may; "
                   "1 ms to 1 h"},
    Key{.id = KeyId::enable_gc,
        .name = "enable_gc",
        .form = flag_form,
        .standard = "`true`",
        .reloadable = true,
        .foreign = true,
        .meaning = "`true`: cold blocks make room for new ones; `false`: a full cache refuses new blocks"},
    Key{.id = KeyId::gc_threshold,
        .name = "gc_threshold",
        .form = "a share such as 0.95 or 95%",
        .standard = "`0.984375`",
        .reloadable = true,
        .foreign = true,
        .meaning = "the part of a block size's memory in use from which on cold blocks are evicted ahead of need; "
                   "0.5 to 1"},
    Key{.id = KeyId::enable_profiling,
        .name = "enable_profiling",
        .form = flag_form,
        .standard = "`false`",
        .reloadable = true,
        .foreign = true,
        .meaning = "measure how long each stage of the daemon's own work takes"},
    Key{.id = KeyId::cache_strategy,
        .name = "cache_strategy",
        .form = "lru",
        .standard = "`lru`",
        .foreign = true,
        .meaning = "who leaves a full cache; this version has `lru` only, leaves of a prefix before what they hang "
                   "on"},
    Key{.id = KeyId::use_compression,
        .name = "use_compression",
        .form = flag_form,
        .standard = "`true`",
        .reloadable = true,
        .foreign = true,
        .meaning = "blocks take less room on disk, without loss, where that saves a tenth or more"},
    Key{.id = KeyId::enable_persistence,
        .name = "enable_persistence",
        .form = flag_form,
        .standard = "`false`",
        .foreign = true,
        .meaning = "a disk below memory: blocks that have to leave memory go there, and survive the daemon"},
    Key{.id = KeyId::persistence_path,
        .name = "persistence_path",
        .form = "the absolute path of a directory",
        .standard = "`/var/lib/uakv` for root, else `$STATE_DIRECTORY` in a service, "
                    "`$XDG_STATE_HOME/uakv` or `~/.local/state/uakv`",
        .foreign = true,
        .meaning = "where that lies; each tenant has a directory of its own below it"},
    Key{.id = KeyId::enable_prefetch,
        .name = "enable_prefetch",
        .form = flag_form,
        .standard = "`false`",
        .foreign = true,
        .missing = "prefetching",
        .meaning = "only `false` in this version, which fetches nothing unasked; `uakv_prefetch` asks for it"},
    Key{.id = KeyId::prefetch_size,
        .name = "prefetch_size",
        .form = "nothing",
        .standard = "none",
        .foreign = true,
        .missing = "prefetching",
        .meaning = "refused in this version, which fetches nothing unasked"},
    Key{.id = KeyId::num_workers,
        .name = "num_workers",
        .form = count_form,
        .standard = "a quarter of the processors, 1 to 8",
        .foreign = true,
        .meaning = "threads that compress, decompress and check blocks on their way to disk and back; 1 to 64"},
    Key{.id = KeyId::disk_size,
        .name = "disk_size",
        .form = disk_size_form,
        .standard = "`20%`",
        .reloadable = true,
        .meaning = "what all files together may take, of all tenants; at least 16 MiB, a percentage is of the file "
                   "system"},
    Key{.id = KeyId::disk_free,
        .name = "disk_free",
        .form = disk_size_form,
        .standard = "`5%`",
        .reloadable = true,
        .meaning = "what the file system keeps free: no file is made that would take it; a percentage is of the file "
                   "system"},
    Key{.id = KeyId::disk_write_rate,
        .name = "disk_write_rate",
        .form = amount_form,
        .standard = "`0`: no limit",
        .reloadable = true,
        .meaning = "what may be written in a second, of all tenants together; what is more stays off the disk"},
    Key{.id = KeyId::disk_write_per_day,
        .name = "disk_write_per_day",
        .form = amount_form,
        .standard = "`0`: no limit",
        .reloadable = true,
        .meaning = "what may be written in a day, of all tenants together, to make a flash disk last"},
    Key{.id = KeyId::disk_admit,
        .name = "disk_admit",
        .form = "all or reused",
        .standard = "`all`",
        .reloadable = true,
        .meaning = "which blocks go to disk: all, or only those that were hit at least once"},
    Key{.id = KeyId::disk_file_size,
        .name = "disk_file_size",
        .form = "a power of two such as 256MiB",
        .standard = "`256MiB`, or an eighth of the smallest tenant's `disk`",
        .meaning = "of one file of the log; 1 MiB to 4 GiB, a block must fit into it"},
    Key{.id = KeyId::disk_checkpoint,
        .name = "disk_checkpoint",
        .form = duration_form,
        .standard = "`60s`",
        .reloadable = true,
        .meaning = "how long after a change the list of blocks is written anew, so that a start reads little; "
                   "1 s to 24 h"},
    Key{.id = KeyId::warm_blocks,
        .name = "warm_blocks",
        .form = count_form,
        .standard = "`0`",
        .meaning = "so many of each tenant's most used blocks are brought into memory at the start"},
    Key{.id = KeyId::stop_timeout,
        .name = "stop_timeout",
        .form = "a duration such as 30s or 5min, or 0",
        .standard = "`30s`",
        .reloadable = true,
        .meaning = "how long a stop may take to write what is only in memory; `0`: it writes nothing; up to 1 h"},
    Key{.id = KeyId::gpu_memory,
        .name = "gpu_memory",
        .form = "a size such as 4GiB, a percentage such as 5%, or 0",
        .standard = "`5%`",
        .meaning = "memory of each GPU for blocks, of all tenants together; a percentage is of the GPU's; `0`: no GPU "
                   "tier"},
    Key{.id = KeyId::gpu_devices,
        .name = "gpu_devices",
        .form = "all, or a list of ordinals or UUIDs such as [0, GPU-5a3c...]",
        .standard = "`all`",
        .meaning = "which GPUs; ordinals as the daemon counts them"},
    Key{.id = KeyId::gpu_required,
        .name = "gpu_required",
        .form = flag_form,
        .standard = "`false`",
        .meaning = "`true`: without a driver, or without one of the GPUs that are named, the daemon does not start; "
                   "`false`: it serves without, and says why in the log and in `uakvctl status`"},
    Key{.id = KeyId::gpu_segment,
        .name = "gpu_segment",
        .form = "a power of two such as 1GiB",
        .standard = "an eighth of an arena, up to `1GiB`",
        .meaning = "in which pieces memory of a GPU is taken and shared; 2 MiB to 1 GiB, and at most an eighth of a "
                   "tenant's part of a GPU. Also the largest block there"},
    Key{.id = KeyId::gpu_driver,
        .name = "gpu_driver",
        .form = "the path or name of a library",
        .standard = "`libcuda.so.1`",
        .meaning = "the CUDA driver, where it is not found by its usual name"},
    Key{.id = KeyId::tenants,
        .name = "tenants",
        .form = "a list of tenants, each with a name",
        .standard = "one, `default`, for the daemon's own user and group",
        .reloadable = true,
        .meaning = "who shares a cache, and how much each may use; the first that admits a user is that user's. "
                   "Their set, order and memory take a restart"},
};

constexpr std::array tenant_table = {
    Key{.id = KeyId::tenant_name,
        .name = "name",
        .form = "1 to 63 of the characters A-Z a-z 0-9 . _ -, not beginning with gpu.",
        .standard = "must be given",
        .meaning = "what clients and operators call it"},
    Key{.id = KeyId::tenant_memory,
        .name = "memory",
        .form = size_form,
        .standard = "an equal share of what the others leave",
        .meaning = "its part of the memory for blocks, at least 16 MiB; a percentage is of the daemon's `memory`"},
    Key{.id = KeyId::tenant_users,
        .name = "users",
        .form = "a list such as [alice, 1001]",
        .standard = "nobody",
        .reloadable = true,
        .meaning = "users, by name or number, who may store and retrieve"},
    Key{.id = KeyId::tenant_groups,
        .name = "groups",
        .form = "a list such as [llm, 2000]",
        .standard = "nobody",
        .reloadable = true,
        .meaning = "groups whose members may store and retrieve"},
    Key{.id = KeyId::tenant_read_only_users,
        .name = "read_only_users",
        .form = "a list such as [alice, 1001]",
        .standard = "nobody",
        .reloadable = true,
        .meaning = "users who may only retrieve"},
    Key{.id = KeyId::tenant_read_only_groups,
        .name = "read_only_groups",
        .form = "a list such as [llm, 2000]",
        .standard = "nobody",
        .reloadable = true,
        .meaning = "groups whose members may only retrieve"},
    Key{.id = KeyId::tenant_clients,
        .name = "clients",
        .form = count_form,
        .standard = "`1024`",
        .reloadable = true,
        .meaning = "how many clients may be connected at once; 1 to 1024"},
    Key{.id = KeyId::tenant_descriptors,
        .name = "descriptors",
        .form = count_form,
        .standard = "`0`: no limit",
        .reloadable = true,
        .meaning = "how many of the daemon's file descriptors its clients may occupy"},
    Key{.id = KeyId::tenant_operations_per_second,
        .name = "operations_per_second",
        .form = count_form,
        .standard = "`0`: no limit",
        .reloadable = true,
        .meaning = "how many requests may reach the daemon in a second; hits do not"},
    Key{.id = KeyId::tenant_leased_memory,
        .name = "leased_memory",
        .form = size_form,
        .standard = "`0`: no limit",
        .reloadable = true,
        .meaning = "how much one client may hold views on; a percentage is of the tenant's memory"},
    Key{.id = KeyId::tenant_lease_max_age,
        .name = "lease_max_age",
        .form = "a duration such as 30s or 5min, or 0",
        .standard = "`0`: never",
        .reloadable = true,
        .meaning = "how long a client may hold a view while the tenant has no room: then its views are taken back; "
                   "100 ms to 24 h"},
    Key{.id = KeyId::tenant_pinned_memory,
        .name = "pinned_memory",
        .form = size_form,
        .standard = "`50%`",
        .reloadable = true,
        .meaning = "how much may be pinned; a percentage is of the tenant's memory"},
    Key{.id = KeyId::tenant_disk,
        .name = "disk",
        .form = disk_size_form,
        .standard = "an equal share of what the others leave",
        .reloadable = true,
        .meaning = "its part of the disk, at least 16 MiB; a percentage is of the daemon's `disk_size`"},
    Key{.id = KeyId::tenant_gpu_memory,
        .name = "gpu_memory",
        .form = "a size such as 4GiB, a percentage such as 20%, or 0",
        .standard = "an equal share of what the others leave",
        .meaning = "its part of each GPU, at least 16 MiB; a percentage is of the daemon's `gpu_memory`, `0`: none"},
};

std::string upper(std::string_view name) {
    std::string text;
    for (const char letter : name) {
        text += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    }
    return text;
}

} // namespace

std::span<const Key> daemon_keys() {
    return daemon_table;
}

std::span<const Key> tenant_keys() {
    return tenant_table;
}

const Key &key_of(KeyId id) {
    for (const std::span<const Key> keys : {daemon_keys(), tenant_keys()}) {
        for (const Key &key : keys) {
            if (key.id == id) {
                return key;
            }
        }
    }
    UAKV_ASSERT(false); // each id has its row
}

const Key *find_key(std::span<const Key> keys, std::string_view name) {
    for (const Key &key : keys) {
        if (key.name == name) {
            return &key;
        }
    }
    return nullptr;
}

std::vector<std::string> environment_names(const Key &key) {
    if (key.id >= KeyId::tenants) {
        return {};
    }
    std::vector<std::string> names = {"UAKV_" + upper(key.name)};
    if (key.foreign) {
        // KV_CACHE_STRATEGY: the word is not said twice.
        const std::string_view rest = key.name.starts_with("cache_") ? key.name.substr(6) : key.name;
        names.push_back("KV_CACHE_" + upper(rest));
    }
    return names;
}

std::string unknown_key_hint(std::string_view name, std::span<const Key> keys) {
    const bool in_tenant = keys.data() == tenant_keys().data();
    if (find_key(in_tenant ? daemon_keys() : tenant_keys(), name) != nullptr) {
        return in_tenant ? "it is a key of the daemon, not of a tenant; write it at the left margin"
                         : "it is a key of a tenant; write it below one, in the list tenants";
    }
    std::vector<std::string> known;
    known.reserve(keys.size());
    for (const Key &key : keys) {
        known.emplace_back(key.name);
    }
    if (const auto nearest = nearest_name(name, known)) {
        return "unknown key; did you mean " + *nearest + "?";
    }
    return "unknown key; uakvd --print-config shows the known ones";
}

std::string reference_row(const Key &key) {
    std::string row =
        fmt::format("| `{}` | {} | {} | {} |", key.name, key.meaning, key.standard, key.reloadable ? "yes" : "no");
    if (key.id >= KeyId::tenant_name) {
        return row;
    }
    std::string ways;
    for (const std::string &name : environment_names(key)) {
        ways += (ways.empty() ? "`" : ", `") + name + "`";
    }
    if (!key.flag.empty()) {
        ways += fmt::format(", `{}`", key.flag);
    }
    return fmt::format("{} {} |", row, ways.empty() ? "a file only" : ways);
}

} // namespace uakv
