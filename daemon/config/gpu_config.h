// The keys of the GPU tier. What a percentage comes to is known only where the devices are, so amounts stay as they
// were written; that they can be read is checked here. For assemble.cc and tenants_config.cc.
#pragma once

#include "daemon/config/settings.h"
#include "daemon/config/sources.h"

#include <optional>
#include <string>
#include <vector>

namespace uakv {

constexpr const char *gpu_memory_default = "5%";

// False: it is no key of the GPU tier.
bool take_gpu_key(const Given &given, GpuSettings &gpu, Complaints &complaints);

// A tenant's part of it, as it was written; nothing where it has complained.
std::optional<std::string> read_gpu_amount(const Given &given, Complaints &complaints);

// Parts that are more than the whole, as far as that can be told here: percentages, or sizes of a size.
std::optional<std::string> gpu_parts_objection(const GpuSettings &gpu, const std::vector<TenantSettings> &tenants);

// "0": there is no GPU tier.
bool is_nothing(const std::string &amount);

} // namespace uakv
