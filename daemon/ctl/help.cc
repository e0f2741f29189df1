#include "daemon/ctl/help.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sstream>

namespace uakv::ctl {
namespace {

constexpr std::size_t any_number = 1 << 20;

constexpr std::array<Command, 18> all_commands = {{
    {"ping", "", "whether the daemon answers, and how fast",
     "Connects as a client that only reads, sends one request, and says how long\n"
     "that took.",
     "", 0, 0, ping},
    {"status", "", "healthy or not, and why",
     "Says whether the daemon is healthy, what is wrong where it is not, and how full\n"
     "each tenant is. For health checks: exits with 0 when healthy, 1 when not, 3 when\n"
     "no daemon answers.",
     "", 0, 0, show_status},
    {"stats", "[--watch [TIME]] [--count N]", "counters and latencies",
     "Prints every counter since the start of the daemon, and how long calls took.\n"
     "With --watch a line for each TIME (2s) with what happened meanwhile, until\n"
     "Ctrl-C or for N lines; with --json the whole report on a line each time.",
     "watch count", 0, 0, show_stats},
    {"top", "[--interval TIME] [--count N]", "what goes on now, redrawn in place",
     "Shows hit rate, operations, memory and latencies of the last TIME (2s), until\n"
     "Ctrl-C or for N pictures. The first one is the average since the start of the\n"
     "daemon. The last columns are a histogram: which part of the calls took less than\n"
     "the title says. Where the output is no terminal, the pictures follow each other.",
     "interval count", 0, 0, top},
    {"ls", "[--space NAME [--limit N]]", "the spaces, or the blocks of one",
     "Lists the spaces of the tenant; with --space the blocks in it, all or N of them.", "space limit", 0, 0, list},
    {"why", "KEY [--space NAME]", "where a block is, or why it is not there",
     "Says where the block is, or when and why it left: evicted, expired, removed,\n"
     "cleared; or that it was not stored as far back as the daemon remembers. Without\n"
     "--space in all spaces of the tenant. Exits with 0 when it is stored, else 1.",
     "space", 1, 1, why},
    {"put", "KEY [FILE] --space NAME [--ttl TIME] [--parent KEY]", "store a block",
     "Stores a file, or standard input, as the block KEY. A space that does not exist\n"
     "is made, for opaque blocks of any length. A key that is stored already stays as\n"
     "it is. --ttl: how long it lives. --parent: the block before it in its prefix.",
     "space ttl parent", 1, 2, put_block},
    {"get", "KEY [FILE] --space NAME [--force]", "fetch a block",
     "Writes the bytes of a block, after checking them, to a file or to standard\n"
     "output; to a terminal only what is text, unless --force is given. Exits with 1\n"
     "when it is not stored.",
     "space force", 1, 2, get_block},
    {"rm", "KEY... --space NAME", "remove blocks",
     "Removes blocks. Whoever is reading one keeps it until done. Exits with 1 when\n"
     "some were not stored.",
     "space", 1, any_number, remove_blocks},
    {"clear", "--space NAME", "remove all blocks of a space",
     "Removes every block of the space; its name and layout stay.", "space", 0, 0, clear_space},
    {"pin", "KEY... --space NAME [--ttl TIME]", "keep blocks from being evicted",
     "Keeps blocks from being evicted, for TIME or until they are unpinned. They can\n"
     "still be removed, and expire when their own lifetime is over. Exits with 1 when\n"
     "some are not stored.",
     "space ttl", 1, any_number, pin_blocks},
    {"unpin", "KEY... --space NAME", "let pinned blocks go",
     "Ends what pin began. Exits with 1 when some are not stored.", "space", 1, any_number, unpin_blocks},
    {"disk", "", "what lies on disk, and how the disk does",
     "Shows the disk of each tenant: its files and how much of them counts, what is\n"
     "written, refused, loaded, dropped and saved by compression, and its errors.",
     "", 0, 0, show_disk},
    {"verify", "", "read all that lies on disk, drop what is damaged",
     "Lets the daemon read every block that the tenant has on disk, beside its other\n"
     "work, and waits for it. What is damaged is dropped. Exits with 0 when all was\n"
     "good, 1 when something was dropped. Ctrl-C ends the waiting, not the reading.",
     "", 0, 0, verify},
    {"warm", "SPACE [N]", "bring the most used blocks from disk into memory",
     "Lets the daemon bring blocks of the space from disk into memory, the most used\n"
     "first: all of them or N, as long as there is room. Does not wait for it.",
     "", 1, 2, warm},
    {"persist", "DIR [--space NAME]", "copy blocks to files, while the daemon serves",
     "Copies the blocks of the tenant, or of one space, to a file in the directory\n"
     "DIR, which is made where it is missing; a copy that is there already is never\n"
     "overwritten. Each block is copied whole or not at all. Exits with 4 when some\n"
     "could not be read.",
     "space", 1, 1, persist},
    {"load", "DIR [--space NAME]", "store the blocks of such a copy again",
     "Stores what persist has copied to DIR, here or on another machine: all of it, or\n"
     "one space. Each block is checked first; one that is stored already stays as it\n"
     "is. Exits with 4 when some were damaged or found no room.",
     "space", 1, 1, load},
    {"advise", "[--for USE]", "write a configuration for this machine",
     "Looks at the cores, memory, disk and GPUs of this machine and prints a\n"
     "uakvd.yaml with the reason for each line. USE is development, production,\n"
     "latency, throughput, memory or hit_rate; without it, it is asked for on a\n"
     "terminal, and is production elsewhere.",
     "for", 0, 0, advise},
}};

// Where there is room for little.
constexpr const char *short_text = R"(
Options of all commands: --socket PATH, --tenant NAME, --json, --timeout TIME.
A KEY is 64 hex digits, or text:WORDS for the SHA-256 of WORDS.
Exit status: 0 done, 1 no (a miss, not healthy), 2 misused, 3 no daemon answers,
4 refused or failed.  More: uakvctl help COMMAND.  uakvctl --version
)";

constexpr const char *common_text = R"(
Options of all commands, before or after them:
  --socket PATH   of the daemon (UAKV_SOCKET, else where libuakv looks)
  --tenant NAME   whose blocks (the first that this user may use)
  --json          answer in JSON
  --timeout TIME  for an answer, such as 500ms or 10s (5s)
A KEY is 64 hex digits, or text:WORDS for the SHA-256 of WORDS.
Exit status: 0 done, 1 no (a miss, not healthy), 2 misused, 3 no daemon answers,
4 refused or failed.  More: uakvctl help COMMAND.  uakvctl --version
)";

std::string usage_of(const Command &command) {
    return fmt::format("usage: uakvctl {}{}{}", command.name, *command.usage == 0 ? "" : " ", command.usage);
}

bool takes(const Command &command, const std::string &option) {
    std::istringstream names(command.options);
    for (std::string name; names >> name;) {
        if (name == option) {
            return true;
        }
    }
    return false;
}

} // namespace

std::span<const Command> commands() {
    return all_commands;
}

const Command *find_command(std::string_view name) {
    const auto *found = std::find_if(all_commands.begin(), all_commands.end(),
                                     [name](const Command &command) { return command.name == name; });
    return found == all_commands.end() ? nullptr : found;
}

Result<void> check_usage(const Command &command, const Options &options) {
    for (const std::string &option : options.given) {
        if (!takes(command, option)) {
            return error(UAKV_ERR_INVALID, "%s takes no --%s; %s", command.name, option.c_str(),
                         usage_of(command).c_str());
        }
    }
    if (options.arguments.size() < command.arguments_min) {
        const std::string usage = command.usage;
        return error(UAKV_ERR_INVALID, "%s needs a %s; %s", command.name,
                     usage.substr(0, usage.find_first_of(" .")).c_str(), usage_of(command).c_str());
    }
    if (options.arguments.size() > command.arguments_max) {
        return error(UAKV_ERR_INVALID, "%s does not know what to do with \"%s\"; %s", command.name,
                     options.arguments[command.arguments_max].c_str(), usage_of(command).c_str());
    }
    return {};
}

std::string help_text() {
    std::string text = "usage: uakvctl [OPTIONS] COMMAND [ARGUMENTS]\n";
    for (const Command &command : all_commands) {
        text += fmt::format("  {:<7} {}\n", command.name, command.summary);
    }
    return text + (short_text + 1);
}

std::string help_text(const Command &command) {
    return fmt::format("{}\n\n{}\n{}", usage_of(command), command.text, common_text);
}

} // namespace uakv::ctl
