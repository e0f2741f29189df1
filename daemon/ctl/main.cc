// uakvctl: looks at a running uakvd and works on its blocks.
#include "daemon/base/nearest.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/help.h"
#include "daemon/ctl/options.h"
#include "daemon/ctl/table.h"

#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace uakv;
using namespace uakv::ctl;

Exit exit_of(uakv_status status) {
    switch (status) {
    case UAKV_MISS:
        return Exit::negative;
    case UAKV_ERR_INVALID:
        return Exit::misused;
    case UAKV_ERR_DISCONNECTED:
    case UAKV_ERR_TIMEOUT:
        return Exit::no_daemon;
    default:
        return Exit::failed;
    }
}

Error unknown_command(const std::string &name) {
    std::vector<std::string> known = {"help"};
    known.reserve(1 + commands().size());
    for (const Command &command : commands()) {
        known.emplace_back(command.name);
    }
    const auto nearest = nearest_name(name, known);
    const std::string hint = nearest ? "did you mean " + *nearest + "?" : "uakvctl help lists them";
    return error(UAKV_ERR_INVALID, "there is no command \"%s\"; %s", name.c_str(), hint.c_str());
}

Result<Exit> help(const std::string &about) {
    if (about.empty()) {
        print(help_text());
        return Exit::done;
    }
    const Command *command = find_command(about);
    if (command == nullptr) {
        return unknown_command(about);
    }
    print(help_text(*command));
    return Exit::done;
}

Result<Exit> run(const Options &options) {
    if (options.version) {
        print("uakvctl " UAKV_VERSION "\n");
        return Exit::done;
    }
    if (options.command == "help") {
        return help(options.arguments.empty() ? "" : options.arguments[0]);
    }
    if (options.help) {
        return help(options.command);
    }
    if (options.command.empty()) {
        return error(UAKV_ERR_INVALID, "no command was given; uakvctl help lists them");
    }
    const Command *command = find_command(options.command);
    if (command == nullptr) {
        return unknown_command(options.command);
    }
    if (auto usage = check_usage(*command, options); !usage.ok()) {
        return usage.take_error();
    }
    return command->run(options);
}

// The answer counts only if it got out.
Result<Exit> run_and_flush(const Options &options) {
    auto outcome = run(options);
    if (outcome.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
        return error(UAKV_ERR_DENIED, "cannot write the answer to standard output; is its disk full?");
    }
    return outcome;
}

} // namespace

int main(int argc, char **argv) {
    auto options = parse_options(argc, argv);
    auto outcome = options.ok() ? run_and_flush(options.value()) : options.take_error();
    if (outcome.ok()) {
        return static_cast<int>(outcome.value());
    }
    std::fprintf(stderr, "uakvctl: %s\n", printable(outcome.error().detail).c_str());
    return static_cast<int>(exit_of(outcome.error().status));
}
