// All sources put together: the settings, and where each of them came from.
#pragma once

#include "daemon/config/command_line.h"
#include "daemon/config/settings.h"
#include "daemon/config/tenants_config.h"

#include <string>
#include <vector>

namespace uakv {

struct Assembled {
    Settings settings;
    Origins origins;                     // of the daemon's keys; a key without one has its default
    std::vector<Origins> tenant_origins; // as settings.tenants
    std::vector<std::string> sources;    // the preset and the file that were read
};

// The error has a line for each thing that is wrong in any source.
Result<Assembled> assemble(const Arguments &arguments);

} // namespace uakv
