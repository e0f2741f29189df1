// What the operator chose: flags, else UAKV_* in the environment, else defaults.
#pragma once

#include "daemon/base/log.h"
#include "ipc/result.h"

#include <cstdint>
#include <optional>
#include <string>

namespace uakv {

struct Settings {
    std::string socket_path;
    std::uint64_t memory_bytes = 0;
    LogLevel log_level = LogLevel::info;
};

// What main should do: serve with the settings, or print a text and end.
struct CommandLine {
    Settings settings;
    std::optional<std::string> print; // --help, --version
};

// UAKV_ERR_INVALID names the flag or variable, what it was, what was expected and what to do.
Result<CommandLine> read_settings(int argc, char **argv);

} // namespace uakv
