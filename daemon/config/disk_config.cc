#include "daemon/config/disk_config.h"

#include "daemon/base/file_system.h"
#include "daemon/base/units.h"
#include "daemon/config/values.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr const char *default_size = "20%";
constexpr const char *default_floor = "5%";
constexpr const char *root_path = "/var/lib/uakv";
constexpr std::size_t path_bytes_max = 1023; // the names of tenants and files go behind it
constexpr std::uint64_t mebibyte = 1ULL << 20;
constexpr std::uint64_t amount_min = mebibyte; // what is less was given without its unit
constexpr std::uint64_t checkpoint_ms_min = 1000;
constexpr std::uint64_t checkpoint_ms_max = 24 * 60 * 60 * 1000;
constexpr std::uint64_t stop_ms_max = 60 * 60 * 1000;

std::optional<std::string> read_path(const Given &given, Complaints &complaints) {
    const auto path = read_word(given, complaints);
    if (!path) {
        return std::nullopt;
    }
    if (path->empty() || path->size() > path_bytes_max) {
        complaints.add(given.subject, fmt::format("the path \"{}\" has {} bytes; expected 1 to {}", *path, path->size(),
                                                  path_bytes_max));
        return std::nullopt;
    }
    if (path->front() != '/') {
        complaints.add(given.subject,
                       fmt::format("\"{}\" depends on where uakvd is started; expected {}", *path, given.key->form));
        return std::nullopt;
    }
    return path;
}

// A size that is no part of anything, or 0.
std::uint64_t read_amount(const Given &given, Complaints &complaints) {
    if (given.value.text.ends_with('%')) {
        complaints.add(given.subject,
                       fmt::format("\"{}\" is a part of nothing; expected {}", given.value.text, given.key->form));
        return 0;
    }
    const std::uint64_t bytes = read_size(given, 0, complaints).value_or(0);
    if (bytes != 0 && bytes < amount_min) {
        complaints.add(given.subject, fmt::format("\"{}\" is {}; expected at least {}, or 0 for no limit; is a unit "
                                                  "missing?",
                                                  given.value.text, format_size(bytes), format_size(amount_min)));
    }
    return bytes;
}

std::optional<std::uint64_t> read_file_size(const Given &given, Complaints &complaints) {
    const auto bytes = read_size(given, 0, complaints);
    if (bytes && (!std::has_single_bit(*bytes) || *bytes < limits::disk_file_bytes_min ||
                  *bytes > limits::disk_file_bytes_max)) {
        complaints.add(given.subject, fmt::format("\"{}\" is {}; expected a power of two, {} to {}", given.value.text,
                                                  format_size(*bytes), format_size(limits::disk_file_bytes_min),
                                                  format_size(limits::disk_file_bytes_max)));
        return std::nullopt;
    }
    return bytes;
}

// Percentages come in whole MiB: they are easier to read, and nobody counts on the rest.
std::uint64_t part_of(const std::string &text, std::uint64_t whole) {
    const std::uint64_t bytes = parse_size(text, whole).value();
    return text.ends_with('%') ? bytes - bytes % mebibyte : bytes;
}

std::optional<std::string> absolute_variable(const char *name) {
    const auto value = environment_value(name);
    return value && value->starts_with('/') ? value : std::nullopt;
}

std::optional<std::string> usual_path() {
    if (::geteuid() == 0) {
        return root_path;
    }
    // A service has a directory of its own, which its unit names (StateDirectory=).
    if (const auto own = absolute_variable("STATE_DIRECTORY")) {
        return own->substr(0, own->find(':'));
    }
    if (const auto state = absolute_variable("XDG_STATE_HOME")) {
        return *state + "/uakv";
    }
    if (const auto home = absolute_variable("HOME")) {
        return *home + "/.local/state/uakv";
    }
    return std::nullopt;
}

} // namespace

bool DiskConfig::take(const Given &given, Complaints &complaints) {
    switch (given.key->id) {
    case KeyId::enable_persistence: {
        const auto on = read_flag(given, complaints);
        unclear_ = !on;
        on_ = on.value_or(false);
        break;
    }
    case KeyId::use_compression:
        disk_.compress = read_flag(given, complaints).value_or(disk_.compress);
        break;
    case KeyId::persistence_path:
        path_ = read_path(given, complaints);
        break;
    case KeyId::disk_size:
        size_ = read_size(given, 0, complaints) ? std::optional(given) : std::nullopt;
        break;
    case KeyId::disk_free:
        floor_ = read_size(given, 0, complaints) ? std::optional(given) : std::nullopt;
        break;
    case KeyId::disk_file_size:
        file_bytes_ = read_file_size(given, complaints);
        break;
    default:
        if (!take_limits(given, complaints)) {
            return false;
        }
    }
    said_.insert_or_assign(given.key->id, Said{given, source_});
    return true;
}

bool DiskConfig::take_limits(const Given &given, Complaints &complaints) {
    switch (given.key->id) {
    case KeyId::disk_write_rate:
        disk_.write_bytes_per_second = read_amount(given, complaints);
        break;
    case KeyId::disk_write_per_day:
        disk_.write_bytes_per_day = read_amount(given, complaints);
        break;
    case KeyId::disk_admit:
        if (const auto text = read_word(given, complaints)) {
            disk_.only_reused = *text == "reused";
            if (*text != "reused" && *text != "all") {
                complaints.add(given.subject, fmt::format("\"{}\"; expected {}", *text, given.key->form));
            }
        }
        break;
    case KeyId::disk_checkpoint:
        disk_.checkpoint_ms =
            read_duration_ms(given, checkpoint_ms_min, checkpoint_ms_max, complaints).value_or(disk_.checkpoint_ms);
        break;
    case KeyId::warm_blocks:
        disk_.warm_blocks = read_count(given, 0, limits::entries_max, complaints).value_or(0);
        break;
    case KeyId::stop_timeout:
        disk_.stop_ms =
            given.value.text == "0" ? 0 : read_duration_ms(given, 0, stop_ms_max, complaints).value_or(disk_.stop_ms);
        break;
    default:
        return false;
    }
    return true;
}

std::optional<std::string> DiskConfig::objection(unsigned source) const {
    const auto said = said_.find(KeyId::enable_persistence);
    if (on_ || unclear_ || (said != said_.end() && said->second.source >= source)) {
        return std::nullopt;
    }
    if (said == said_.end()) {
        return "it says something only together with enable_persistence: true; add that, or remove this";
    }
    return fmt::format("enable_persistence is false ({}), and it says something only where that is true; set it so, or "
                       "remove this",
                       said->second.given.subject.place());
}

void DiskConfig::settle(Settings &settings, Origins &origins, Complaints &complaints) {
    for (const auto &[id, said] : said_) {
        const bool harmless = id == KeyId::use_compression && !disk_.compress;
        const auto why_not = objection(said.source);
        if (why_not && id != KeyId::enable_persistence && !harmless) {
            complaints.add(said.given.subject, *why_not);
        }
    }
    if (!on_) {
        return;
    }
    settings.disk = disk_;
    settings.disk.bytes = limits::disk_bytes_max; // where it is not known: so that what depends on it is good
    if (!said_.contains(KeyId::persistence_path)) {
        path_ = usual_path();
        if (!path_) {
            complaints.add({"", 0, "persistence_path"}, "no place for it: this user has neither $XDG_STATE_HOME nor "
                                                        "$HOME; give the absolute path of a directory");
        }
    }
    if (path_) {
        settings.disk.path = *path_;
        settle_size(settings.disk, origins, complaints);
    }
}

void DiskConfig::settle_size(DiskSettings &disk, Origins &origins, Complaints &complaints) {
    const auto path = said_.find(KeyId::persistence_path);
    auto file_system = file_system_of(disk.path);
    if (!file_system.ok()) {
        complaints.add(path == said_.end() ? Subject{"", 0, "persistence_path"} : path->second.given.subject,
                       file_system.error().detail);
        return;
    }
    const std::uint64_t whole = file_system.value().size_bytes;
    const std::string size = size_ ? size_->value.text : default_size;
    disk.bytes = part_of(size, whole);
    disk.free_floor_bytes = part_of(floor_ ? floor_->value.text : default_floor, whole);
    if (disk.bytes < limits::disk_bytes_min || disk.bytes > limits::disk_bytes_max) {
        complaints.add(size_ ? size_->subject : Subject{"", 0, "disk_size"},
                       fmt::format("\"{}\" is {}; expected {} to {}", size, format_size(disk.bytes),
                                   format_size(limits::disk_bytes_min), format_size(limits::disk_bytes_max)));
        disk.bytes = limits::disk_bytes_max;
    }
    for (const auto *part : {&size_, &floor_}) {
        if (*part && (*part)->value.text.ends_with('%')) {
            origins[(*part)->key->id] += ", " + (*part)->value.text + " of the file system's";
        }
    }
}

void DiskConfig::settle_tenants(Settings &settings, Complaints &complaints) const {
    DiskSettings &disk = settings.disk;
    const TenantSettings *smallest = nullptr;
    for (TenantSettings &tenant : settings.tenants) {
        if (tenant.disk_bytes < limits::disk_bytes_min) {
            return; // there is no disk, or it has been complained of
        }
        tenant.disk_path = disk.path + (disk.path.ends_with('/') ? "" : "/") + tenant.name;
        smallest = smallest == nullptr || tenant.disk_bytes < smallest->disk_bytes ? &tenant : smallest;
    }
    if (smallest == nullptr) {
        return;
    }
    const std::uint64_t largest = std::bit_floor(smallest->disk_bytes / limits::disk_files_min);
    disk.file_bytes = file_bytes_.value_or(std::min(largest, DiskSettings().file_bytes));
    if (disk.file_bytes > largest) {
        complaints.add(said_.at(KeyId::disk_file_size).given.subject,
                       fmt::format("tenant \"{}\" has {} of disk, room for fewer than {} files of {}; expected at most "
                                   "{}, or give it more",
                                   smallest->name, format_size(smallest->disk_bytes), limits::disk_files_min,
                                   format_size(disk.file_bytes), format_size(largest)));
    }
}

std::vector<std::string> disk_notes(const DiskSettings &disk) {
    std::vector<std::string> notes;
    if (disk.path.empty()) {
        return notes;
    }
    auto file_system = file_system_of(disk.path);
    if (!file_system.ok()) {
        notes.push_back(file_system.error().detail);
        return notes;
    }
    const FileSystem &facts = file_system.value();
    if (disk.bytes > facts.size_bytes - std::min(facts.size_bytes, disk.free_floor_bytes)) {
        notes.push_back(fmt::format("the file system of {} has {}: disk_size ({}) and disk_free ({}) do not fit into "
                                    "it together; disk_free is kept",
                                    disk.path, format_size(facts.size_bytes), format_size(disk.bytes),
                                    format_size(disk.free_floor_bytes)));
    }
    if (disk.free_floor_bytes > facts.free_bytes) {
        notes.push_back(fmt::format("the file system of {} has {} free, less than disk_free ({}): no file is made "
                                    "there until it has more",
                                    disk.path, format_size(facts.free_bytes), format_size(disk.free_floor_bytes)));
    }
    return notes;
}

} // namespace uakv
