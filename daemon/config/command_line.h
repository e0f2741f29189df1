// The words of the command line. What they mean for the settings is decided together with the other sources.
#pragma once

#include "daemon/config/keys.h"
#include "ipc/result.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace uakv {

struct Arguments {
    enum class Action { serve, print_config, check_config, help, version };

    Action action = Action::serve;
    std::optional<std::string> config_path;       // --config
    std::optional<std::string> preset;            // --preset
    std::map<KeyId, std::string> values;          // of the flags that stand for a key
    std::optional<std::vector<std::string>> keep; // --fd-keeper: the other words
};

Result<Arguments> parse_command_line(int argc, char **argv);

const char *help_text();

} // namespace uakv
