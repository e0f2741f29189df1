// The presets: what the program carries is what is installed, and each gives settings that print and read back.
#include "configuration.h"

#include "daemon/config/presets.h"

#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <sstream>

namespace uakv::test {
namespace {

constexpr std::string_view names[] = {"development", "production", "high_performance", "memory_efficient",
                                      "bulk_processing"};

void carried_as_installed() {
    std::set<std::string> files;
    for (const auto &entry : std::filesystem::directory_iterator(UAKV_SOURCE_DIR "/systemd/presets")) {
        files.insert(entry.path().filename());
    }
    CHECK_EQ(presets().size(), std::size(names));
    CHECK_EQ(files.size(), std::size(names));
    for (std::size_t i = 0; i < std::size(names); ++i) {
        const Preset &preset = presets()[i];
        CHECK_EQ(preset.name, names[i]);
        std::ifstream file(UAKV_SOURCE_DIR "/systemd/presets/" + std::string(preset.name) + ".yaml");
        CHECK(file.good());
        std::stringstream text;
        text << file.rdbuf();
        CHECK_EQ(preset.text, text.str());
    }
}

void each_is_good() {
    for (const std::string_view name : names) {
        const std::vector<std::string> preset = {"--preset", std::string(name), "--socket", "/s"};
        const auto with = [&](const std::string &flag) {
            std::vector<std::string> all = preset;
            all.push_back(flag);
            return printed(all);
        };
        CHECK_MESSAGE(
            with("--check-config").starts_with("the configuration is good\nread    preset " + std::string(name)),
            std::string(name));
        const ConfigFile copy(with("--print-config"));
        const Settings settings = settings_of(preset), again = settings_of({"--config", copy.path()});
        CHECK_EQ(settings.memory_bytes, again.memory_bytes);
        CHECK(settings.log_level == again.log_level);
        CHECK_EQ(settings.single_flight_ms, again.single_flight_ms);
        CHECK_EQ(settings.evict, again.evict);
        CHECK_EQ(settings.gc_threshold, again.gc_threshold);
        CHECK_EQ(settings.profiling, again.profiling);
        CHECK_EQ(settings.tenants.size(), again.tenants.size());
        CHECK(settings.disk.path.empty()); // nobody's disk is used unasked
        // As a file, it gives what it gives by its name.
        const std::string file = UAKV_SOURCE_DIR "/systemd/presets/" + std::string(name) + ".yaml";
        CHECK_EQ(settings_of({"--socket", "/s", "--config", file}).memory_bytes, settings.memory_bytes);
    }
}

// Each says how a disk is used, for whom turns it on.
void each_has_a_disk_in_mind() {
    const auto values = [](const DiskSettings &disk) {
        return fmt::format("{} {} {} {} {}", disk.bytes, disk.compress, disk.only_reused, disk.warm_blocks,
                           disk.stop_ms);
    };
    const Environment on = {{"UAKV_ENABLE_PERSISTENCE", "true"}, {"UAKV_PERSISTENCE_PATH", "/tmp"}};
    std::set<std::string> seen = {values(settings_of({"--socket", "/s"}, on).disk)};
    for (const std::string_view name : names) {
        const Settings settings = settings_of({"--socket", "/s", "--preset", std::string(name)}, on);
        CHECK_EQ(settings.disk.path, "/tmp");
        const bool is_the_default = name == "production";
        CHECK_MESSAGE(seen.insert(values(settings.disk)).second != is_the_default, std::string(name));
        const ConfigFile copy(printed({"--socket", "/s", "--preset", std::string(name), "--print-config"}, on));
        CHECK_EQ(values(settings_of({"--config", copy.path()}).disk), values(settings.disk));
    }
}

// On a machine with 1 GiB as well: their shares are at least the smallest memory of all.
void each_fits_a_small_machine() {
    for (const Preset &preset : presets()) {
        const std::string text(preset.text);
        const std::size_t at = text.find("\nmemory: ");
        CHECK_MESSAGE(at != std::string::npos, std::string(preset.name));
        const std::string share = text.substr(at + 9, text.find('\n', at + 1) - at - 9);
        CHECK_MESSAGE(share.ends_with('%'), share);
        CHECK((1ULL << 30) / 100 * std::stoull(share) >= limits::memory_bytes_min);
    }
}

// They are different from each other, and from what there is without one.
void each_differs() {
    const auto values = [](const Settings &settings) {
        return std::to_string(settings.memory_bytes) + " " + std::string(log_level_name(settings.log_level)) + " " +
               std::to_string(settings.single_flight_ms) + " " + std::to_string(settings.gc_threshold) + " " +
               std::to_string(settings.profiling);
    };
    std::set<std::string> seen = {values(settings_of({"--socket", "/s"}))};
    for (const std::string_view name : names) {
        CHECK_MESSAGE(seen.insert(values(settings_of({"--socket", "/s", "--preset", std::string(name)}))).second,
                      std::string(name));
    }
}

constexpr Case cases[] = {
    {"carried_as_installed", carried_as_installed},
    {"each_is_good", each_is_good},
    {"each_has_a_disk_in_mind", each_has_a_disk_in_mind},
    {"each_fits_a_small_machine", each_fits_a_small_machine},
    {"each_differs", each_differs},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("presets", uakv::test::cases);
}
