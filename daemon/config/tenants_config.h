// The tenants of a configuration: who each admits, and how the memory is divided among them.
#pragma once

#include "daemon/config/settings.h"
#include "daemon/config/sources.h"

#include <map>
#include <string>
#include <vector>

namespace uakv {

// Where the value of a key came from, for --print-config.
using Origins = std::map<KeyId, std::string>;

struct ConfiguredTenant {
    TenantSettings settings;
    Origins origins;
};

// Without a configuration: the daemon's own user and the members of its group, with all the memory.
ConfiguredTenant default_tenant(std::uint64_t memory_bytes);

// `list` is the value of the key "tenants", a list in `file`. `memory_bytes` is what they share.
std::vector<ConfiguredTenant> read_tenants(const Given &list, std::uint64_t memory_bytes, Complaints &complaints);

} // namespace uakv
