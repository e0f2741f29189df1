// The command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace prefix_reuse {

struct Options {
    std::optional<std::string> socket_path;
    std::optional<std::string> checkpoint;
    std::vector<std::uint32_t> tokens;        // empty: made from a fixed seed
    std::optional<std::size_t> prompt_tokens; // how many of these

    // Null: where the library looks by itself.
    const char *socket() const { return socket_path ? socket_path->c_str() : nullptr; }
};

extern const char *const usage;

// Throws std::runtime_error on what it does not understand. Nothing when help was asked for.
std::optional<Options> parse_options(int argc, char **argv);

} // namespace prefix_reuse
