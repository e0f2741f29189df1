#include "daemon/config/print_config.h"

#include "daemon/base/machine.h"
#include "daemon/base/units.h"
#include "daemon/config/disk_config.h"
#include "ipc/assertion.h"

#include <array>
#include <cctype>
#include <fmt/format.h>

namespace uakv {
namespace {

constexpr std::size_t comment_column = 40;

// As it is where every reader of YAML takes it for the same text, else between quotes.
std::string yaml_text(const std::string &text) {
    constexpr std::array<std::string_view, 8> words = {"null", "true", "false", "yes", "no", "on", "off", "nan"};
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
    std::string lower;
    for (const char letter : text) {
        lower += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
    bool quote = text.empty() || text.find_first_not_of(plain) != std::string::npos ||
                 !(std::isalpha(static_cast<unsigned char>(text[0])) != 0 || text[0] == '/');
    for (const std::string_view word : words) {
        quote = quote || lower == word;
    }
    if (!quote) {
        return text;
    }
    std::string quoted = "\"";
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') {
            quoted += '\\';
        }
        quoted += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, letter);
    }
    return quoted + "\"";
}

std::string yaml_list(const std::vector<std::uint32_t> &numbers) {
    return fmt::format("[{}]", fmt::join(numbers, ", "));
}

// One line, with its comment. A path may hold anything, also what would end the comment.
void add_line(std::string &text, const std::string &line, const Origins &origins, KeyId id) {
    const auto origin = origins.find(id);
    std::string comment = origin == origins.end() ? "default" : origin->second;
    for (char &letter : comment) {
        letter = std::iscntrl(static_cast<unsigned char>(letter)) != 0 ? '?' : letter;
    }
    text += fmt::format("{:<{}}  # {}\n", line, comment_column, comment);
}

std::optional<std::string> value_of(KeyId id, const DiskSettings &disk) {
    switch (id) {
    case KeyId::use_compression:
        return disk.compress ? "true" : "false";
    case KeyId::persistence_path:
        return yaml_text(disk.path);
    case KeyId::disk_size:
        return exact_size(disk.bytes);
    case KeyId::disk_free:
        return exact_size(disk.free_floor_bytes);
    case KeyId::disk_write_rate:
        return exact_size(disk.write_bytes_per_second);
    case KeyId::disk_write_per_day:
        return exact_size(disk.write_bytes_per_day);
    case KeyId::disk_admit:
        return disk.only_reused ? "reused" : "all";
    case KeyId::disk_file_size:
        return exact_size(disk.file_bytes);
    case KeyId::disk_checkpoint:
        return exact_duration(disk.checkpoint_ms);
    case KeyId::warm_blocks:
        return std::to_string(disk.warm_blocks);
    case KeyId::stop_timeout:
        return disk.stop_ms == 0 ? "0" : exact_duration(disk.stop_ms);
    default:
        return std::nullopt;
    }
}

// What stands behind the key, or nothing where it says what another key says better.
std::optional<std::string> value_of(KeyId id, const Settings &settings) {
    switch (id) {
    case KeyId::socket:
        return yaml_text(settings.socket_path);
    case KeyId::memory:
        return exact_size(settings.memory_bytes);
    case KeyId::log_level:
        return std::string(log_level_name(settings.log_level));
    case KeyId::admin_group:
        return settings.admin_group ? std::to_string(*settings.admin_group) : "\"\"";
    case KeyId::single_flight:
        return exact_duration(settings.single_flight_ms);
    case KeyId::enable_gc:
        return settings.evict ? "true" : "false";
    case KeyId::gc_threshold:
        return fmt::format("{}", settings.gc_threshold);
    case KeyId::enable_profiling:
        return settings.profiling ? "true" : "false";
    case KeyId::cache_strategy:
        return "lru";
    case KeyId::enable_persistence:
        return settings.disk.path.empty() ? "false" : "true";
    case KeyId::enable_prefetch:
        return "false";
    case KeyId::num_workers:
        return std::to_string(settings.workers);
    case KeyId::gpu_memory:
        return settings.gpu.memory;
    case KeyId::gpu_devices:
        return settings.gpu.devices.empty() ? "all" : fmt::format("[{}]", fmt::join(settings.gpu.devices, ", "));
    case KeyId::gpu_required:
        return settings.gpu.required ? "true" : "false";
    case KeyId::gpu_segment:
        return settings.gpu.segment_bytes == 0 ? std::nullopt : std::optional(exact_size(settings.gpu.segment_bytes));
    case KeyId::gpu_driver:
        return settings.gpu.driver.empty() ? std::nullopt : std::optional(yaml_text(settings.gpu.driver));
    default:
        return settings.disk.path.empty() ? std::nullopt : value_of(id, settings.disk);
    }
}

std::string value_of(KeyId id, const TenantSettings &tenant) {
    switch (id) {
    case KeyId::tenant_name:
        return yaml_text(tenant.name);
    case KeyId::tenant_memory:
        return exact_size(tenant.memory_bytes);
    case KeyId::tenant_users:
        return yaml_list(tenant.members.users);
    case KeyId::tenant_groups:
        return yaml_list(tenant.members.groups);
    case KeyId::tenant_read_only_users:
        return yaml_list(tenant.readers.users);
    case KeyId::tenant_read_only_groups:
        return yaml_list(tenant.readers.groups);
    case KeyId::tenant_clients:
        return std::to_string(tenant.clients_max);
    case KeyId::tenant_descriptors:
        return std::to_string(tenant.descriptors_max);
    case KeyId::tenant_operations_per_second:
        return std::to_string(tenant.operations_per_second);
    case KeyId::tenant_leased_memory:
        return exact_size(tenant.leased_bytes_max);
    case KeyId::tenant_lease_max_age:
        return tenant.lease_ms_max == 0 ? "0" : exact_duration(tenant.lease_ms_max);
    case KeyId::tenant_pinned_memory:
        return exact_size(tenant.pinned_bytes_max);
    case KeyId::tenant_disk:
        return exact_size(tenant.disk_bytes);
    case KeyId::tenant_gpu_memory:
        return tenant.gpu_memory;
    default:
        UAKV_ASSERT(false);
        return {};
    }
}

} // namespace

std::string print_config(const Assembled &assembled) {
    std::string text = "# What uakvd works with: every key, its value and where that comes from.\n";
    for (const Key &key : daemon_keys()) {
        if (const auto value = value_of(key.id, assembled.settings)) {
            add_line(text, fmt::format("{}: {}", key.name, *value), assembled.origins, key.id);
        }
    }
    add_line(text, "tenants:", assembled.origins, KeyId::tenants);
    for (std::size_t i = 0; i < assembled.settings.tenants.size(); ++i) {
        for (const Key &key : tenant_keys()) {
            const TenantSettings &tenant = assembled.settings.tenants[i];
            if ((key.id == KeyId::tenant_disk && assembled.settings.disk.path.empty()) ||
                (key.id == KeyId::tenant_gpu_memory && tenant.gpu_memory.empty())) {
                continue;
            }
            add_line(text,
                     fmt::format("{} {}: {}", key.id == KeyId::tenant_name ? "  -" : "   ", key.name,
                                 value_of(key.id, tenant)),
                     assembled.tenant_origins[i], key.id);
        }
    }
    return text;
}

std::string summarize_config(const Assembled &assembled) {
    const Settings &settings = assembled.settings;
    std::string text = "the configuration is good\n";
    text +=
        fmt::format("read    {}\n", assembled.sources.empty() ? "no preset and no file"
                                                              : fmt::format("{}", fmt::join(assembled.sources, ", ")));
    text += fmt::format("socket  {}\nmemory  {}\n", settings.socket_path, format_size(settings.memory_bytes));
    const DiskSettings &disk = settings.disk;
    if (!disk.path.empty()) {
        text += fmt::format("disk    {} in {}, leaving {} free\n", format_size(disk.bytes), disk.path,
                            format_size(disk.free_floor_bytes));
    }
    text +=
        fmt::format("gpu     {} of {}\n", settings.gpu.memory,
                    settings.gpu.devices.empty() ? "each" : fmt::format("{}", fmt::join(settings.gpu.devices, ", ")));
    std::uint64_t used = 0, used_disk = 0;
    for (const TenantSettings &tenant : settings.tenants) {
        used += tenant.memory_bytes;
        used_disk += tenant.disk_bytes;
        text += fmt::format("tenant  {}: {}{}, users {}, groups {}, read-only users {}, read-only groups {}\n",
                            tenant.name, format_size(tenant.memory_bytes),
                            disk.path.empty() ? "" : fmt::format(", {} of disk", format_size(tenant.disk_bytes)),
                            tenant.members.users.size(), tenant.members.groups.size(), tenant.readers.users.size(),
                            tenant.readers.groups.size());
    }
    if (settings.memory_bytes - used >= 1 << 20) {
        text +=
            fmt::format("note    {} of the memory are given to no tenant\n", format_size(settings.memory_bytes - used));
    }
    if (disk.bytes - used_disk >= 1 << 20) {
        text += fmt::format("note    {} of the disk are given to no tenant\n", format_size(disk.bytes - used_disk));
    }
    for (const std::string &note : disk_notes(disk)) {
        text += fmt::format("note    {}\n", note);
    }
    if (settings.memory_bytes > machine_memory_bytes()) {
        text += fmt::format("note    this machine has only {} of memory\n", format_size(machine_memory_bytes()));
    }
    return text;
}

} // namespace uakv
