// The command line of uakvctl: one set of options for all commands, and each command says which it takes.
#pragma once

#include "ipc/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uakv::ctl {

struct Options {
    std::string command;                // empty: none was given
    std::vector<std::string> arguments; // after the command
    std::vector<std::string> given;     // names of the options that only some commands take, without the dashes

    bool help = false;
    bool version = false;
    std::string socket_path; // never empty
    std::string tenant;      // empty: the first that this user may see
    bool json = false;
    std::uint32_t timeout_ms = 5'000;

    std::string space;
    bool force = false;
    std::optional<std::uint32_t> ttl_ms;
    std::optional<uakv_key> parent;
    bool watch = false;
    std::uint32_t interval_ms = 2'000; // of stats --watch and top
    std::uint64_t count = 0;           // frames of these; 0: until interrupted
    std::uint64_t limit = 0;           // blocks to list; 0: all
    std::string use;                   // what advise is for; empty: ask
};

// UAKV_ERR_INVALID names the option, what it was and what was expected. May be called once: getopt keeps its place.
Result<Options> parse_options(int argc, char **argv);

// 64 hex digits, or "text:..." for the SHA-256 of what follows.
Result<uakv_key> parse_key(std::string_view text);
Result<std::vector<uakv_key>> parse_keys(const std::vector<std::string> &texts);
std::string format_key(const uakv_key &key);

// A duration as elsewhere ("500ms", "2s", "10min"), or a plain number of seconds. At least 1 ms, less than 2^32 - 1 ms.
Result<std::uint32_t> parse_time_ms(std::string_view text);

} // namespace uakv::ctl
