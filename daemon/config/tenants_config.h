// The tenants of a configuration: who each admits, and how memory and disk are divided among them.
#pragma once

#include "daemon/config/settings.h"
#include "daemon/config/sources.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace uakv {

// Where the value of a key came from, for --print-config.
using Origins = std::map<KeyId, std::string>;

struct ConfiguredTenant {
    TenantSettings settings;
    Origins origins;
};

// What the tenants divide among them.
struct Shared {
    std::uint64_t memory_bytes = 0;
    std::uint64_t disk_bytes = 0;       // 0: there is no disk
    std::optional<std::string> no_disk; // why none may be given a part of it
};

// Without a configuration: the daemon's own user and the members of its group, with all that there is.
ConfiguredTenant default_tenant(const Shared &shared);

// `list` is the value of the key "tenants", a list in `file`.
std::vector<ConfiguredTenant> read_tenants(const Given &list, const Shared &shared, Complaints &complaints);

} // namespace uakv
