// The command line of uakvctl: what is understood, what is refused, and that its help fits a screen.
#include "daemon/ctl/help.h"
#include "daemon/ctl/options.h"
#include "ipc/socket_path.h"
#include "support/check.h"

#include <algorithm>
#include <cstdlib>
#include <getopt.h>
#include <sstream>
#include <string>
#include <vector>

namespace uakv::test {
namespace {

using namespace uakv::ctl;

// getopt keeps its place in a global, from which a process begins at 1; 0 makes it forget what it had permuted.
Result<Options> parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "uakvctl");
    std::vector<char *> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string &argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    ::optind = 0;
    return parse_options(static_cast<int>(arguments.size()), pointers.data());
}

Options options_of(const std::vector<std::string> &arguments) {
    auto options = parse(arguments);
    CHECK_MESSAGE(options.ok(), options.ok() ? "" : options.error().detail);
    return options.value();
}

void check_refused(const std::vector<std::string> &arguments, const std::string &wanted) {
    auto options = parse(arguments);
    CHECK_MESSAGE(!options.ok(), wanted);
    CHECK_STATUS(options.error().status, UAKV_ERR_INVALID);
    CHECK_MESSAGE(options.error().detail.find(wanted) != std::string::npos, options.error().detail);
}

void before_and_after_the_command() {
    const Options options = options_of({"--json", "put", "--space", "llama", "text:a", "--socket=/s", "file", "--ttl",
                                        "10min", "--tenant", "chat", "--timeout", "500ms"});
    CHECK_EQ(options.command, "put");
    CHECK_EQ(options.arguments.size(), 2);
    CHECK_EQ(options.arguments[0], "text:a");
    CHECK_EQ(options.arguments[1], "file");
    CHECK(options.json && !options.force && !options.watch);
    CHECK_EQ(options.space, "llama");
    CHECK_EQ(options.socket_path, "/s");
    CHECK_EQ(options.tenant, "chat");
    CHECK_EQ(options.timeout_ms, 500);
    CHECK_EQ(options.ttl_ms.value(), 600'000);
    CHECK(options.given == std::vector<std::string>({"space", "ttl"}));
}

void an_optional_interval() {
    CHECK_EQ(options_of({"stats", "--watch"}).interval_ms, 2'000);
    CHECK_EQ(options_of({"stats", "--watch", "5"}).interval_ms, 5'000);
    CHECK_EQ(options_of({"stats", "--watch=250ms", "--count", "3"}).interval_ms, 250);
    CHECK(options_of({"stats", "--watch", "5"}).arguments.empty());
    CHECK_EQ(options_of({"--watch", "stats"}).command, "stats");
}

void bad_options() {
    check_refused({"--colour"}, "unknown option --colour");
    check_refused({"--spaec", "x"}, "unknown option --spaec; did you mean --space?");
    check_refused({"--tenat=x"}, "did you mean --tenant?");
    check_refused({"ls", "-x"}, "unknown option -x; see uakvctl help");
    check_refused({"ls", "--socket"}, "--socket needs a value");
    check_refused({"ls", "--json=3"}, "--json takes no value");
    check_refused({"ls", "--socket", ""}, "--socket: \"\" has 0 bytes");
    check_refused({"ls", "--socket", std::string(108, 'x')}, "expected 1 to 107");
    check_refused({"ls", "--tenant", std::string(64, 'x')}, "expected 1 to 63");
    check_refused({"ls", "--space", std::string(128, 'x')}, "expected 1 to 127");
    check_refused({"ls", "--space", "two words"}, "without blanks");
    check_refused({"ls", "--timeout", "soon"}, "--timeout: \"soon\" is not a duration");
    check_refused({"ls", "--limit", "0"}, "--limit: it is 0");
    check_refused({"ls", "--limit", "9x"}, "--limit: \"9x\" is not a whole number");
    check_refused({"put", "--parent", "abc"}, "--parent: \"abc\" is no key");
}

void default_sockets() {
    ::setenv("UAKV_SOCKET", "/a/b.sock", 1);
    CHECK_EQ(options_of({"ls"}).socket_path, "/a/b.sock");
    CHECK_EQ(options_of({"ls", "--socket", "/c"}).socket_path, "/c");
    ::unsetenv("UAKV_SOCKET");
    ::setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
    CHECK_EQ(default_socket_path(), "/run/uakv/uakvd.sock");
}

void durations() {
    struct {
        const char *text;
        std::uint32_t ms;
    } const rows[] = {{"1ms", 1},
                      {"2", 2'000},
                      {"0.5", 500},
                      {"1.5s", 1'500},
                      {"2min", 120'000},
                      {"1h", 3'600'000},
                      {"1000h", 3'600'000'000}};
    for (const auto &row : rows) {
        auto ms = parse_time_ms(row.text);
        CHECK_MESSAGE(ms.ok(), row.text);
        CHECK_EQ(ms.value(), row.ms);
    }
    for (const char *text :
         {"", "s", "0", "0.1ms", "-1s", "1 s", "2m", "1hour", "1d", "1200h", "nan", "inf", "1e99h"}) {
        CHECK_MESSAGE(!parse_time_ms(text).ok(), text);
    }
}

void keys() {
    const std::string digits = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
    auto key = parse_key(digits);
    CHECK(key.ok());
    for (unsigned i = 0; i < 32; ++i) {
        CHECK_EQ(key.value().bytes[i], i);
    }
    CHECK_EQ(format_key(key.value()), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    auto text = parse_key("text:abc");
    CHECK(text.ok());
    CHECK_EQ(format_key(text.value()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const std::vector<std::string> bad_keys = {"abc",
                                               "",
                                               digits + "0",
                                               digits.substr(1),
                                               "TEXT:abc",
                                               "+" + digits.substr(1),
                                               std::string(64, 'g'),
                                               digits.substr(0, 62) + "-1"};
    for (const std::string &bad : bad_keys) {
        CHECK_MESSAGE(!parse_key(bad).ok(), bad);
    }
}

void usage_of_commands() {
    const auto check = [](const std::vector<std::string> &arguments) {
        const Options options = options_of(arguments);
        return check_usage(*find_command(options.command), options);
    };
    CHECK(find_command("frob") == nullptr);
    CHECK(check({"rm", "text:a", "text:b", "text:c", "--space", "x"}).ok());
    CHECK(!check({"rm"}).ok());
    CHECK(!check({"ping", "text:a"}).ok());
    CHECK(!check({"get", "text:a", "one", "two"}).ok());
    CHECK(!check({"ping", "--space", "x"}).ok());
    CHECK(check({"ls", "--limit", "3", "--space", "x"}).ok());
    CHECK(!check({"ls", "--ttl", "3s"}).ok());
}

void check_fits(const std::string &text) {
    CHECK_MESSAGE(std::count(text.begin(), text.end(), '\n') <= 24, text);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        CHECK_MESSAGE(line.size() <= 80, line);
    }
}

void help_fits_a_screen() {
    check_fits(help_text());
    for (const Command &command : commands()) {
        check_fits(help_text(command));
        CHECK_MESSAGE(help_text().find(std::string("  ") + command.name + " ") != std::string::npos, command.name);
    }
}

constexpr Case cases[] = {
    {"before_and_after_the_command", before_and_after_the_command},
    {"an_optional_interval", an_optional_interval},
    {"bad_options", bad_options},
    {"default_sockets", default_sockets},
    {"durations", durations},
    {"keys", keys},
    {"usage_of_commands", usage_of_commands},
    {"help_fits_a_screen", help_fits_a_screen},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_options", uakv::test::cases);
}
