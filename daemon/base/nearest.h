// The name that somebody probably meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace uakv {

// How many letters must be changed, added, left out or swapped with their neighbour to get from one to the other.
// Capitals, "_" and "-" do not count: maxMemoryMb is max_memory_mb.
std::size_t edit_distance(std::string_view first, std::string_view second);

// The closest of the known names, if it is close enough to be meant.
std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> known);

} // namespace uakv
