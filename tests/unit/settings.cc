// Settings from flags and the environment, as they are used without a file.
#include "configuration.h"

#include <cstdlib>
#include <sstream>

namespace uakv::test {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

void log_levels() {
    CHECK(parse_log_level("error") == LogLevel::error);
    CHECK(parse_log_level("warn") == LogLevel::warn);
    CHECK(parse_log_level("info") == LogLevel::info);
    CHECK(parse_log_level("debug") == LogLevel::debug);
    CHECK(parse_log_level("trace") == LogLevel::trace);
    CHECK(!parse_log_level("") && !parse_log_level("Info") && !parse_log_level("debug "));
    set_log_level(LogLevel::warn);
    CHECK(log_enabled(LogLevel::error) && log_enabled(LogLevel::warn));
    CHECK(!log_enabled(LogLevel::info) && !log_enabled(LogLevel::debug) && !log_enabled(LogLevel::trace));
}

void check_refused(const std::vector<std::string> &arguments, const std::string &wanted,
                   const Environment &environment = {}) {
    const std::string message = refusal_of(arguments, environment);
    CHECK_MESSAGE(message.find(wanted) != std::string::npos, "\"" + message + "\" does not say " + wanted);
}

void flags() {
    const Settings settings = settings_of({"--socket", "/a/b.sock", "--memory=32MiB", "--log-level", "debug"});
    CHECK_EQ(settings.socket_path, "/a/b.sock");
    CHECK_EQ(settings.memory_bytes, 32 * mib);
    CHECK(settings.log_level == LogLevel::debug);
}

void environment() {
    const Environment all = {{"UAKV_SOCKET", "/e.sock"}, {"UAKV_MEMORY", "64MiB"}, {"UAKV_LOG_LEVEL", "warn"}};
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

// --fd-keeper is for the keeper alone; all else is for the uakvd that it runs.
void words_for_the_keeper() {
    const auto kept = [](const std::vector<std::string> &words) {
        auto command = read(words);
        CHECK(command.ok());
        return command.value().keep;
    };
    CHECK(!kept({"--socket", "/s", "--memory", "16MiB"}));
    const std::vector<std::string> rest = {"--socket", "/s", "--memory", "16MiB"};
    CHECK(kept({"--fd-keeper", "--socket", "/s", "--memory", "16MiB"}) == rest);
    CHECK(kept({"--socket", "/s", "--fd-keeper", "--memory", "16MiB"}) == rest);
    CHECK(kept({"--socket", "/s", "--memory", "16MiB", "--fd-k"}) == rest); // as getopt understands it, too
}

void defaults() {
    const Settings settings = settings_of({"--socket", "/s"}, {{"UAKV_MEMORY", ""}, {"UAKV_LOG_LEVEL", ""}});
    CHECK(settings.memory_bytes >= limits::memory_bytes_min && settings.memory_bytes <= limits::memory_bytes_max);
    CHECK(settings.log_level == LogLevel::info);
    const Environment runtime = {{"XDG_RUNTIME_DIR", "/run/user/1"}};
    if (::geteuid() == 0) {
        CHECK_EQ(settings_of({}, runtime).socket_path, "/run/uakv/uakvd.sock");
    } else {
        CHECK_EQ(settings_of({}, runtime).socket_path, "/run/user/1/uakv/uakvd.sock");
        // What a unit names (RuntimeDirectory=) goes before what a login has; of several, the first.
        const Environment service = {{"XDG_RUNTIME_DIR", "/run/user/1"}, {"RUNTIME_DIRECTORY", "/run/uakv:/run/more"}};
        CHECK_EQ(settings_of({}, service).socket_path, "/run/uakv/uakvd.sock");
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
    check_refused({"--socket", "/s", "--preset", "fast"},
                  "--preset: there is no preset \"fast\"; expected development, "
                  "production, high_performance, memory_efficient or "
                  "bulk_processing");
    check_refused({"--socket"}, "--socket needs a value");
    check_refused({"--config"}, "--config needs a value");
    check_refused({"--colour"}, "unknown option --colour");
    check_refused({"-x"}, "unknown option -x");
    check_refused({"--socket", "/s", "more"}, "unexpected argument \"more\"");
}

void the_default_tenant() {
    const Settings settings = settings_of({"--socket", "/s", "--memory", "64MiB"});
    CHECK_EQ(settings.tenants.size(), 1);
    const TenantSettings &tenant = settings.tenants[0];
    CHECK_EQ(tenant.name, "default");
    CHECK(tenant.members.users == std::vector<uid_t>{::geteuid()});
    CHECK(tenant.members.groups == std::vector<gid_t>{::getegid()});
    CHECK(tenant.readers.users.empty() && tenant.readers.groups.empty());
    CHECK_EQ(tenant.memory_bytes, 64 * mib);
    CHECK_EQ(tenant.pinned_bytes_max, 32 * mib);
    CHECK_EQ(tenant.leased_bytes_max, 0);
    CHECK_EQ(tenant.clients_max, limits::clients_max);
    CHECK_EQ(tenant.descriptors_max, 0);
    CHECK_EQ(tenant.operations_per_second, 0);
}

// Help fits a screen of 24 lines of 80 columns, with a line left for the prompt.
void texts() {
    const std::string help = printed({"--help"});
    for (const char *word :
         {"--socket",       "--memory",       "--log-level",      "--config",         "--preset",
          "--print-config", "--check-config", "--fd-keeper",      "--version",        "UAKV_SOCKET",
          "UAKV_MEMORY",    "UAKV_LOG_LEVEL", "UAKV_CONFIG",      "UAKV_PRESET",      "/etc/uakv/uakvd.yaml",
          "development",    "production",     "high_performance", "memory_efficient", "bulk_processing"}) {
        CHECK_MESSAGE(help.find(word) != std::string::npos, word);
    }
    std::istringstream lines(help);
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        CHECK_MESSAGE(line.size() <= 80, line);
    }
    CHECK(count < 24);
    CHECK_EQ(printed({"--version"}), std::string("uakvd ") + uakv_version_string() + "\n");
}

constexpr Case cases[] = {
    {"log_levels", log_levels},
    {"flags", flags},
    {"environment", environment},
    {"words_for_the_keeper", words_for_the_keeper},
    {"defaults", defaults},
    {"refusals_name_what_was_wrong", refusals_name_what_was_wrong},
    {"the_default_tenant", the_default_tenant},
    {"texts", texts},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("settings", uakv::test::cases);
}
