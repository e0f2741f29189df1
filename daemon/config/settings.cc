#include "daemon/config/settings.h"

#include "daemon/base/units.h"
#include "daemon/config/assemble.h"
#include "daemon/config/command_line.h"
#include "daemon/config/disk_config.h"
#include "daemon/config/print_config.h"

#include <fmt/format.h>

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

std::vector<std::string> settings_notes(const Settings &settings) {
    return disk_notes(settings.disk);
}

std::vector<std::string> needs_restart(const Settings &from, const Settings &to) {
    std::vector<std::string> changes;
    const auto note = [&](bool changed, std::string what) {
        if (changed) {
            changes.push_back(std::move(what));
        }
    };
    note(to.socket_path != from.socket_path, fmt::format("the socket {}", to.socket_path));
    note(to.memory_bytes != from.memory_bytes, fmt::format("a memory of {}", format_size(to.memory_bytes)));
    note(to.workers != from.workers, fmt::format("num_workers {}", to.workers));
    note(to.gpu.memory != from.gpu.memory, fmt::format("gpu_memory {}", to.gpu.memory));
    note(to.gpu.devices != from.gpu.devices, "other gpu_devices");
    note(to.gpu.segment_bytes != from.gpu.segment_bytes, "another gpu_segment");
    note(to.gpu.driver != from.gpu.driver, "another gpu_driver");
    const DiskSettings &disk = to.disk;
    if (disk.path != from.disk.path) {
        changes.push_back(disk.path.empty() ? "enable_persistence: false" : fmt::format("the disk at {}", disk.path));
    } else if (!disk.path.empty()) {
        note(disk.file_bytes != from.disk.file_bytes, fmt::format("disk_file_size {}", format_size(disk.file_bytes)));
        note(disk.warm_blocks != from.disk.warm_blocks, fmt::format("warm_blocks {}", disk.warm_blocks));
    }
    return changes;
}

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
    command.keep = arguments.value().keep;
    command.reread = [words = arguments.value()] { return settings_from(words); };
    if (action == Arguments::Action::print_config) {
        command.print = print_config(assembled.value());
    } else if (action == Arguments::Action::check_config) {
        command.print = summarize_config(assembled.value());
    }
    return command;
}

} // namespace uakv
