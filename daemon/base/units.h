// Sizes as people write them.
#pragma once

#include "ipc/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace uakv {

// "1073741824", "8GiB", "1.5GiB", "512MiB", "64KiB", "1TiB", or "20%" of `whole`.
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t whole);

// "8 GiB", "1.5 MiB", "512 bytes".
std::string format_size(std::uint64_t bytes);

} // namespace uakv
