#include "daemon/config/settings.h"

#include "daemon/base/machine.h"
#include "daemon/base/units.h"
#include "ipc/limits.h"

#include <cstdlib>
#include <fmt/format.h>
#include <getopt.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr const char *default_memory = "10%";

constexpr const char *help_text =
    R"(Usage: uakvd [--socket PATH] [--memory SIZE] [--log-level LEVEL]

Keeps the KV cache of transformer inference in shared memory, for all processes
of this machine that link libuakv.

  --socket PATH      where clients connect         (UAKV_SOCKET; as root
                     /run/uakv/uakvd.sock, else $XDG_RUNTIME_DIR/uakv/uakvd.sock)
  --memory SIZE      memory for blocks, such as 8GiB, 512MiB or 20% of the
                     machine's                     (UAKV_MEMORY; 10%)
  --log-level LEVEL  error, warn, info or debug    (UAKV_LOG_LEVEL; info)
  --help             this text
  --version          the version

Stop it with SIGTERM. A flag wins over the environment.
)";

// The text of one setting and where it came from, for messages.
struct Source {
    std::string name;
    std::string text;
};

std::optional<Source> from_environment(const char *variable) {
    const char *text = std::getenv(variable);
    return text != nullptr && *text != 0 ? std::optional<Source>({variable, text}) : std::nullopt;
}

Result<std::string> default_socket_path() {
    if (::geteuid() == 0) {
        return std::string("/run/uakv/uakvd.sock");
    }
    if (const auto directory = from_environment("XDG_RUNTIME_DIR")) {
        return directory->text + "/uakv/uakvd.sock";
    }
    return error(UAKV_ERR_INVALID, "no place for the socket: this user has no $XDG_RUNTIME_DIR; pass --socket PATH");
}

Result<std::uint64_t> read_memory(const Source &source) {
    auto bytes = parse_size(source.text, machine_memory_bytes());
    if (!bytes.ok()) {
        return error(UAKV_ERR_INVALID, "%s: %s", source.name.c_str(), bytes.error().detail.c_str());
    }
    if (bytes.value() < limits::memory_bytes_min || bytes.value() > limits::memory_bytes_max) {
        return error(UAKV_ERR_INVALID, "%s: \"%s\" is %s; expected %s to %s", source.name.c_str(), source.text.c_str(),
                     format_size(bytes.value()).c_str(), format_size(limits::memory_bytes_min).c_str(),
                     format_size(limits::memory_bytes_max).c_str());
    }
    return bytes;
}

struct Sources {
    std::optional<Source> socket = from_environment("UAKV_SOCKET");
    std::optional<Source> memory = from_environment("UAKV_MEMORY");
    std::optional<Source> log_level = from_environment("UAKV_LOG_LEVEL");
};

Result<Settings> settle(const Sources &sources) {
    Settings settings;
    auto path = sources.socket ? Result<std::string>(sources.socket->text) : default_socket_path();
    if (!path.ok()) {
        return path.take_error();
    }
    const std::size_t length = path.value().size();
    if (length == 0 || length > limits::socket_path_bytes_max) {
        const std::string name = sources.socket ? sources.socket->name : "$XDG_RUNTIME_DIR";
        return error(UAKV_ERR_INVALID, "%s: the path \"%s\" has %zu bytes; expected 1 to %zu", name.c_str(),
                     path.value().c_str(), length, limits::socket_path_bytes_max);
    }
    settings.socket_path = path.value();
    auto memory = read_memory(sources.memory.value_or(Source{"--memory", default_memory}));
    if (!memory.ok()) {
        return memory.take_error();
    }
    settings.memory_bytes = memory.value();
    if (sources.log_level) {
        const auto level = parse_log_level(sources.log_level->text);
        if (!level) {
            return error(UAKV_ERR_INVALID, "%s: \"%s\" is no log level; expected error, warn, info or debug",
                         sources.log_level->name.c_str(), sources.log_level->text.c_str());
        }
        settings.log_level = *level;
    }
    return settings;
}

CommandLine only_print(const char *text) {
    CommandLine command;
    command.print = text;
    return command;
}

} // namespace

Result<CommandLine> read_settings(int argc, char **argv) {
    constexpr option options[] = {
        {"socket", required_argument, nullptr, 's'},    {"memory", required_argument, nullptr, 'm'},
        {"log-level", required_argument, nullptr, 'l'}, {"help", no_argument, nullptr, 'h'},
        {"version", no_argument, nullptr, 'v'},         {nullptr, 0, nullptr, 0}};
    Sources sources;
    ::opterr = 0; // our own messages
    for (;;) {
        const char *word = ::optind < argc ? argv[::optind] : ""; // what is looked at; getopt's own account is vague
        const int choice = ::getopt_long(argc, argv, "+:", options, nullptr);
        if (choice == -1) {
            break;
        }
        switch (choice) {
        case 's':
            sources.socket = Source{"--socket", ::optarg};
            break;
        case 'm':
            sources.memory = Source{"--memory", ::optarg};
            break;
        case 'l':
            sources.log_level = Source{"--log-level", ::optarg};
            break;
        case 'h':
            return only_print(help_text);
        case 'v':
            return only_print("uakvd " UAKV_VERSION "\n");
        case ':':
            return error(UAKV_ERR_INVALID, "%s needs a value; see uakvd --help", word);
        default:
            return error(UAKV_ERR_INVALID, "unknown option %s; see uakvd --help", word);
        }
    }
    if (::optind < argc) {
        return error(UAKV_ERR_INVALID, "unexpected argument \"%s\"; see uakvd --help", argv[::optind]);
    }
    auto settings = settle(sources);
    return settings.ok() ? Result<CommandLine>({settings.value(), std::nullopt}) : settings.take_error();
}

} // namespace uakv
