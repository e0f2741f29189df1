// Settings from a file: every key, who wins over whom, tenants, what is printed, and reading it all again.
#include "configuration.h"

#include "daemon/config/presets.h"

#include <filesystem>
#include <sstream>

namespace uakv::test {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

bool same(const Members &a, const Members &b) {
    return a.users == b.users && a.groups == b.groups;
}

void check_same(const DiskSettings &a, const DiskSettings &b) {
    CHECK_EQ(a.path, b.path);
    CHECK_EQ(a.bytes, b.bytes);
    CHECK_EQ(a.free_floor_bytes, b.free_floor_bytes);
    CHECK_EQ(a.file_bytes, b.file_bytes);
    CHECK_EQ(a.write_bytes_per_second, b.write_bytes_per_second);
    CHECK_EQ(a.write_bytes_per_day, b.write_bytes_per_day);
    CHECK_EQ(a.checkpoint_ms, b.checkpoint_ms);
    CHECK_EQ(a.compress, b.compress);
    CHECK_EQ(a.only_reused, b.only_reused);
    CHECK_EQ(a.warm_blocks, b.warm_blocks);
    CHECK_EQ(a.stop_ms, b.stop_ms);
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
    CHECK_EQ(a.workers, b.workers);
    CHECK_EQ(a.gpu.memory, b.gpu.memory);
    CHECK(a.gpu.devices == b.gpu.devices);
    CHECK_EQ(a.gpu.required, b.gpu.required);
    CHECK_EQ(a.gpu.segment_bytes, b.gpu.segment_bytes);
    CHECK_EQ(a.gpu.driver, b.gpu.driver);
    check_same(a.disk, b.disk);
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
        CHECK_EQ(x.disk_bytes, y.disk_bytes);
        CHECK_EQ(x.gpu_memory, y.gpu_memory);
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
use_compression: no
enable_persistence: on
persistence_path: "/tmp/a cache"
enable_prefetch: off
num_workers: 3
disk_size: 1.5GiB
disk_free: 64MiB
disk_write_rate: 200MiB
disk_write_per_day: 1TiB
disk_admit: reused
disk_file_size: 32MiB
disk_checkpoint: 90s
warm_blocks: 500
stop_timeout: 2min
gpu_memory: 12.5%
gpu_devices: [0, GPU-01234567-89ab-cdef-0123-456789abcdef]
gpu_required: true
gpu_segment: 64MiB
gpu_driver: "/opt/the driver/libcuda.so"
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
    disk: 50%
    gpu_memory: 25%
  - {name: batch.1, groups: [0], disk: 256MiB}
  - {name: "true", read_only_users: [0]}
)";

void check_all_of_disk(const Settings &settings) {
    const DiskSettings &disk = settings.disk;
    CHECK_EQ(settings.workers, 3);
    CHECK_EQ(disk.path, "/tmp/a cache");
    CHECK_EQ(disk.compress, false);
    CHECK_EQ(disk.bytes, 1536 * mib);
    CHECK_EQ(disk.free_floor_bytes, 64 * mib);
    CHECK_EQ(disk.write_bytes_per_second, 200 * mib);
    CHECK_EQ(disk.write_bytes_per_day, mib * mib);
    CHECK_EQ(disk.only_reused, true);
    CHECK_EQ(disk.file_bytes, 32 * mib);
    CHECK_EQ(disk.checkpoint_ms, 90'000);
    CHECK_EQ(disk.warm_blocks, 500);
    CHECK_EQ(disk.stop_ms, 120'000);
    CHECK_EQ(settings.tenants[0].disk_bytes, 768 * mib);
    CHECK_EQ(settings.tenants[1].disk_bytes, 256 * mib);
    CHECK_EQ(settings.tenants[2].disk_bytes, 512 * mib);
    CHECK_EQ(settings.tenants[1].disk_path, "/tmp/a cache/batch.1");
}

void check_all_of_gpus(const Settings &settings) {
    const std::vector<std::string> devices = {"0", "GPU-01234567-89ab-cdef-0123-456789abcdef"};
    CHECK_EQ(settings.gpu.memory, "12.5%");
    CHECK(settings.gpu.devices == devices);
    CHECK_EQ(settings.gpu.required, true);
    CHECK_EQ(settings.gpu.segment_bytes, 64 * mib);
    CHECK_EQ(settings.gpu.driver, "/opt/the driver/libcuda.so");
    CHECK_EQ(settings.tenants[0].gpu_memory, "25%");
    CHECK_EQ(settings.tenants[1].gpu_memory, "");
}

void check_everything(const Settings &settings) {
    check_all_of_gpus(settings);
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
    check_all_of_disk(settings);
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

// A disk that nobody asked for takes nothing; one that is asked for and not described takes a part of its file system.
void disks_by_default() {
    const Settings without = settings_of_file("");
    CHECK(without.disk.path.empty());
    CHECK_EQ(without.disk.bytes, 0);
    CHECK_EQ(without.tenants[0].disk_bytes, 0);
    CHECK(without.workers >= 1 && without.workers <= 8);
    const Settings with = settings_of_file("enable_persistence: true\npersistence_path: /tmp/not/yet/made\n");
    const std::uint64_t whole = std::filesystem::space("/tmp").capacity;
    CHECK_EQ(with.disk.bytes, whole / 5 / mib * mib);
    CHECK_EQ(with.disk.free_floor_bytes, whole / 20 / mib * mib);
    CHECK_EQ(with.tenants[0].disk_bytes, with.disk.bytes);
    CHECK(with.disk.compress && !with.disk.only_reused);
    CHECK_EQ(with.disk.checkpoint_ms, 60'000);
    CHECK_EQ(with.disk.stop_ms, 30'000);
    CHECK_EQ(settings_of_file("enable_persistence: true\npersistence_path: /tmp/\ndisk_size: 10%\n").disk.bytes,
             whole / 10 / mib * mib);
}

void places_by_default() {
    const auto path = [](const Environment &environment) {
        return settings_of_file("enable_persistence: true\n", environment).disk.path;
    };
    if (::geteuid() == 0) {
        CHECK_EQ(path({{"XDG_STATE_HOME", "/tmp/state"}, {"HOME", "/tmp"}}), "/var/lib/uakv");
        return;
    }
    CHECK_EQ(path({{"XDG_STATE_HOME", "/tmp/state"}, {"HOME", "/tmp"}}), "/tmp/state/uakv");
    CHECK_EQ(path({{"STATE_DIRECTORY", "/tmp/own"}, {"HOME", "/tmp"}}), "/tmp/own"); // of a unit (StateDirectory=)
    CHECK_EQ(path({{"XDG_STATE_HOME", ""}, {"HOME", "/tmp"}}), "/tmp/.local/state/uakv");
}

// Files are small where a tenant has little, so that one of them can always be emptied.
void files_fit_the_smallest_tenant() {
    const std::string start = "enable_persistence: true\npersistence_path: /tmp\n";
    const auto file_bytes = [&](const std::string &more) { return settings_of_file(start + more).disk.file_bytes; };
    CHECK_EQ(file_bytes("disk_size: 100GiB\n"), 256 * mib);
    CHECK_EQ(file_bytes("disk_size: 2GiB\n"), 256 * mib);
    CHECK_EQ(file_bytes("disk_size: 2047MiB\n"), 128 * mib);
    CHECK_EQ(file_bytes("disk_size: 16MiB\n"), 2 * mib);
    CHECK_EQ(file_bytes("disk_size: 100GiB\ntenants:\n  - {name: a, users: [0], disk: 100MiB}\n"), 8 * mib);
    CHECK_EQ(file_bytes("disk_size: 16MiB\ndisk_file_size: 1MiB\n"), mib);
    CHECK_EQ(file_bytes("disk_size: 100GiB\ndisk_file_size: 1GiB\n"), 1024 * mib);
}

// What turns the disk off leaves the other keys for the day when it goes; but only those that it can have seen.
void disks_turned_off() {
    const std::string start = "enable_persistence: false\n";
    check_same(settings_of_file(start + "persistence_path: /x\ndisk_size: 1GiB\nuse_compression: true\n"
                                        "tenants:\n  - {name: a, users: [0], disk: 5%}\n")
                   .disk,
               DiskSettings());
    check_same(settings_of_file("use_compression: false\n").disk, DiskSettings());
    check_same(settings_of_file("enable_persistence: true\ndisk_size: 1GiB\npersistence_path: /tmp\n",
                                {{"KV_CACHE_ENABLE_PERSISTENCE", "no"}})
                   .disk,
               DiskSettings());
    CHECK_EQ(settings_of_file(start + "disk_size: 1GiB\n",
                              {{"UAKV_ENABLE_PERSISTENCE", "yes"}, {"UAKV_PERSISTENCE_PATH", "/tmp"}})
                 .disk.bytes,
             1024 * mib);
    const ConfigFile file(start);
    CHECK_EQ(refusal_of({"--socket", "/s", "--config", file.path()}, {{"UAKV_DISK_SIZE", "1GiB"}}),
             "UAKV_DISK_SIZE: enable_persistence is false (" + file.path() +
                 ":1), and it says something only where that is true; set it so, or remove this");
}

void disks_printed() {
    const ConfigFile file("enable_persistence: true\npersistence_path: /tmp\ndisk_size: 10%\nstop_timeout: 0\n");
    const std::string text = printed({"--socket", "/s", "--config", file.path(), "--print-config"});
    const auto has = [&](const std::string &line) {
        CHECK_MESSAGE(text.find("\n" + line) != std::string::npos, "no " + line + " in\n" + text);
    };
    has("enable_persistence: true ");
    has("persistence_path: /tmp ");
    has("stop_timeout: 0 ");
    has("disk_write_rate: 0 ");
    CHECK(text.find("# " + file.path() + ":3, 10% of the file system's\n") != std::string::npos);
    const ConfigFile copy(text);
    check_same(settings_of({"--config", copy.path()}), settings_of({"--socket", "/s", "--config", file.path()}));
    const std::string without = printed({"--socket", "/s", "--print-config"});
    CHECK(without.find("\nenable_persistence: false ") != std::string::npos);
    CHECK(without.find("disk") == std::string::npos);
}

// Good, and said all the same.
void disks_noted() {
    const auto checked_with = [](const std::string &more) {
        const ConfigFile file("memory: 64MiB\nenable_persistence: true\npersistence_path: /tmp\n" + more);
        return printed({"--socket", "/s", "--config", file.path(), "--check-config"});
    };
    std::string text = checked_with("disk_size: 64MiB\ndisk_free: 0\n");
    CHECK_MESSAGE(text.ends_with("memory  64 MiB\ndisk    64 MiB in /tmp, leaving 0 bytes free\n"
                                 "gpu     5% of each\n"
                                 "tenant  default: 64 MiB, 64 MiB of disk, users 1, groups 1, read-only users 0, "
                                 "read-only groups 0\n"),
                  text);
    text = checked_with("disk_size: 64MiB\ntenants:\n  - {name: a, users: [0], disk: 16MiB}\n");
    CHECK_MESSAGE(text.find("note    48 MiB of the disk are given to no tenant\n") != std::string::npos, text);
    text = checked_with("disk_size: 100TiB\n");
    CHECK_MESSAGE(text.find("do not fit into it together; disk_free is kept\n") != std::string::npos, text);
    text = checked_with("disk_size: 64MiB\ndisk_free: 100TiB\n");
    CHECK_MESSAGE(text.find("less than disk_free (100 TiB): no file is made there until it has more\n") !=
                      std::string::npos,
                  text);
    const Settings settings = settings_of_file("enable_persistence: true\npersistence_path: /tmp\ndisk_free: 100TiB\n");
    CHECK_EQ(settings_notes(settings).size(), 2);
    CHECK(settings_notes(settings_of_file("")).empty());
}

void checked() {
    const ConfigFile file("memory: 1GiB\ntenants:\n  - {name: chat, users: [0], memory: 512MiB}\n");
    const std::string text = printed({"--socket", "/s", "--config", file.path(), "--check-config"});
    CHECK_EQ(text, "the configuration is good\n"
                   "read    " +
                       file.path() +
                       "\nsocket  /s\n"
                       "memory  1 GiB\n"
                       "gpu     5% of each\n"
                       "tenant  chat: 512 MiB, users 1, groups 0, read-only users 0, read-only groups 0\n"
                       "note    512 MiB of the memory are given to no tenant\n");
    const std::string most = printed({"--socket", "/s", "--config", file.path(), "--memory", "1TiB", "--check-config"});
    CHECK(most.find("note    this machine has only") != std::string::npos);
    file.write("memory: 1GB\n");
    CHECK(!refusal_of({"--socket", "/s", "--config", file.path(), "--check-config"}).empty());
    CHECK(!refusal_of({"--socket", "/s", "--config", file.path(), "--print-config"}).empty());
}

// Of what has changed, what SIGHUP cannot apply.
void what_needs_a_restart() {
    const std::string disk = "enable_persistence: true\npersistence_path: /tmp\ndisk_size: 2GiB\n";
    const auto changes = [](const std::string &from, const std::string &to) {
        std::string all;
        for (const std::string &change : needs_restart(settings_of_file(from), settings_of_file(to))) {
            all += (all.empty() ? "" : ", ") + change;
        }
        return all;
    };
    CHECK_EQ(changes(disk, disk), "");
    CHECK_EQ(changes(disk, disk + "disk_free: 1GiB\ndisk_write_rate: 1GiB\ndisk_admit: reused\nstop_timeout: 0\n"
                                  "use_compression: false\ndisk_checkpoint: 5s\ndisk_write_per_day: 1TiB\n"),
             "");
    CHECK_EQ(changes("memory: 64MiB\nnum_workers: 1\n", disk + "memory: 128MiB\nnum_workers: 2\n"),
             "a memory of 128 MiB, num_workers 2, the disk at /tmp");
    CHECK_EQ(changes(disk, disk + "disk_file_size: 1MiB\nwarm_blocks: 7\n"), "disk_file_size 1 MiB, warm_blocks 7");
    CHECK_EQ(changes("", "gpu_memory: 0\ngpu_devices: [1]\ngpu_segment: 2MiB\ngpu_driver: x\n"),
             "gpu_memory 0, other gpu_devices, another gpu_segment, another gpu_driver");
    CHECK_EQ(changes(disk, "enable_persistence: false\ndisk_file_size: 1MiB\n"), "enable_persistence: false");
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
    {"disks_by_default", disks_by_default},
    {"places_by_default", places_by_default},
    {"files_fit_the_smallest_tenant", files_fit_the_smallest_tenant},
    {"disks_turned_off", disks_turned_off},
    {"disks_printed", disks_printed},
    {"disks_noted", disks_noted},
    {"checked", checked},
    {"what_needs_a_restart", what_needs_a_restart},
    {"read_again", read_again},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("settings_file", uakv::test::cases);
}
