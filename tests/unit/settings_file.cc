// Settings from a file: every key, who wins over whom, tenants, what is printed, and reading it all again.
#include "configuration.h"

#include "daemon/config/presets.h"

#include <sstream>

namespace uakv::test {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

bool same(const Members &a, const Members &b) {
    return a.users == b.users && a.groups == b.groups;
}

void check_same(const Settings &a, const Settings &b) {
    CHECK_EQ(a.socket_path, b.socket_path);
    CHECK_EQ(a.memory_bytes, b.memory_bytes);
    CHECK(a.log_level == b.log_level);
    CHECK_EQ(a.profiling, b.profiling);
    CHECK_EQ(a.single_flight_ms, b.single_flight_ms);
    CHECK_EQ(a.evict, b.evict);
    CHECK_EQ(a.gc_threshold, b.gc_threshold);
    CHECK(a.admin_group == b.admin_group);
    CHECK_EQ(a.tenants.size(), b.tenants.size());
    for (std::size_t i = 0; i < a.tenants.size(); ++i) {
        const TenantSettings &x = a.tenants[i], &y = b.tenants[i];
        CHECK_EQ(x.name, y.name);
        CHECK(same(x.members, y.members) && same(x.readers, y.readers));
        CHECK_EQ(x.memory_bytes, y.memory_bytes);
        CHECK_EQ(x.pinned_bytes_max, y.pinned_bytes_max);
        CHECK_EQ(x.leased_bytes_max, y.leased_bytes_max);
        CHECK_EQ(x.clients_max, y.clients_max);
        CHECK_EQ(x.descriptors_max, y.descriptors_max);
        CHECK_EQ(x.operations_per_second, y.operations_per_second);
        CHECK_EQ(x.lease_ms_max, y.lease_ms_max);
    }
}

constexpr const char *everything = R"(# all keys
socket: "/tmp/a socket"
memory: 256MiB
log_level: debug
admin_group: root
single_flight: 1.5s
enable_gc: no
gc_threshold: 98%
enable_profiling: true
cache_strategy: lru
use_compression: false
enable_persistence: false
enable_prefetch: off
tenants:
  - name: chat
    users: [root, 1001]
    groups:
      - 2000
      - 2001
    read_only_users: [1003]
    read_only_groups: [2002, root]
    memory: 50%
    clients: 8
    descriptors: 100
    operations_per_second: 5000
    leased_memory: 25%
    lease_max_age: 90s
    pinned_memory: 16MiB
  - {name: batch.1, groups: [0]}
  - {name: "true", read_only_users: [0]}
)";

void check_everything(const Settings &settings) {
    CHECK_EQ(settings.socket_path, "/tmp/a socket");
    CHECK_EQ(settings.memory_bytes, 256 * mib);
    CHECK(settings.log_level == LogLevel::debug);
    CHECK(settings.admin_group == gid_t{0});
    CHECK_EQ(settings.single_flight_ms, 1500);
    CHECK_EQ(settings.evict, false);
    CHECK_EQ(settings.gc_threshold, 0.98);
    CHECK_EQ(settings.profiling, true);
    CHECK_EQ(settings.tenants.size(), 3);
    const TenantSettings &chat = settings.tenants[0];
    CHECK_EQ(chat.name, "chat");
    CHECK((chat.members.users == std::vector<uid_t>{0, 1001}));
    CHECK((chat.members.groups == std::vector<gid_t>{2000, 2001}));
    CHECK((chat.readers.users == std::vector<uid_t>{1003}));
    CHECK((chat.readers.groups == std::vector<gid_t>{2002, 0}));
    CHECK_EQ(chat.memory_bytes, 128 * mib);
    CHECK_EQ(chat.clients_max, 8);
    CHECK_EQ(chat.descriptors_max, 100);
    CHECK_EQ(chat.operations_per_second, 5000);
    CHECK_EQ(chat.leased_bytes_max, 32 * mib);
    CHECK_EQ(chat.lease_ms_max, 90'000);
    CHECK_EQ(chat.pinned_bytes_max, 16 * mib);
    CHECK_EQ(settings.tenants[1].name, "batch.1");
    CHECK_EQ(settings.tenants[1].memory_bytes, 64 * mib);
    CHECK_EQ(settings.tenants[1].pinned_bytes_max, 32 * mib);
    CHECK_EQ(settings.tenants[1].lease_ms_max, 0);
    CHECK_EQ(settings.tenants[2].name, "true");
    CHECK_EQ(settings.tenants[2].memory_bytes, 64 * mib);
}

void every_key() {
    const ConfigFile file(everything);
    check_everything(settings_of({"--config", file.path()}));
    check_everything(settings_of({}, {{"UAKV_CONFIG", file.path()}}));
}

void empty_files() {
    const Settings without = settings_of({"--socket", "/s"});
    for (const char *text : {"", "\n\n", "# a comment\n", "---\n", "{}\n", "~\n"}) {
        check_same(settings_of_file(text), without);
    }
}

void printed_and_read_back() {
    const ConfigFile file(everything);
    const std::string text = printed({"--config", file.path(), "--print-config"});
    const ConfigFile copy(text);
    check_everything(settings_of({"--config", copy.path()}));
    // The same once more, but for where it comes from.
    const std::string again = printed({"--config", copy.path(), "--print-config"});
    std::istringstream one(text), other(again);
    for (std::string a, b; std::getline(one, a);) {
        CHECK(std::getline(other, b));
        CHECK_EQ(a.substr(0, a.find("  #")), b.substr(0, b.find("  #")));
    }
}

// Each line of the output says where its value came from.
void printed_with_origins() {
    const ConfigFile file("max_tokens: 2048\nbytes_per_token: 32KiB\ngc_threshold: 0.9\n"
                          "tenants:\n  - name: a\n    users: [0]\n");
    const std::string text =
        printed({"--socket", "/s", "--preset", "development", "--config", file.path(), "--print-config"},
                {{"KV_CACHE_ENABLE_PROFILING", "1"}});
    const auto check_line = [&](const std::string &line, const std::string &origin) {
        std::istringstream lines(text);
        for (std::string each; std::getline(lines, each);) {
            if (each.starts_with(line + " ")) {
                CHECK_EQ(each.substr(each.find("# ")), "# " + origin);
                return;
            }
        }
        throw Failure("no line \"" + line + "\" in\n" + text);
    };
    check_line("socket: /s", "--socket");
    check_line("memory: 64MiB", file.path() + ":1, max_tokens 2048");
    check_line("log_level: debug", "preset development:10");
    check_line("gc_threshold: 0.9", file.path() + ":3");
    check_line("enable_profiling: true", "KV_CACHE_ENABLE_PROFILING");
    check_line("enable_gc: true", "default");
    check_line("tenants:", file.path() + ":4");
    check_line("  - name: a", file.path() + ":5");
    check_line("    users: [0]", file.path() + ":6");
    check_line("    memory: 64MiB", "default");
}

// Paths that YAML or a comment would read as something else.
void printed_with_care() {
    for (const std::string &path : {std::string("/a: b # c"), std::string("-"), std::string("/tmp/\"x\"\\y"),
                                    std::string("/tab\there"), std::string("/new\nline"), std::string("~"),
                                    std::string("/caf\xc3\xa9"), std::string("null"), std::string("[x]")}) {
        const ConfigFile copy(printed({"--socket", path, "--print-config"}));
        CHECK_EQ(settings_of({"--config", copy.path()}).socket_path, path);
    }
}

void who_wins() {
    const ConfigFile file("memory: 100MiB\nlog_level: error\nsingle_flight: 3s\n");
    const std::vector<std::string> flags = {"--socket", "/s", "--config", file.path(), "--preset", "bulk_processing"};
    const auto with = [&](const std::vector<std::string> &more, const Environment &environment) {
        std::vector<std::string> all = flags;
        all.insert(all.end(), more.begin(), more.end());
        return settings_of(all, environment);
    };
    Settings settings = with({}, {});
    CHECK_EQ(settings.gc_threshold, 0.9);      // only the preset says so
    CHECK_EQ(settings.single_flight_ms, 3000); // the preset says 2min
    CHECK_EQ(settings.memory_bytes, 100 * mib);
    settings = with({}, {{"UAKV_MEMORY", "200MiB"}, {"UAKV_SINGLE_FLIGHT", "4s"}});
    CHECK_EQ(settings.memory_bytes, 200 * mib);
    CHECK_EQ(settings.single_flight_ms, 4000);
    CHECK(settings.log_level == LogLevel::error);
    settings = with({"--memory", "300MiB", "--log-level", "warn"}, {{"UAKV_MEMORY", "200MiB"}});
    CHECK_EQ(settings.memory_bytes, 300 * mib);
    CHECK(settings.log_level == LogLevel::warn);
    // Another word for the memory wins as well, and so does a preset named in the environment.
    CHECK_EQ(with({}, {{"KV_CACHE_MAX_MEMORY_MB", "400"}}).memory_bytes, 400 * mib);
    CHECK_EQ(with({"--memory", "1GiB"}, {{"KV_CACHE_MAX_MEMORY_MB", "much"}}).memory_bytes, 1024 * mib);
    CHECK_EQ(settings_of({"--socket", "/s"}, {{"UAKV_PRESET", "high_performance"}}).gc_threshold, 0.95);
    // A file must be good even where something else wins.
    const ConfigFile broken("memory: much\n");
    CHECK(refusal_of({"--socket", "/s", "--memory", "1GiB", "--config", broken.path()}).find("\"much\"") !=
          std::string::npos);
}

void memory_in_tokens() {
    const Settings settings = settings_of_file("max_tokens: 4096\nbytes_per_token: 128KiB\n");
    CHECK_EQ(settings.memory_bytes, 512 * mib);
    CHECK_EQ(settings.tenants[0].memory_bytes, 512 * mib);
    CHECK_EQ(settings_of_file("bytes_per_token: 128KiB\n", {{"KV_CACHE_MAX_TOKENS", "1024"}}).memory_bytes, 128 * mib);
    CHECK_EQ(settings_of_file("max_tokens: 1024\nbytes_per_token: 1MiB\n", {{"UAKV_MEMORY", "32MiB"}}).memory_bytes,
             32 * mib);
    CHECK_EQ(settings_of_file("max_memory_mb: 48\n").memory_bytes, 48 * mib);
    const ConfigFile file("max_tokens: 1099511627776\nbytes_per_token: 1TiB\n");
    CHECK(refusal_of({"--socket", "/s", "--config", file.path()}).find("expected 16 MiB to 1 TiB") !=
          std::string::npos);
}

// What the tenants get depends on what they share, wherever that comes from.
void tenants_divide_the_memory() {
    const ConfigFile file("memory: 100MiB\ntenants:\n  - {name: a, users: [0], memory: 40%}\n"
                          "  - {name: b, users: [0]}\n  - {name: c, users: [0]}\n");
    const auto memory_of = [&](const std::vector<std::string> &more) {
        std::vector<std::string> arguments = {"--socket", "/s", "--config", file.path()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        std::vector<std::uint64_t> bytes;
        for (const TenantSettings &tenant : settings_of(arguments).tenants) {
            bytes.push_back(tenant.memory_bytes / mib);
        }
        return bytes;
    };
    CHECK((memory_of({}) == std::vector<std::uint64_t>{40, 30, 30}));
    CHECK((memory_of({"--memory", "1GiB"}) == std::vector<std::uint64_t>{409, 307, 307}));
    CHECK(refusal_of({"--socket", "/s", "--memory", "41MiB", "--config", file.path()}).find("12 MiB are left") !=
          std::string::npos);
}

void checked() {
    const ConfigFile file("memory: 1GiB\ntenants:\n  - {name: chat, users: [0], memory: 512MiB}\n");
    const std::string text = printed({"--socket", "/s", "--config", file.path(), "--check-config"});
    CHECK_EQ(text, "the configuration is good\n"
                   "read    " +
                       file.path() +
                       "\n"
                       "socket  /s\n"
                       "memory  1 GiB\n"
                       "tenant  chat: 512 MiB, users 1, groups 0, read-only users 0, read-only groups 0\n"
                       "note    512 MiB of the memory are given to no tenant\n");
    const std::string most = printed({"--socket", "/s", "--config", file.path(), "--memory", "1TiB", "--check-config"});
    CHECK(most.find("note    this machine has only") != std::string::npos);
    file.write("memory: 1GB\n");
    CHECK(!refusal_of({"--socket", "/s", "--config", file.path(), "--check-config"}).empty());
    CHECK(!refusal_of({"--socket", "/s", "--config", file.path(), "--print-config"}).empty());
}

// As SIGHUP does: the same sources as at the start, as they are now.
void read_again() {
    const ConfigFile file("log_level: warn\n");
    auto command = read({"--socket", "/s", "--memory", "64MiB", "--config", file.path()});
    CHECK(command.ok() && command.value().settings.log_level == LogLevel::warn);
    file.write("log_level: debug\nmemory: 1GiB\nenable_profiling: true\n");
    auto again = command.value().reread();
    CHECK(again.ok());
    CHECK(again.value().log_level == LogLevel::debug);
    CHECK_EQ(again.value().profiling, true);
    CHECK_EQ(again.value().memory_bytes, 64 * mib); // the flag still wins
    CHECK_EQ(again.value().socket_path, "/s");
    file.write("log_level: loud\n");
    again = command.value().reread();
    CHECK(!again.ok());
    CHECK_EQ(again.error().detail,
             file.path() + ":1: log_level: \"loud\" is no log level; expected error, warn, info, debug or trace");
}

constexpr Case cases[] = {
    {"every_key", every_key},
    {"empty_files", empty_files},
    {"printed_and_read_back", printed_and_read_back},
    {"printed_with_origins", printed_with_origins},
    {"printed_with_care", printed_with_care},
    {"who_wins", who_wins},
    {"memory_in_tokens", memory_in_tokens},
    {"tenants_divide_the_memory", tenants_divide_the_memory},
    {"checked", checked},
    {"read_again", read_again},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("settings_file", uakv::test::cases);
}
