// uakvctl on a terminal: pictures in place, Ctrl-C, questions, and what bash completes.
#include "ctl_process.h"
#include "support/check.h"
#include "support/client.h"
#include "support/process.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace uakv::test {
namespace {

constexpr const char *home_and_clear = "\033[H\033[J";
constexpr const char *control_c = "\003";

void top_draws_in_place() {
    Daemon daemon;
    OnTerminal terminal({"top", "--interval", "10ms", "--socket", daemon.socket_path()});
    terminal.await_text(home_and_clear, 3);
    terminal.await_text("HIT RATE", 3);
    terminal.type(control_c);
    CHECK_EQ(terminal.await_end(), "exit status 0");
    CHECK_MESSAGE(terminal.seen().starts_with(home_and_clear), terminal.seen());
}

// It never scrolls: of a low terminal it leaves the last line free.
void top_fits_a_low_terminal() {
    Daemon daemon;
    OnTerminal terminal({"top", "--count", "1", "--socket", daemon.socket_path()}, 6);
    CHECK_EQ(terminal.await_end(), "exit status 0");
    CHECK_EQ(std::count(terminal.seen().begin(), terminal.seen().end(), '\n'), 5);
    check_has(terminal.seen(), "uakvd|TENANT");
}

void watching_ends_with_control_c() {
    Daemon daemon;
    OnTerminal terminal({"stats", "--watch", "10ms", "--socket", daemon.socket_path()});
    terminal.await_text("HITS/S");
    terminal.type(control_c);
    CHECK_EQ(terminal.await_end(), "exit status 0");
}

// One that goes away ends it, too.
void top_ends_with_the_daemon() {
    Daemon daemon;
    OnTerminal terminal({"top", "--interval", "10ms", "--socket", daemon.socket_path()});
    terminal.await_text("HIT RATE", 2);
    daemon.stop();
    CHECK_EQ(terminal.await_end(), "exit status 3");
    check_has(terminal.seen(), "uakvctl: the daemon at " + daemon.socket_path());
}

void binary_blocks_stay_off_it() {
    Daemon daemon;
    const std::vector<std::string> get = {"get", "text:a", "--space", "x", "--socket", daemon.socket_path()};
    ctl(daemon, {"put", "text:a", "--space", "x"}, 0, "a\001b");
    {
        OnTerminal terminal(get);
        CHECK_EQ(terminal.await_end(), "exit status 4");
        check_has(terminal.seen(), "FILE|--force");
        CHECK(terminal.seen().find("a\001b") == std::string::npos);
    }
    std::vector<std::string> forced = get;
    forced.emplace_back("--force");
    OnTerminal terminal(forced);
    CHECK_EQ(terminal.await_end(), "exit status 0");
    check_has(terminal.seen(), "a\001b");
    ctl(daemon, {"put", "text:b", "--space", "x"}, 0, "plain text");
    OnTerminal text({"get", "text:b", "--space", "x", "--socket", daemon.socket_path()});
    CHECK_EQ(text.await_end(), "exit status 0");
    check_has(text.seen(), "plain text");
}

void advice_is_asked_for() {
    struct {
        const char *answer;
        const char *use;
    } const table[] = {
        {"latency\n", "# uakvd for latency"}, {"5\n", "# uakvd for memory"}, {"\n", "# uakvd for production"}};
    for (const auto &row : table) {
        OnTerminal terminal({"advise"});
        terminal.await_text("[production]: ");
        terminal.type(row.answer);
        CHECK_EQ(terminal.await_end(), "exit status 0");
        check_has(terminal.seen(), row.use);
    }
    OnTerminal terminal({"advise"});
    terminal.await_text("[production]: ");
    terminal.type("7\n");
    CHECK_EQ(terminal.await_end(), "exit status 2");
}

// What bash offers for a line of these words, the last of which is being typed.
std::vector<std::string> completions(const std::string &words) {
    const std::string program(UAKVCTL_PATH);
    const Directory directory;
    const std::string file = directory.path() + "/out";
    const std::string script = "source " UAKVCTL_COMPLETION "; COMP_WORDS=(" + program + " " + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _uakvctl; "
                               "printf \"%s\\n\" \"${COMPREPLY[@]}\"";
    const std::string command = "bash -c '" + script + "' > " + file;
    CHECK_MESSAGE(std::system(command.c_str()) == 0, command);
    std::istringstream lines(read_file(file));
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);) {
        all.push_back(line);
    }
    return all;
}

void check_offers(const std::string &words, const std::vector<std::string> &expected) {
    std::string text;
    const std::vector<std::string> offered = completions(words);
    for (const std::string &each : offered) {
        text += each + " ";
    }
    CHECK_MESSAGE(offered == expected, words + ": " + text);
}

void completion() {
    if (std::system("bash -c true") != 0) {
        throw Skip("there is no bash here");
    }
    check_offers("st", {"status", "stats"});
    check_offers("--json un", {"unpin"});
    check_offers("--socket /s wh", {"why"});
    check_offers("help pi", {"ping", "pin"});
    check_offers("ls --l", {"--limit"});
    check_offers("status --s", {"--socket"});
    check_offers("advise --for la", {"latency"});
    Daemon daemon;
    ctl(daemon, {"put", "text:a", "--space", "notes"}, 0, "a");
    ctl(daemon, {"put", "text:a", "--space", "other"}, 0, "a");
    check_offers("--socket " + daemon.socket_path() + " ls --space n", {"notes"});
    // It knows every command that the help knows, and each option of theirs.
    const std::string help = run_uakvctl({"help"}).output;
    std::istringstream lines(help.substr(help.find('\n') + 1));
    const std::vector<std::string> commands = completions("\"\"");
    for (std::string line; std::getline(lines, line) && line.starts_with("  ");) {
        std::istringstream words(line);
        std::string command;
        words >> command;
        CHECK_MESSAGE(std::find(commands.begin(), commands.end(), command) != commands.end(), command);
        const std::string about = run_uakvctl({"help", command}).output;
        const std::string usage = about.substr(0, about.find('\n'));
        const std::vector<std::string> options = completions(command + " --");
        for (size_t at = 0; (at = usage.find("--", at)) != std::string::npos; ++at) {
            const std::string option = usage.substr(at, usage.find_first_of(" ]", at) - at);
            CHECK_MESSAGE(std::find(options.begin(), options.end(), option) != options.end(), command + " " + option);
        }
    }
}

constexpr Case cases[] = {
    {"top_draws_in_place", top_draws_in_place},
    {"top_fits_a_low_terminal", top_fits_a_low_terminal},
    {"watching_ends_with_control_c", watching_ends_with_control_c},
    {"top_ends_with_the_daemon", top_ends_with_the_daemon},
    {"binary_blocks_stay_off_it", binary_blocks_stay_off_it},
    {"advice_is_asked_for", advice_is_asked_for},
    {"completion", completion},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_terminal", uakv::test::cases);
}
