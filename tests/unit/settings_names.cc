// The names of settings: each known to every source that may say it, hints for those that are not, and the reference
// in the documentation.
#include "configuration.h"

#include "daemon/base/nearest.h"
#include "daemon/config/keys.h"

#include <map>
#include <set>
#include <sstream>

namespace uakv::test {
namespace {

// A good value for each key that one word can say, other than its default.
const std::map<KeyId, std::string> good_values = {
    {KeyId::socket, "/other"},           {KeyId::memory, "64MiB"},
    {KeyId::max_memory_mb, "64"},        {KeyId::max_tokens, "1024"},
    {KeyId::bytes_per_token, "64KiB"},   {KeyId::log_level, "debug"},
    {KeyId::admin_group, "0"},           {KeyId::single_flight, "7s"},
    {KeyId::enable_gc, "false"},         {KeyId::gc_threshold, "75%"},
    {KeyId::enable_profiling, "true"},   {KeyId::cache_strategy, "lru"},
    {KeyId::use_compression, "false"},   {KeyId::enable_persistence, "true"},
    {KeyId::enable_prefetch, "false"},   {KeyId::persistence_path, "/tmp/kv"},
    {KeyId::num_workers, "17"},          {KeyId::disk_size, "64MiB"},
    {KeyId::disk_free, "1MiB"},          {KeyId::disk_write_rate, "2MiB"},
    {KeyId::disk_write_per_day, "1GiB"}, {KeyId::disk_admit, "reused"},
    {KeyId::disk_file_size, "2MiB"},     {KeyId::disk_checkpoint, "5s"},
    {KeyId::warm_blocks, "1000"},        {KeyId::stop_timeout, "0"},
    {KeyId::gpu_memory, "7%"},           {KeyId::gpu_devices, "1"},
    {KeyId::gpu_required, "true"},       {KeyId::gpu_segment, "4MiB"},
    {KeyId::gpu_driver, "/opt/cuda.so"},
};

bool is_refused_always(const Key &key) {
    return !good_values.contains(key.id);
}

std::string effect(const Key &key, const DiskSettings &disk) {
    switch (key.id) {
    case KeyId::use_compression:
        return disk.compress ? "yes" : "no";
    case KeyId::enable_persistence:
    case KeyId::persistence_path:
        return "at " + disk.path;
    case KeyId::disk_size:
        return std::to_string(disk.bytes);
    case KeyId::disk_free:
        return std::to_string(disk.free_floor_bytes);
    case KeyId::disk_write_rate:
        return std::to_string(disk.write_bytes_per_second);
    case KeyId::disk_write_per_day:
        return std::to_string(disk.write_bytes_per_day);
    case KeyId::disk_admit:
        return disk.only_reused ? "reused" : "all";
    case KeyId::disk_file_size:
        return std::to_string(disk.file_bytes);
    case KeyId::disk_checkpoint:
        return std::to_string(disk.checkpoint_ms);
    case KeyId::warm_blocks:
        return std::to_string(disk.warm_blocks);
    case KeyId::stop_timeout:
        return std::to_string(disk.stop_ms);
    default:
        return "";
    }
}

// The one setting that the key decides, as text.
std::string effect(const Key &key, const Settings &settings) {
    switch (key.id) {
    case KeyId::socket:
        return settings.socket_path;
    case KeyId::memory:
    case KeyId::max_memory_mb:
    case KeyId::max_tokens:
    case KeyId::bytes_per_token:
        return std::to_string(settings.memory_bytes);
    case KeyId::log_level:
        return std::string(log_level_name(settings.log_level));
    case KeyId::admin_group:
        return settings.admin_group ? std::to_string(*settings.admin_group) : "none";
    case KeyId::single_flight:
        return std::to_string(settings.single_flight_ms);
    case KeyId::enable_gc:
        return settings.evict ? "yes" : "no";
    case KeyId::gc_threshold:
        return std::to_string(settings.gc_threshold);
    case KeyId::enable_profiling:
        return settings.profiling ? "yes" : "no";
    case KeyId::num_workers:
        return std::to_string(settings.workers);
    case KeyId::gpu_memory:
        return settings.gpu.memory;
    case KeyId::gpu_devices:
        return settings.gpu.devices.empty() ? "all" : settings.gpu.devices[0];
    case KeyId::gpu_required:
        return settings.gpu.required ? "yes" : "no";
    case KeyId::gpu_segment:
        return std::to_string(settings.gpu.segment_bytes);
    case KeyId::gpu_driver:
        return "by " + settings.gpu.driver;
    default:
        return effect(key, settings.disk);
    }
}

bool is_of_disk(const Key &key) {
    return !effect(key, DiskSettings()).empty();
}

// Read with this key from one source; what else it needs comes from a flag or the environment.
Settings with(const Key &key, const std::string &file_text, Environment environment,
              std::vector<std::string> arguments) {
    if (key.id != KeyId::socket) {
        arguments.insert(arguments.end(), {"--socket", "/s"});
    }
    if (key.id == KeyId::max_tokens) {
        environment.emplace_back("UAKV_BYTES_PER_TOKEN", "64KiB");
    }
    if (key.id == KeyId::bytes_per_token) {
        environment.emplace_back("UAKV_MAX_TOKENS", "1024");
    }
    if (is_of_disk(key) && key.id != KeyId::enable_persistence) {
        environment.emplace_back("UAKV_ENABLE_PERSISTENCE", "true");
    }
    const ConfigFile file(file_text);
    arguments.insert(arguments.end(), {"--config", file.path()});
    return settings_of(arguments, environment);
}

void each_from_each_source() {
    const Settings without = settings_of({"--socket", "/s"});
    const Settings with_disk = settings_of({"--socket", "/s"}, {{"UAKV_ENABLE_PERSISTENCE", "true"}});
    for (const Key &key : daemon_keys()) {
        if (is_refused_always(key)) {
            continue;
        }
        const bool asks_for_disk = is_of_disk(key) && key.id != KeyId::enable_persistence;
        const Settings &untouched = asks_for_disk ? with_disk : without;
        const std::string name(key.name), &value = good_values.at(key.id);
        const std::string by_file = effect(key, with(key, name + ": " + value + "\n", {}, {}));
        if (!key.form.starts_with("lru") && key.missing.empty()) {
            CHECK_MESSAGE(by_file != effect(key, untouched), name + " has no effect");
        }
        for (const std::string &variable : environment_names(key)) {
            CHECK_EQ(effect(key, with(key, "", {{variable, value}}, {})), by_file);
        }
        if (!key.flag.empty()) {
            CHECK_EQ(effect(key, with(key, "", {}, {std::string(key.flag), value})), by_file);
        }
    }
}

// From wherever it comes: what does not exist is refused, with its name.
void what_does_not_exist_is_refused() {
    int refused = 0;
    for (const Key &key : daemon_keys()) {
        if (key.missing.empty()) {
            continue;
        }
        ++refused;
        const std::string what = ": this version has no " + std::string(key.missing);
        const ConfigFile file(std::string(key.name) + ": true\n");
        const std::string by_file = refusal_of({"--socket", "/s", "--config", file.path()});
        CHECK_MESSAGE(by_file.starts_with(file.path() + ":1: " + std::string(key.name) + what), by_file);
        for (const std::string &variable : environment_names(key)) {
            const std::string message = refusal_of({"--socket", "/s"}, {{variable, "true"}});
            CHECK_MESSAGE(message.starts_with(variable + what), message);
        }
    }
    CHECK_EQ(refused, 2);
}

void names_in_the_environment() {
    CHECK(environment_names(key_of(KeyId::memory)) == std::vector<std::string>{"UAKV_MEMORY"});
    CHECK((environment_names(key_of(KeyId::gc_threshold)) ==
           std::vector<std::string>{"UAKV_GC_THRESHOLD", "KV_CACHE_GC_THRESHOLD"}));
    CHECK((environment_names(key_of(KeyId::cache_strategy)) ==
           std::vector<std::string>{"UAKV_CACHE_STRATEGY", "KV_CACHE_STRATEGY"}));
    CHECK(environment_names(key_of(KeyId::tenants)).empty());
    const auto message = [](const Environment &environment) { return refusal_of({"--socket", "/s"}, environment); };
    CHECK_EQ(message({{"UAKV_MEMROY", "1GiB"}}), "UAKV_MEMROY: unknown variable; did you mean UAKV_MEMORY?");
    CHECK_EQ(message({{"KV_CACHE_GC_TRESHOLD", "1"}}),
             "KV_CACHE_GC_TRESHOLD: unknown variable; did you mean KV_CACHE_GC_THRESHOLD?");
    CHECK_EQ(message({{"UAKV_GC_THRESHOLD", "0.9"}, {"KV_CACHE_GC_THRESHOLD", "0.9"}}),
             "KV_CACHE_GC_THRESHOLD: UAKV_GC_THRESHOLD says it too; keep one of the two");
    CHECK_EQ(message({{"UAKV_MEMORY", "1GiB"}, {"KV_CACHE_MAX_MEMORY_MB", "1024"}}),
             "KV_CACHE_MAX_MEMORY_MB: memory (UAKV_MEMORY) says how much memory, too; keep one of the two");
    // Empty means not set, and what is nothing like ours belongs to somebody else.
    CHECK_EQ(
        message({{"UAKV_MEMORY", ""}, {"UAKV_MEMROY", ""}, {"UAKV_TEST_OPERATIONS", "3"}, {"UAKV_TENANT", "chat"}}),
        "");
    CHECK_EQ(message({{"KV_CACHE_COMPRESSION_RATIO", "0.3"}}),
             "KV_CACHE_COMPRESSION_RATIO: this version has nothing of that name; unset it for uakvd");
}

void hints() {
    CHECK_EQ(edit_distance("", ""), 0);
    CHECK_EQ(edit_distance("abc", ""), 3);
    CHECK_EQ(edit_distance("memory", "memroy"), 1);
    CHECK_EQ(edit_distance("kitten", "sitting"), 3);
    CHECK_EQ(edit_distance("max_memory_mb", "maxMemoryMb"), 0);
    CHECK_EQ(edit_distance("log-level", "log_level"), 0);
    CHECK_EQ(edit_distance(std::string(100'000, 'a'), std::string(100'000, 'b')), 64); // looks at no more
    for (const std::span<const Key> keys : {daemon_keys(), tenant_keys()}) {
        for (const Key &key : keys) {
            const std::string name(key.name), wanted = "unknown key; did you mean " + name + "?";
            CHECK_EQ(unknown_key_hint(name + "x", keys), wanted);
            CHECK_EQ(unknown_key_hint(name.substr(1), keys), wanted);
            CHECK_EQ(unknown_key_hint("_" + name, keys), wanted);
        }
    }
}

void names_are_unique() {
    for (const std::span<const Key> keys : {daemon_keys(), tenant_keys()}) {
        std::set<std::string_view> names;
        for (const Key &key : keys) {
            CHECK_MESSAGE(names.insert(key.name).second, std::string(key.name));
            CHECK(!key.form.empty() && !key.standard.empty() && !key.meaning.empty());
            CHECK(&key_of(key.id) == &key);
        }
    }
}

// The tables of docs/configuration.md are those of the program, row for row and in its order.
void documented() {
    std::ifstream file(UAKV_SOURCE_DIR "/docs/configuration.md");
    CHECK(file.good());
    std::vector<std::string> rows;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| `")) {
            rows.push_back(line);
        }
    }
    std::size_t row = 0;
    for (const std::span<const Key> keys : {daemon_keys(), tenant_keys()}) {
        for (const Key &key : keys) {
            CHECK_MESSAGE(row < rows.size(), "the reference lacks the row " + reference_row(key));
            CHECK_EQ(rows[row], reference_row(key));
            ++row;
        }
    }
    CHECK_EQ(row, rows.size());
}

constexpr Case cases[] = {
    {"each_from_each_source", each_from_each_source},
    {"what_does_not_exist_is_refused", what_does_not_exist_is_refused},
    {"names_in_the_environment", names_in_the_environment},
    {"hints", hints},
    {"names_are_unique", names_are_unique},
    {"documented", documented},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("settings_names", uakv::test::cases);
}
