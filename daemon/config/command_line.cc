#include "daemon/config/command_line.h"

#include <algorithm>
#include <getopt.h>

namespace uakv {

const char *help_text() {
    return R"(Usage: uakvd [--config FILE] [--preset NAME] [--socket PATH] [--memory SIZE]
             [--log-level LEVEL] [--fd-keeper] [--check-config | --print-config]

Keeps the KV cache of transformer inference in shared memory, for all processes
of this machine that link libuakv.

  --config FILE      read this file   (UAKV_CONFIG; /etc/uakv/uakvd.yaml if any)
  --preset NAME      begin with development, production, high_performance,
                     memory_efficient or bulk_processing         (UAKV_PRESET)
  --socket PATH      where clients connect  (UAKV_SOCKET; for root
                     /run/uakv/uakvd.sock, or in $XDG_RUNTIME_DIR/uakv)
  --memory SIZE      memory for blocks, such as 8GiB, 512MiB or 20% of the
                     machine's                      (UAKV_MEMORY; 10%)
  --log-level LEVEL  error, warn, info, debug or trace (UAKV_LOG_LEVEL; info)
  --fd-keeper        stay beside uakvd: hold its memory while it dies and starts
                     again; for containers, where systemd does not do it
  --check-config     say whether the configuration is good, and end
  --print-config     print all of it as a file, with where each line comes from
  --help, --version  this text, the version

A flag wins over the environment, that over the file, that over the preset.
SIGTERM stops uakvd, SIGHUP makes it read its configuration again.
)";
}

Result<Arguments> parse_command_line(int argc, char **argv) {
    constexpr option options[] = {{"socket", required_argument, nullptr, 's'},
                                  {"memory", required_argument, nullptr, 'm'},
                                  {"log-level", required_argument, nullptr, 'l'},
                                  {"config", required_argument, nullptr, 'c'},
                                  {"preset", required_argument, nullptr, 'p'},
                                  {"print-config", no_argument, nullptr, 'P'},
                                  {"fd-keeper", no_argument, nullptr, 'k'},
                                  {"check-config", no_argument, nullptr, 'C'},
                                  {"help", no_argument, nullptr, 'h'},
                                  {"version", no_argument, nullptr, 'v'},
                                  {nullptr, 0, nullptr, 0}};
    Arguments arguments;
    int keeper_word = 0;
    ::opterr = 0; // our own messages
    ::optind = 0; // from the beginning, also when this was called before
    for (;;) {
        const int at = std::max(::optind, 1);
        const char *word = at < argc ? argv[at] : ""; // what is looked at; getopt's own account is vague
        const int choice = ::getopt_long(argc, argv, "+:", options, nullptr);
        if (choice == -1) {
            break;
        }
        switch (choice) {
        case 's':
            arguments.values[KeyId::socket] = ::optarg;
            break;
        case 'm':
            arguments.values[KeyId::memory] = ::optarg;
            break;
        case 'l':
            arguments.values[KeyId::log_level] = ::optarg;
            break;
        case 'c':
            arguments.config_path = ::optarg;
            break;
        case 'p':
            arguments.preset = ::optarg;
            break;
        case 'k':
            keeper_word = at;
            break;
        case 'P':
            arguments.action = Arguments::Action::print_config;
            break;
        case 'C':
            arguments.action = Arguments::Action::check_config;
            break;
        case 'h':
            arguments.action = Arguments::Action::help;
            return arguments;
        case 'v':
            arguments.action = Arguments::Action::version;
            return arguments;
        case ':':
            return error(UAKV_ERR_INVALID, "%s needs a value; see uakvd --help", word);
        default:
            return error(UAKV_ERR_INVALID, "unknown option %s; see uakvd --help", word);
        }
    }
    if (::optind < argc) {
        return error(UAKV_ERR_INVALID, "unexpected argument \"%s\"; see uakvd --help", argv[::optind]);
    }
    if (keeper_word != 0) {
        arguments.keep.emplace(argv + 1, argv + argc);
        std::erase(*arguments.keep, argv[keeper_word]);
    }
    return arguments;
}

} // namespace uakv
