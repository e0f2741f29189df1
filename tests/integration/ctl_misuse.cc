// What uakvctl says, and which status it ends with, where it cannot do what was asked.
#include "ctl_process.h"
#include "support/check.h"

#include <array>
#include <cstdlib>
#include <filesystem>

#include <sys/wait.h>

namespace uakv::test {
namespace {

constexpr int misused = 2, no_daemon = 3, refused = 4;

void command_lines() {
    struct {
        std::vector<std::string> arguments;
        const char *words;
    } const table[] = {
        {{}, "no command|help"},
        {{"statsu"}, "no command \"statsu\"|did you mean status?"},
        {{"frobnicate"}, "no command \"frobnicate\"|help"},
        {{"help", "stat"}, "no command \"stat\""},
        {{"status", "--colour"}, "--colour"},
        {{"status", "now"}, "status|\"now\"|usage: uakvctl status"},
        {{"status", "--space", "x"}, "status takes no --space"},
        {{"rm", "--space", "x"}, "rm needs a KEY|usage: uakvctl rm KEY..."},
        {{"rm", "text:a"}, "rm needs --space NAME"},
        {{"clear"}, "clear needs --space NAME"},
        {{"get", "abc", "--space", "x"}, "\"abc\"|64 hex digits|text:"},
        {{"get", "text:a", "b", "c", "--space", "x"}, "get|\"c\""},
        {{"get", "text:a", "--space", "x", "--json"}, "needs a FILE"},
        {{"pin", "text:a", "--space", "x", "--ttl", "soon"}, "--ttl|soon|10s"},
        {{"ls", "--space", "a b"}, "--space|a b"},
        {{"ls", "--timeout"}, "--timeout needs a value"},
        {{"top", "--json"}, "stats --json --watch"},
        {{"advise", "--for", "speed"}, "speed|hit_rate"},
    };
    Daemon daemon;
    for (const auto &row : table) {
        std::vector<std::string> arguments = row.arguments;
        arguments.insert(arguments.begin(), {"--socket", daemon.socket_path()});
        check_refused(run_uakvctl(arguments), misused, row.words);
    }
    check_refused(run_uakvctl({"put", "text:a", "--space", "x", "--socket", daemon.socket_path()}), misused,
                  "at least one byte");
}

const std::array<std::vector<std::string>, 11> &commands_that_ask() {
    static const std::array<std::vector<std::string>, 11> all = {{{"ping"},
                                                                  {"status"},
                                                                  {"stats"},
                                                                  {"top", "--count", "1"},
                                                                  {"ls"},
                                                                  {"why", "text:a"},
                                                                  {"put", "text:a", "--space", "x"},
                                                                  {"get", "text:a", "--space", "x"},
                                                                  {"rm", "text:a", "--space", "x"},
                                                                  {"pin", "text:a", "--space", "x"},
                                                                  {"clear", "--space", "x"}}};
    return all;
}

void without_a_daemon() {
    Directory directory;
    for (std::vector<std::string> arguments : commands_that_ask()) {
        arguments.insert(arguments.begin(), {"--socket", directory.path() + "/s"});
        check_refused(run_uakvctl(arguments), no_daemon, "no daemon serves " + directory.path() + "/s|start uakvd");
    }
    check_refused(run_uakvctl({"ping"}, "", {{"UAKV_SOCKET", directory.path() + "/t"}}), no_daemon,
                  directory.path() + "/t");
}

void with_one_that_stands_still() {
    Daemon daemon;
    daemon.pause();
    for (std::vector<std::string> arguments : commands_that_ask()) {
        arguments.insert(arguments.begin(), {"--timeout", "100ms", "--socket", daemon.socket_path()});
        check_refused(run_uakvctl(arguments), no_daemon, "did not answer in time");
    }
    daemon.resume();
}

void tenants_that_are_not_there() {
    Daemon daemon;
    for (std::vector<std::string> arguments : commands_that_ask()) {
        arguments.insert(arguments.begin(), {"--tenant", "nobody", "--socket", daemon.socket_path()});
        check_refused(run_uakvctl(arguments), refused, "no tenant \"nobody\"");
    }
}

// What does not need a daemon works without one.
void help_and_version() {
    const Outcome help = run_uakvctl({"help"});
    CHECK_EQ(help.end, "exit status 0");
    for (const char *command :
         {"ping", "status", "stats", "top", "ls", "why", "put", "get", "rm", "clear", "pin", "unpin", "advise"}) {
        check_has(help.output, std::string("\n  ") + command + " ");
        const Outcome about = run_uakvctl({"help", command});
        CHECK_EQ(about.end, "exit status 0");
        CHECK_MESSAGE(about.output.starts_with(std::string("usage: uakvctl ") + command), about.output);
        CHECK_EQ(run_uakvctl({command, "--help"}).output, about.output);
    }
    CHECK_EQ(run_uakvctl({"--help"}).output, help.output);
    CHECK_EQ(run_uakvctl({"--version"}).output, std::string("uakvctl ") + uakv_version_string() + "\n");
}

// An answer that does not get out is no answer, whatever it was.
void standard_output_that_is_full() {
    if (!std::filesystem::exists("/dev/full")) {
        throw Skip("there is no /dev/full here");
    }
    Daemon daemon;
    const std::string command = UAKVCTL_PATH " --socket " + daemon.socket_path() + " status >/dev/full 2>/dev/null";
    const int status = std::system(command.c_str());
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), refused);
}

constexpr Case cases[] = {
    {"command_lines", command_lines},
    {"without_a_daemon", without_a_daemon},
    {"with_one_that_stands_still", with_one_that_stands_still},
    {"tenants_that_are_not_there", tenants_that_are_not_there},
    {"standard_output_that_is_full", standard_output_that_is_full},
    {"help_and_version", help_and_version},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_misuse", uakv::test::cases);
}
