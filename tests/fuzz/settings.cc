#include "settings.h"

#include "daemon/config/print_config.h"
#include "ipc/memfd.h"

#include <cstdio>
#include <unistd.h>

namespace uakv::fuzz {
namespace {

bool operator==(const Members &a, const Members &b) {
    return a.users == b.users && a.groups == b.groups;
}

bool same(const TenantSettings &a, const TenantSettings &b) {
    return a.name == b.name && a.members == b.members && a.readers == b.readers && a.memory_bytes == b.memory_bytes &&
           a.pinned_bytes_max == b.pinned_bytes_max && a.leased_bytes_max == b.leased_bytes_max &&
           a.clients_max == b.clients_max && a.descriptors_max == b.descriptors_max &&
           a.operations_per_second == b.operations_per_second;
}

bool same(const Settings &a, const Settings &b) {
    return a.socket_path == b.socket_path && a.memory_bytes == b.memory_bytes && a.log_level == b.log_level &&
           a.profiling == b.profiling && a.single_flight_ms == b.single_flight_ms && a.evict == b.evict &&
           a.gc_threshold == b.gc_threshold && a.admin_group == b.admin_group &&
           std::equal(a.tenants.begin(), a.tenants.end(), b.tenants.begin(), b.tenants.end(),
                      [](const TenantSettings &one, const TenantSettings &other) { return same(one, other); });
}

} // namespace

Result<Assembled> assemble_text(std::string_view text, Arguments arguments) {
    auto file = create_memfd("uakv-fuzz", text.size());
    UAKV_ASSERT(file.ok());
    UAKV_ASSERT(::pwrite(file.value().get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    arguments.config_path = "/proc/self/fd/" + std::to_string(file.value().get());
    return assemble(arguments);
}

void check_settings(const Assembled &assembled) {
    const Settings &settings = assembled.settings;
    UAKV_ASSERT(settings.memory_bytes >= limits::memory_bytes_min && settings.memory_bytes <= limits::memory_bytes_max);
    UAKV_ASSERT(!settings.tenants.empty() && settings.tenants.size() <= limits::tenants_max);
    UAKV_ASSERT(settings.gc_threshold >= 0.5 && settings.gc_threshold <= 1 && settings.single_flight_ms > 0);
    std::uint64_t used = 0;
    for (const TenantSettings &tenant : settings.tenants) {
        UAKV_ASSERT(tenant.memory_bytes >= limits::memory_bytes_min && tenant.pinned_bytes_max <= tenant.memory_bytes);
        UAKV_ASSERT(tenant.clients_max >= 1 && tenant.clients_max <= limits::clients_max);
        used += tenant.memory_bytes;
    }
    UAKV_ASSERT(used <= settings.memory_bytes && !summarize_config(assembled).empty());
    auto again = assemble_text(print_config(assembled));
    if (!again.ok()) {
        std::fprintf(stderr, "%s\n%s", again.error().detail.c_str(), print_config(assembled).c_str());
    }
    UAKV_ASSERT(again.ok() && same(again.value().settings, settings));
}

} // namespace uakv::fuzz
