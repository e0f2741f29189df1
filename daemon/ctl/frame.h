// One picture of `uakvctl top`: at most 80 columns, and 24 lines for a daemon with a tenant or two.
#pragma once

#include "daemon/ctl/rates.h"
#include "daemon/ctl/report.h"

#include <string>

namespace uakv::ctl {

std::string frame_text(const StatusReport &status, const Rates &rates);

} // namespace uakv::ctl
