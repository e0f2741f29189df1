// What a good configuration must keep to: printed and read again it is the same.
#pragma once

#include "daemon/config/assemble.h"

#include <string_view>

namespace uakv::fuzz {

// All sources but the text: no environment, no file of this machine.
Result<Assembled> assemble_text(std::string_view text, Arguments arguments = {});

// What holds for all settings, and that print_config() gives a file that means them.
void check_settings(const Assembled &assembled);

} // namespace uakv::fuzz
