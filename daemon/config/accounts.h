// Users and groups of this machine, by name or number.
#pragma once

#include "ipc/result.h"

#include <string>
#include <sys/types.h>

namespace uakv {

// "alice" or "1001". A number need not belong to an account: those of containers do not.
Result<uid_t> find_user(const std::string &text);
Result<gid_t> find_group(const std::string &text);

} // namespace uakv
