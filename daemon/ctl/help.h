// What uakvctl says about itself, and the table of its commands.
#pragma once

#include "daemon/ctl/commands.h"
#include "daemon/ctl/options.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace uakv::ctl {

struct Command {
    const char *name;
    const char *usage;   // its arguments and options
    const char *summary; // for the list of all
    const char *text;    // for `uakvctl help NAME`
    const char *options; // names of those it takes beside the ones that all take, with blanks between
    std::size_t arguments_min;
    std::size_t arguments_max;
    Result<Exit> (*run)(const Options &);
};

std::span<const Command> commands();
const Command *find_command(std::string_view name);

// UAKV_ERR_INVALID says which argument or option is missing or too many.
Result<void> check_usage(const Command &command, const Options &options);

std::string help_text();
std::string help_text(const Command &command);

} // namespace uakv::ctl
