// Sizes, log levels and settings: tables of what is understood and what is refused.
#include "daemon/config/settings.h"
#include "daemon/base/units.h"
#include "ipc/limits.h"
#include "support/check.h"

#include <cstdlib>
#include <getopt.h>
#include <optional>
#include <string>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t kib = 1ULL << 10;
constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t gib = 1ULL << 30;

void good_sizes() {
    struct Row {
        const char *text;
        std::uint64_t bytes;
    };
    const Row rows[] = {
        {"1073741824", gib},
        {"8GiB", 8 * gib},
        {"1.5GiB", 3 * gib / 2},
        {"512MiB", 512 * mib},
        {"64KiB", 64 * kib},
        {"1TiB", 1024 * gib},
        {"12B", 12},
        {"0", 0},
        {"20%", 200},
        {"100%", 1000},
        {"0.5%", 5},
        {"0.25KiB", 256},
        {"1e3", 1000},
        {"8000000TiB", 1024 * gib * 8'000'000},
    };
    for (const Row &row : rows) {
        auto bytes = parse_size(row.text, 1000);
        CHECK_MESSAGE(bytes.ok(), row.text);
        CHECK_EQ(bytes.value(), row.bytes);
    }
}

void bad_sizes() {
    for (const char *text : {"",      " ",    "GiB", "x",   "-1",  "-1GiB", "1 GiB",      "1GB",  "1gib",   "1GiBs",
                             "1KiB ", "101%", "5%%", "nan", "inf", "1e30",  "9000000TiB", "0x10", "1,5GiB", "--5"}) {
        auto bytes = parse_size(text, 1000);
        CHECK_MESSAGE(!bytes.ok(), text);
        CHECK_STATUS(bytes.error().status, UAKV_ERR_INVALID);
        CHECK(bytes.error().detail.find("\"" + std::string(text) + "\" is not a size") != std::string::npos);
    }
}

void sizes_as_text() {
    CHECK_EQ(format_size(0), "0 bytes");
    CHECK_EQ(format_size(1023), "1023 bytes");
    CHECK_EQ(format_size(kib), "1 KiB");
    CHECK_EQ(format_size(3 * mib / 2), "1.5 MiB");
    CHECK_EQ(format_size(8 * gib), "8 GiB");
    CHECK_EQ(format_size(2048 * gib), "2 TiB");
}

void log_levels() {
    CHECK(parse_log_level("error") == LogLevel::error);
    CHECK(parse_log_level("warn") == LogLevel::warn);
    CHECK(parse_log_level("info") == LogLevel::info);
    CHECK(parse_log_level("debug") == LogLevel::debug);
    CHECK(!parse_log_level("") && !parse_log_level("Info") && !parse_log_level("debug "));
    set_log_level(LogLevel::warn);
    CHECK(log_enabled(LogLevel::error) && log_enabled(LogLevel::warn));
    CHECK(!log_enabled(LogLevel::info) && !log_enabled(LogLevel::debug));
}

struct Variable {
    const char *name;
    const char *value;
};

// getopt keeps its place in a global, from which a process begins at 1.
Result<CommandLine> read(std::vector<std::string> arguments, const std::vector<Variable> &environment = {}) {
    for (const char *name : {"UAKV_SOCKET", "UAKV_MEMORY", "UAKV_LOG_LEVEL", "XDG_RUNTIME_DIR"}) {
        ::unsetenv(name);
    }
    for (const Variable &variable : environment) {
        ::setenv(variable.name, variable.value, 1);
    }
    arguments.insert(arguments.begin(), "uakvd");
    std::vector<char *> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string &argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    ::optind = 1;
    return read_settings(static_cast<int>(arguments.size()), pointers.data());
}

Settings settings_of(const std::vector<std::string> &arguments, const std::vector<Variable> &environment = {}) {
    auto command = read(arguments, environment);
    CHECK_MESSAGE(command.ok(), command.ok() ? "" : command.error().detail);
    CHECK(!command.value().print);
    return command.value().settings;
}

void check_refused(const std::vector<std::string> &arguments, const std::string &wanted,
                   const std::vector<Variable> &environment = {}) {
    auto command = read(arguments, environment);
    CHECK_MESSAGE(!command.ok(), wanted);
    CHECK_STATUS(command.error().status, UAKV_ERR_INVALID);
    CHECK_MESSAGE(command.error().detail.find(wanted) != std::string::npos, command.error().detail);
}

void flags() {
    const Settings settings = settings_of({"--socket", "/a/b.sock", "--memory=32MiB", "--log-level", "debug"});
    CHECK_EQ(settings.socket_path, "/a/b.sock");
    CHECK_EQ(settings.memory_bytes, 32 * mib);
    CHECK(settings.log_level == LogLevel::debug);
}

void environment() {
    const std::vector<Variable> all = {
        {"UAKV_SOCKET", "/e.sock"}, {"UAKV_MEMORY", "64MiB"}, {"UAKV_LOG_LEVEL", "warn"}};
    const Settings settings = settings_of({}, all);
    CHECK_EQ(settings.socket_path, "/e.sock");
    CHECK_EQ(settings.memory_bytes, 64 * mib);
    CHECK(settings.log_level == LogLevel::warn);
    const Settings mixed = settings_of({"--memory", "16MiB"}, all); // the flag wins
    CHECK_EQ(mixed.memory_bytes, 16 * mib);
    CHECK_EQ(mixed.socket_path, "/e.sock");
    // Nor does a bad value count that a flag replaces.
    CHECK_EQ(settings_of({"--memory", "16MiB", "--socket", "/s"}, {{"UAKV_MEMORY", "lots"}}).memory_bytes, 16 * mib);
}

void defaults() {
    const Settings settings = settings_of({"--socket", "/s"}, {{"UAKV_MEMORY", ""}, {"UAKV_LOG_LEVEL", ""}});
    CHECK(settings.memory_bytes >= limits::memory_bytes_min && settings.memory_bytes <= limits::memory_bytes_max);
    CHECK(settings.log_level == LogLevel::info);
    const std::vector<Variable> runtime = {{"XDG_RUNTIME_DIR", "/run/user/1"}};
    if (::geteuid() == 0) {
        CHECK_EQ(settings_of({}, runtime).socket_path, "/run/uakv/uakvd.sock");
    } else {
        CHECK_EQ(settings_of({}, runtime).socket_path, "/run/user/1/uakv/uakvd.sock");
        check_refused({}, "--socket PATH");
    }
}

void refusals_name_what_was_wrong() {
    check_refused({"--socket", "/s", "--memory", "lots"}, "--memory: \"lots\" is not a size");
    check_refused({"--socket", "/s"}, "UAKV_MEMORY: \"lots\"", {{"UAKV_MEMORY", "lots"}});
    check_refused({"--socket", "/s", "--memory", "15MiB"}, "expected 16 MiB to 1 TiB");
    check_refused({"--socket", "/s", "--memory", "2TiB"}, "expected 16 MiB to 1 TiB");
    check_refused({"--socket", "/s", "--memory", "0"}, "\"0\" is 0 bytes");
    check_refused({"--socket", "/s", "--log-level", "loud"}, "--log-level: \"loud\"");
    check_refused({"--socket", "/s"}, "UAKV_LOG_LEVEL: \"loud\"", {{"UAKV_LOG_LEVEL", "loud"}});
    check_refused({"--socket"}, "--socket needs a value");
    check_refused({"--colour"}, "unknown option --colour");
    check_refused({"-x"}, "unknown option -x");
    check_refused({"--socket", "/s", "more"}, "unexpected argument \"more\"");
}

void texts() {
    auto help = read({"--help"});
    CHECK(help.ok() && help.value().print);
    for (const char *flag : {"--socket", "--memory", "--log-level", "UAKV_SOCKET", "UAKV_MEMORY", "UAKV_LOG_LEVEL"}) {
        CHECK_MESSAGE(help.value().print->find(flag) != std::string::npos, flag);
    }
    auto version = read({"--version"});
    CHECK(version.ok() && version.value().print);
    CHECK_EQ(*version.value().print, std::string("uakvd ") + uakv_version_string() + "\n");
}

constexpr Case cases[] = {
    {"good_sizes", good_sizes},
    {"bad_sizes", bad_sizes},
    {"sizes_as_text", sizes_as_text},
    {"log_levels", log_levels},
    {"flags", flags},
    {"environment", environment},
    {"defaults", defaults},
    {"refusals_name_what_was_wrong", refusals_name_what_was_wrong},
    {"texts", texts},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("settings", uakv::test::cases);
}
