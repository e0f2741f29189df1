// Sizes, durations, shares and counts as people write them. What exact_size() and exact_duration() write is read back
// as the same number; format_size() is for people only.
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

// "8GiB", "1536MiB", "1000": in the largest unit that it is a whole number of.
std::string exact_size(std::uint64_t bytes);

// "10s", "500ms", "1.5s", "2min", "1h". A number alone is refused: nobody can tell whether it means seconds.
Result<std::uint64_t> parse_duration_ms(std::string_view text);

// "10s", "1500ms", "2min".
std::string exact_duration(std::uint64_t milliseconds);

// "0.95" or "95%": a part of a whole, 0 to 1.
Result<double> parse_share(std::string_view text);

// "1000": a whole number, in digits only.
Result<std::uint64_t> parse_count(std::string_view text);

} // namespace uakv
