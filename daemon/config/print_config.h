// The settings as text: what --print-config and --check-config say.
#pragma once

#include "daemon/config/assemble.h"

#include <string>

namespace uakv {

// A file that gives the same settings when it is read, with a comment behind each line on where it came from.
std::string print_config(const Assembled &assembled);

// "the configuration is good", and in short what it gives to whom.
std::string summarize_config(const Assembled &assembled);

} // namespace uakv
