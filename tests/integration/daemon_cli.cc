// The daemon's command line: what it refuses and how it says so, and its place on the socket.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace uakv::test {
namespace {

struct Outcome {
    std::string end;
    std::string output;
};

// Runs uakvd, which is expected to end by itself.
Outcome run_uakvd(const std::vector<std::string> &arguments, const Environment &environment = {},
                  const std::function<void()> &before_exec = {}) {
    Directory directory;
    const std::string log = directory.path() + "/log";
    const pid_t pid = start_uakvd(arguments, log, environment, before_exec);
    std::string end;
    try {
        await("uakvd ends", [&] { return !(end = poll_for_exit(pid)).empty(); });
    } catch (const Failure &failure) {
        kill(pid, SIGKILL);
        wait_for_exit(pid);
        throw Failure(std::string(failure.what()) + "; its log:\n" + read_file(log));
    }
    return {end, read_file(log)};
}

// It refuses to start, and one line of its output has each of the words (separated by '|').
void check_refused(const Outcome &outcome, const std::string &words) {
    CHECK_MESSAGE(outcome.end.starts_with("exit status ") && outcome.end != "exit status 0",
                  "ended with " + outcome.end + ": " + outcome.output);
    std::istringstream list(words);
    for (std::string word; std::getline(list, word, '|');) {
        CHECK_MESSAGE(outcome.output.find(word) != std::string::npos,
                      "\"" + outcome.output + "\" does not name \"" + word + "\"");
    }
}

void bad_flags_and_values() {
    struct {
        std::vector<std::string> arguments;
        const char *words;
    } const table[] = {
        {{"--memroy", "1GiB"}, "--memroy|--help"},
        {{"-xy"}, "-xy|--help"},
        {{"--memory"}, "--memory|value"},
        {{"somewhere"}, "somewhere|--help"},
        {{"--memory", "much"}, "--memory|much|8GiB"},
        {{"--memory", "8GB"}, "--memory|8GB|GiB"},
        {{"--memory", ""}, "--memory|8GiB"},
        {{"--memory", "120%"}, "--memory|120%"},
        {{"--memory", "-1GiB"}, "--memory|-1GiB"},
        {{"--memory", "1MiB"}, "--memory|1MiB|16 MiB"},
        {{"--memory", "999999TiB"}, "--memory|999999TiB"},
        {{"--log-level", "loud"}, "--log-level|loud|error, warn, info, debug or trace"},
        {{"--socket", ""}, "--socket"},
        {{"--socket", std::string("/tmp/") + std::string(200, 'x')}, "--socket|xxx|107"},
        {{"--socket", "/nonexistent/folder/uakvd.sock"}, "/nonexistent/folder"},
    };
    Directory directory;
    for (const auto &row : table) {
        std::vector<std::string> arguments = {"--socket", directory.path() + "/s", "--memory", "16MiB"};
        arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
        check_refused(run_uakvd(arguments), row.words);
    }
    CHECK(!std::filesystem::exists(directory.path() + "/s"));
}

void bad_environment() {
    Directory directory;
    const std::string socket = directory.path() + "/s";
    check_refused(run_uakvd({"--socket", socket}, {{"UAKV_MEMORY", "lots"}}), "UAKV_MEMORY|lots|8GiB");
    check_refused(run_uakvd({"--socket", socket, "--memory", "16MiB"}, {{"UAKV_LOG_LEVEL", "loud"}}),
                  "UAKV_LOG_LEVEL|loud|debug");
}

void help_and_version() {
    const Outcome help = run_uakvd({"--help"});
    CHECK_EQ(help.end, "exit status 0");
    for (const char *word : {"--socket", "--memory", "--log-level", "UAKV_SOCKET"}) {
        CHECK_MESSAGE(help.output.find(word) != std::string::npos, help.output);
    }
    const Outcome version = run_uakvd({"--version"});
    CHECK_EQ(version.end, "exit status 0");
    CHECK_MESSAGE(version.output.find(uakv_version_string()) != std::string::npos, version.output);
}

// All that is wrong with a file is said, a line for each, and nothing is left behind.
void broken_file() {
    Directory directory;
    const std::string file = directory.path() + "/uakvd.yaml", socket = directory.path() + "/s";
    std::ofstream(file) << "memory: 8GB\ngc_treshold: 0.9\nsocket: " << socket << "\n";
    const std::string expected = "uakvd: error: " + file +
                                 ":1: memory: \"8GB\" is not a size (its unit is none of B, KiB, MiB, GiB, TiB, %); "
                                 "write it like 8GiB, 512MiB, 1.5GiB or 20%\nuakvd: error: " +
                                 file + ":2: gc_treshold: unknown key; did you mean gc_threshold?\n";
    for (const char *flag : {"--log-level=info", "--check-config", "--print-config"}) {
        const Outcome outcome = run_uakvd({"--config", file, flag});
        CHECK_EQ(outcome.end, "exit status 2");
        CHECK_EQ(outcome.output, expected);
    }
    CHECK(!std::filesystem::exists(socket));
}

// A file, found by its variable, decides; what is printed of it is a file that serves as well.
void serves_by_a_file() {
    Directory directory;
    const std::string file = directory.path() + "/uakvd.yaml", copy = directory.path() + "/copy.yaml";
    std::ofstream(file) << "max_memory_mb: 48\ntenants:\n  - name: chat\n    users: [" << getuid() << "]\n";
    const Environment environment = {{"UAKV_CONFIG", file}, {"UAKV_SOCKET", directory.path() + "/s"}};
    const Outcome check = run_uakvd({"--check-config"}, environment);
    CHECK_EQ(check.end, "exit status 0");
    CHECK_MESSAGE(check.output.starts_with("the configuration is good\n"), check.output);
    const Outcome print = run_uakvd({"--print-config"}, environment);
    CHECK_EQ(print.end, "exit status 0");
    std::ofstream(copy) << print.output;

    DaemonOptions options;
    options.arguments = {"--config", copy};
    options.memory = "48MiB";
    Daemon daemon(options);
    Client client(daemon);
    CHECK_EQ(client.statistics().bytes_capacity, 48 << 20);
}

void presets_serve() {
    for (const char *name : {"development", "production", "high_performance", "memory_efficient", "bulk_processing"}) {
        const Outcome print = run_uakvd({"--preset", name, "--print-config"});
        CHECK_EQ(print.end, "exit status 0");
        CHECK_MESSAGE(print.output.find("# preset " + std::string(name) + ":") != std::string::npos, print.output);
        const Outcome check = run_uakvd({"--preset", name, "--check-config"});
        CHECK_EQ(check.end, "exit status 0");
        CHECK_MESSAGE(check.output.starts_with("the configuration is good\n"), check.output);
        DaemonOptions options;
        options.arguments = {"--preset", name};
        Daemon daemon(options);
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, make_key("key"), 100), UAKV_OK);
        check_stored(space, make_key("key"), 100);
    }
}

// The environment is used where no flag says otherwise.
void environment_counts() {
    DaemonOptions options;
    options.memory = "32MiB";
    options.environment = {{"UAKV_MEMORY", "1GiB"}, {"UAKV_SOCKET", "/nonexistent/x"}, {"UAKV_LOG_LEVEL", "nonsense"}};
    Daemon by_flags(options);
    Client client(by_flags);
    CHECK_EQ(client.statistics().bytes_capacity, 32 << 20);

    Directory directory;
    const std::string socket = directory.path() + "/s", log = directory.path() + "/log";
    const Environment environment = {{"UAKV_SOCKET", socket}, {"UAKV_MEMORY", "48MiB"}, {"UAKV_LOG_LEVEL", "error"}};
    const pid_t pid = start_uakvd({}, log, environment);
    uakv_client *other = nullptr;
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    std::string end;
    try {
        await("uakvd serves", [&] { return connect_to(socket, 0, 0, &other) == UAKV_OK; });
        CHECK_STATUS(uakv_stats(other, &statistics), UAKV_OK);
        uakv_disconnect(other);
        kill(pid, SIGTERM);
        await("uakvd ends", [&] { return !(end = poll_for_exit(pid)).empty(); });
    } catch (const Failure &) {
        kill(pid, SIGKILL);
        wait_for_exit(pid);
        throw;
    }
    CHECK_EQ(end, "exit status 0");
    CHECK_EQ(statistics.bytes_capacity, 48 << 20);
    CHECK_EQ(read_file(log), "");
}

// A client finds the daemon by UAKV_SOCKET too, and by XDG_RUNTIME_DIR.
void clients_find_it() {
    Directory directory;
    std::filesystem::create_directory(directory.path() + "/uakv");
    Daemon daemon;
    std::filesystem::create_symlink(daemon.socket_path(), directory.path() + "/uakv/uakvd.sock");
    run_child([&] {
        setenv("XDG_RUNTIME_DIR", directory.path().c_str(), 1);
        unsetenv("UAKV_SOCKET");
        uakv_client *client = nullptr;
        CHECK_STATUS(uakv_connect(nullptr, &client), UAKV_OK);
        uakv_disconnect(client);
        setenv("UAKV_SOCKET", "/nonexistent/uakvd.sock", 1);
        CHECK_STATUS(uakv_connect(nullptr, &client), UAKV_ERR_DISCONNECTED);
        CHECK_MESSAGE(last_error().find("/nonexistent/uakvd.sock") != std::string::npos, last_error());
        setenv("UAKV_SOCKET", daemon.socket_path().c_str(), 1);
        unsetenv("XDG_RUNTIME_DIR");
        CHECK_STATUS(uakv_connect(nullptr, &client), UAKV_OK);
        uakv_disconnect(client);
    });
}

void second_daemon_refuses() {
    Daemon daemon;
    check_refused(run_uakvd({"--socket", daemon.socket_path(), "--memory", "16MiB"}),
                  daemon.socket_path() + "|" + std::to_string(daemon.pid()));
    Client client(daemon); // and the first one goes on
    Space space(client);
    CHECK_STATUS(store_block(space, make_key("key"), 100), UAKV_OK);
    // Even one that is stopped holds its place.
    daemon.pause();
    check_refused(run_uakvd({"--socket", daemon.socket_path(), "--memory", "16MiB"}), daemon.socket_path());
    daemon.resume();
    check_stored(space, make_key("key"), 100);
}

void stale_socket_is_replaced() {
    Daemon daemon;
    daemon.kill();
    CHECK(std::filesystem::is_socket(daemon.socket_path()));
    daemon.start();
    { Client client(daemon); }
    daemon.stop();
    CHECK(!std::filesystem::exists(daemon.socket_path()));
}

// Something that is no socket of ours stays where it is.
void other_files_are_left_alone() {
    Directory directory;
    const std::string path = directory.path() + "/precious";
    std::ofstream(path) << "data";
    check_refused(run_uakvd({"--socket", path, "--memory", "16MiB"}), path);
    CHECK_EQ(read_file(path), "data");
}

void unwritable_directory() {
    Directory directory;
    CHECK(chmod(directory.path().c_str(), 0555) == 0);
    const auto become_nobody = [] {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(126);
        }
    };
    check_refused(run_uakvd({"--socket", directory.path() + "/s", "--memory", "16MiB"}, {}, become_nobody),
                  directory.path() + "/s|Permission denied");
}

void socket_is_for_owner_and_group() {
    Daemon daemon;
    struct stat status = {};
    CHECK(stat(daemon.socket_path().c_str(), &status) == 0);
    CHECK_EQ(status.st_mode & 07777, 0660);
    CHECK_EQ(status.st_uid, geteuid());
    CHECK_EQ(status.st_gid, getegid());
}

// One line when it serves, and nothing that sounds like trouble from then to its orderly end.
void healthy_daemon_is_silent() {
    Daemon daemon;
    CHECK_MESSAGE(daemon.log().find("serves " + daemon.socket_path()) != std::string::npos, daemon.log());
    Client first(daemon);
    CHECK_EQ(first.statistics().clients, 1); // so that what it says about the first client has been said
    const std::string before = daemon.log();
    {
        Client client(daemon);
        Space space(client);
        for (const uakv_key &key : make_keys("key", 3000)) {
            CHECK_STATUS(store_block(space, key, 50'000), UAKV_OK);
            check_stored(space, key, 50'000);
        }
    }
    CHECK_EQ(daemon.log(), before);
    daemon.stop();
    CHECK_MESSAGE(daemon.log().find("warn:") == std::string::npos, daemon.log());
    CHECK_MESSAGE(daemon.log().find("error:") == std::string::npos, daemon.log());
}

constexpr Case cases[] = {
    {"bad_flags_and_values", bad_flags_and_values},
    {"bad_environment", bad_environment},
    {"help_and_version", help_and_version},
    {"broken_file", broken_file},
    {"serves_by_a_file", serves_by_a_file},
    {"presets_serve", presets_serve},
    {"environment_counts", environment_counts},
    {"clients_find_it", clients_find_it},
    {"second_daemon_refuses", second_daemon_refuses},
    {"stale_socket_is_replaced", stale_socket_is_replaced},
    {"other_files_are_left_alone", other_files_are_left_alone},
    {"unwritable_directory", unwritable_directory},
    {"socket_is_for_owner_and_group", socket_is_for_owner_and_group},
    {"healthy_daemon_is_silent", healthy_daemon_is_silent},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("daemon_cli", uakv::test::cases);
}
