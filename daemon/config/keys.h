// The one table of configuration keys. Reading files, the environment and flags, the hint for an unknown key, what
// --print-config writes and docs/configuration.md (a test compares it) all go by it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uakv {

enum class KeyId {
    // of the daemon
    socket,
    memory,
    max_memory_mb,
    max_tokens,
    bytes_per_token,
    log_level,
    admin_group,
    single_flight,
    enable_gc,
    gc_threshold,
    enable_profiling,
    cache_strategy,
    use_compression,
    enable_persistence,
    persistence_path,
    enable_prefetch,
    prefetch_size,
    num_workers,
    disk_size,
    disk_free,
    disk_write_rate,
    disk_write_per_day,
    disk_admit,
    disk_file_size,
    disk_checkpoint,
    warm_blocks,
    stop_timeout,
    gpu_memory,
    gpu_devices,
    gpu_required,
    gpu_segment,
    gpu_driver,
    tenants,
    // of a tenant
    tenant_name,
    tenant_memory,
    tenant_users,
    tenant_groups,
    tenant_read_only_users,
    tenant_read_only_groups,
    tenant_clients,
    tenant_descriptors,
    tenant_operations_per_second,
    tenant_leased_memory,
    tenant_lease_max_age,
    tenant_pinned_memory,
    tenant_disk,
    tenant_gpu_memory,
};

struct Key {
    KeyId id;
    std::string_view name;
    std::string_view form;         // "a size such as 8GiB": what is expected, in messages
    std::string_view standard;     // the value where none is given, in words
    bool reloadable = false;       // SIGHUP applies a change; else it takes a restart
    bool foreign = false;          // a name of the Ultra Adaptive KV Cache, also known as KV_CACHE_* in the environment
    std::string_view flag = {};    // on the command line, or nothing
    std::string_view missing = {}; // the part of the product that it asks for and that this version does not have
    std::string_view meaning = {};
};

std::span<const Key> daemon_keys();
std::span<const Key> tenant_keys();

const Key &key_of(KeyId id);
const Key *find_key(std::span<const Key> keys, std::string_view name);

// UAKV_MEMORY; of a foreign name the one that it has there as well, KV_CACHE_MAX_MEMORY_MB. None for what one word
// cannot say.
std::vector<std::string> environment_names(const Key &key);

// What to do about a key that is none of `keys`: "did you mean gc_threshold?", or that it belongs to the daemon where
// it stands in a tenant, or the other way round, or where the known ones can be seen.
std::string unknown_key_hint(std::string_view name, std::span<const Key> keys);

// The row of a key in the tables of docs/configuration.md.
std::string reference_row(const Key &key);

} // namespace uakv
