// uakvd: reads its settings, builds the server, serves, ends.
#include "daemon/base/log.h"
#include "daemon/config/settings.h"
#include "daemon/io/signals.h"
#include "daemon/server.h"
#include "daemon/service/fd_keeper.h"
#include "daemon/service/service_manager.h"
#include "ipc/sequence_point.h"

#include <cstdio>
#include <filesystem>
#include <new>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <vector>

namespace {

using namespace uakv;

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

// Each client costs five descriptors, each segment two.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int serve(const CommandLine &command) {
    ServiceManager manager(ServiceManager::from_environment());
    raise_descriptor_limit();
    for (const std::string &note : settings_notes(command.settings)) {
        log_warn("{}", note);
    }
    auto signals = open_signals();
    if (!signals.ok()) {
        log_error("{}", signals.error().detail);
        return exit_failure;
    }
    auto server = Server::create(command.settings, std::move(signals.value()), command.reread, manager);
    if (!server.ok()) {
        log_error("{}", server.error().detail);
        return exit_failure;
    }
    log_info("uakvd " UAKV_VERSION " serves {}", server.value()->describe());
    server.value()->run();
    log_info("uakvd stops serving {}", command.settings.socket_path);
    return 0;
}

// A new program at the place of this one is what the keeper starts the next time.
int keep(std::vector<std::string> words) {
    std::error_code failed;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed) {
        log_error("cannot find the program to keep: /proc/self/exe: {}", failed.message());
        return exit_failure;
    }
    words.insert(words.begin(), self.string());
    return run_fd_keeper(words);
}

int run(int argc, char **argv) {
    arm_sequence_point();
    auto command = read_settings(argc, argv);
    if (!command.ok()) {
        log_error("{}", command.error().detail);
        return exit_usage;
    }
    if (command.value().print) {
        return std::fputs(command.value().print->c_str(), stdout) < 0 ? exit_failure : 0;
    }
    set_log_level(command.value().settings.log_level);
    if (command.value().keep) {
        return keep(*command.value().keep);
    }
    return serve(command.value());
}

} // namespace

int main(int argc, char **argv) {
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc &) {
        uakv::log_error("uakvd has no memory left for itself");
        return exit_failure;
    }
}
