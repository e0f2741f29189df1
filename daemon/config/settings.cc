#include "daemon/config/settings.h"

#include "daemon/config/assemble.h"
#include "daemon/config/command_line.h"
#include "daemon/config/print_config.h"

namespace uakv {
namespace {

Result<Settings> settings_from(const Arguments &arguments) {
    auto assembled = assemble(arguments);
    if (!assembled.ok()) {
        return assembled.take_error();
    }
    return std::move(assembled.value().settings);
}

CommandLine only_print(std::string text) {
    CommandLine command;
    command.print = std::move(text);
    return command;
}

} // namespace

Result<CommandLine> read_settings(int argc, char **argv) {
    auto arguments = parse_command_line(argc, argv);
    if (!arguments.ok()) {
        return arguments.take_error();
    }
    const Arguments::Action action = arguments.value().action;
    if (action == Arguments::Action::help) {
        return only_print(help_text());
    }
    if (action == Arguments::Action::version) {
        return only_print("uakvd " UAKV_VERSION "\n");
    }
    auto assembled = assemble(arguments.value());
    if (!assembled.ok()) {
        return assembled.take_error();
    }
    CommandLine command;
    command.settings = assembled.value().settings;
    command.reread = [words = arguments.value()] { return settings_from(words); };
    if (action == Arguments::Action::print_config) {
        command.print = print_config(assembled.value());
    } else if (action == Arguments::Action::check_config) {
        command.print = summarize_config(assembled.value());
    }
    return command;
}

} // namespace uakv
