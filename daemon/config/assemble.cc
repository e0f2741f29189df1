#include "daemon/config/assemble.h"

#include "daemon/base/machine.h"
#include "daemon/base/units.h"
#include "daemon/config/accounts.h"
#include "daemon/config/disk_config.h"
#include "daemon/config/gpu_config.h"
#include "daemon/config/values.h"
#include "ipc/socket_path.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr const char *default_memory = "10%";
constexpr std::uint64_t mebibyte = 1ULL << 20;
constexpr std::uint64_t single_flight_ms_min = 1;
constexpr std::uint64_t single_flight_ms_max = 60 * 60 * 1000;
constexpr double gc_threshold_min = 0.5;
constexpr unsigned workers_max = 64;
constexpr unsigned workers_unasked_max = 8;
constexpr unsigned processors_per_worker = 4;

class Assembler {
public:
    Assembler() {
        result_.settings.workers = std::clamp(machine_processors() / processors_per_worker, 1U, workers_unasked_max);
        result_.settings.gpu.memory = gpu_memory_default;
    }

    void apply(const Source &source);
    Result<Assembled> finish();

    Complaints complaints;

private:
    void apply(const Given &given);
    void apply_policy(const Given &given);
    void apply_missing(const Given &given);
    void check_memory_once(const Source &source);
    void settle_socket();
    void settle_memory();
    void settle_tenants();
    std::optional<std::uint64_t> read_amount(const Given &given);
    std::optional<std::uint64_t> memory_bytes();
    std::optional<std::uint64_t> bytes_of_tokens();

    Assembled result_;
    // What waits until all sources have spoken; each the last that was given.
    std::optional<Given> memory_;         // memory, max_memory_mb or max_tokens
    std::optional<std::uint64_t> amount_; // of it: bytes, MiB or tokens
    std::optional<Given> bytes_per_token_;
    std::optional<std::uint64_t> token_bytes_;
    std::optional<Given> tenants_;
    unsigned tenants_source_ = 0;
    DiskConfig disk_;
    bool any_max_tokens_ = false;
};

void Assembler::apply(const Source &source) {
    check_memory_once(source);
    disk_.begin_source();
    for (const Given &given : source.values) {
        apply(given);
        result_.origins[given.key->id] = given.subject.place();
    }
}

void Assembler::check_memory_once(const Source &source) {
    const Given *before = nullptr;
    for (const Given &given : source.values) {
        if (!same_meaning(given.key->id, KeyId::memory)) {
            continue;
        }
        if (before != nullptr) {
            complaints.add(given.subject, fmt::format("{} ({}) says how much memory, too; keep one of the two",
                                                      before->key->name, before->subject.place()));
        }
        before = &given;
    }
}

void Assembler::apply(const Given &given) {
    Settings &settings = result_.settings;
    switch (given.key->id) {
    case KeyId::socket:
        settings.socket_path = read_word(given, complaints).value_or("-");
        if (settings.socket_path.empty() || settings.socket_path.size() > limits::socket_path_bytes_max) {
            complaints.add(given.subject,
                           fmt::format("the path \"{}\" has {} bytes; expected 1 to {}", settings.socket_path,
                                       settings.socket_path.size(), limits::socket_path_bytes_max));
        }
        break;
    case KeyId::max_tokens:
        any_max_tokens_ = true;
        [[fallthrough]];
    case KeyId::memory:
    case KeyId::max_memory_mb:
        memory_ = given;
        amount_ = read_amount(given);
        break;
    case KeyId::bytes_per_token:
        bytes_per_token_ = given;
        token_bytes_ = read_size(given, 0, complaints);
        break;
    case KeyId::log_level:
        if (const auto text = read_word(given, complaints)) {
            const auto level = parse_log_level(*text);
            if (!level) {
                complaints.add(given.subject,
                               fmt::format("\"{}\" is no log level; expected {}", *text, given.key->form));
            }
            settings.log_level = level.value_or(LogLevel::info);
        }
        break;
    case KeyId::admin_group:
        settings.admin_group.reset();
        if (const auto text = read_word(given, complaints); text && !text->empty()) {
            auto group = find_group(*text);
            if (group.ok()) {
                settings.admin_group = group.value();
            } else {
                complaints.add(given.subject, group.error().detail);
            }
        }
        break;
    case KeyId::single_flight:
        if (const auto limit = read_duration_ms(given, single_flight_ms_min, single_flight_ms_max, complaints)) {
            settings.single_flight_ms = static_cast<std::uint32_t>(*limit);
        }
        break;
    case KeyId::tenants:
        tenants_ = given;
        tenants_source_ = disk_.source();
        break;
    default:
        if (!disk_.take(given, complaints) && !take_gpu_key(given, settings.gpu, complaints)) {
            apply_policy(given);
        }
    }
}

void Assembler::apply_policy(const Given &given) {
    Settings &settings = result_.settings;
    switch (given.key->id) {
    case KeyId::enable_gc:
        settings.evict = read_flag(given, complaints).value_or(settings.evict);
        break;
    case KeyId::gc_threshold:
        settings.gc_threshold = read_share(given, gc_threshold_min, complaints).value_or(settings.gc_threshold);
        break;
    case KeyId::enable_profiling:
        settings.profiling = read_flag(given, complaints).value_or(settings.profiling);
        break;
    case KeyId::cache_strategy:
        if (const auto text = read_word(given, complaints); text && *text != "lru") {
            const bool planned = *text == "lfu" || *text == "fifo" || *text == "adaptive";
            complaints.add(given.subject, planned
                                              ? fmt::format("this version has no {} yet; only lru can be chosen", *text)
                                              : fmt::format("\"{}\" is no strategy; expected lru", *text));
        }
        break;
    case KeyId::num_workers:
        settings.workers =
            static_cast<std::uint32_t>(read_count(given, 1, workers_max, complaints).value_or(settings.workers));
        break;
    default:
        apply_missing(given);
    }
}

// Keys of parts that do not exist yet: what turns them off is accepted, all else is refused, never ignored.
void Assembler::apply_missing(const Given &given) {
    const bool has_switch = given.key->form != key_of(KeyId::prefetch_size).form;
    if (!has_switch) {
        complaints.add(given.subject, fmt::format("this version has no {}; remove it", given.key->missing));
    } else if (read_flag(given, complaints).value_or(false)) {
        complaints.add(given.subject,
                       fmt::format("this version has no {}; expected false, or remove it", given.key->missing));
    }
}

void Assembler::settle_socket() {
    if (!result_.settings.socket_path.empty() || result_.origins.contains(KeyId::socket)) {
        return;
    }
    if (::geteuid() == 0) {
        result_.settings.socket_path = system_socket_path;
        return;
    }
    // A service has a directory of its own, which its unit names (RuntimeDirectory=).
    const auto own = environment_value("RUNTIME_DIRECTORY");
    const auto directory = environment_value("XDG_RUNTIME_DIR");
    if (!own && !directory) {
        complaints.add({"", 0, "socket"}, "no place for it: this user has no $XDG_RUNTIME_DIR; pass --socket PATH");
        return;
    }
    std::string &path = result_.settings.socket_path;
    path = own ? own->substr(0, own->find(':')) + "/uakvd.sock" : *directory + "/uakv/uakvd.sock";
    if (path.size() > limits::socket_path_bytes_max) {
        complaints.add({"", 0, own ? "$RUNTIME_DIRECTORY" : "$XDG_RUNTIME_DIR"},
                       fmt::format("the path \"{}\" has {} bytes; expected at most {}; pass --socket PATH", path,
                                   path.size(), limits::socket_path_bytes_max));
    }
}

std::optional<std::uint64_t> Assembler::read_amount(const Given &given) {
    switch (given.key->id) {
    case KeyId::max_memory_mb:
        return read_count(given, 1, limits::memory_bytes_max / mebibyte, complaints);
    case KeyId::max_tokens:
        return read_count(given, 1, limits::memory_bytes_max, complaints);
    default:
        auto bytes = read_size(given, machine_memory_bytes(), complaints);
        if (bytes && given.value.text.ends_with('%')) {
            *bytes -= *bytes % mebibyte; // easier to read, and nobody counts on the rest
        }
        return bytes;
    }
}

std::optional<std::uint64_t> Assembler::bytes_of_tokens() {
    if (!bytes_per_token_) {
        complaints.add(memory_->subject,
                       "it needs to know how large a token is; add bytes_per_token, such as 128KiB, or "
                       "give memory instead");
        return std::nullopt;
    }
    if (token_bytes_ && (*token_bytes_ == 0 || *token_bytes_ > limits::memory_bytes_max)) {
        complaints.add(bytes_per_token_->subject,
                       fmt::format("\"{}\" is {}; expected what one token takes, such as "
                                   "128KiB",
                                   bytes_per_token_->value.text, format_size(*token_bytes_)));
        return std::nullopt;
    }
    if (!amount_ || !token_bytes_) {
        return std::nullopt;
    }
    // Each fits into 41 bits; what the product does not fit into is too large anyway.
    return *amount_ > UINT64_MAX / *token_bytes_ ? UINT64_MAX : *amount_ * *token_bytes_;
}

std::optional<std::uint64_t> Assembler::memory_bytes() {
    if (!memory_) {
        const std::uint64_t bytes = parse_size(default_memory, machine_memory_bytes()).value();
        return bytes - bytes % mebibyte;
    }
    switch (memory_->key->id) {
    case KeyId::max_memory_mb:
        return amount_ ? std::optional(*amount_ * mebibyte) : std::nullopt;
    case KeyId::max_tokens:
        return bytes_of_tokens();
    default:
        return amount_;
    }
}

void Assembler::settle_memory() {
    // As much as there can be, where it is not known: so that what depends on it is not complained of as well.
    const auto bytes = memory_bytes();
    result_.settings.memory_bytes = bytes.value_or(limits::memory_bytes_max);
    if (bytes && (*bytes < limits::memory_bytes_min || *bytes > limits::memory_bytes_max)) {
        const std::string text = memory_ ? memory_->value.text : default_memory;
        complaints.add(memory_ ? memory_->subject : Subject{"", 0, "memory"},
                       fmt::format("\"{}\" is {}; expected {} to {}", text, format_size(*bytes),
                                   format_size(limits::memory_bytes_min), format_size(limits::memory_bytes_max)));
        result_.settings.memory_bytes = limits::memory_bytes_max;
    }
    if (bytes_per_token_ && !any_max_tokens_) {
        complaints.add(bytes_per_token_->subject,
                       "it says something only together with max_tokens; add that, or remove "
                       "this");
    }
    if (memory_) {
        const std::string &text = memory_->value.text;
        const bool other_key = memory_->key->id != KeyId::memory;
        result_.origins[KeyId::memory] =
            other_key ? fmt::format("{}, {} {}", memory_->subject.place(), memory_->key->name, text)
                      : memory_->subject.place() + (text.ends_with('%') ? ", " + text + " of the machine's" : "");
    }
}

void Assembler::settle_tenants() {
    const Shared shared{result_.settings.memory_bytes, result_.settings.disk.bytes, disk_.objection(tenants_source_)};
    std::vector<ConfiguredTenant> tenants = {default_tenant(shared)};
    if (tenants_) {
        tenants = read_tenants(*tenants_, shared, complaints);
    }
    for (ConfiguredTenant &tenant : tenants) {
        result_.settings.tenants.push_back(std::move(tenant.settings));
        result_.tenant_origins.push_back(std::move(tenant.origins));
    }
    if (const auto objection = gpu_parts_objection(result_.settings.gpu, result_.settings.tenants)) {
        complaints.add({"", 0, "gpu_memory"}, *objection);
    }
}

Result<Assembled> Assembler::finish() {
    settle_socket();
    settle_memory();
    disk_.settle(result_.settings, result_.origins, complaints);
    settle_tenants();
    disk_.settle_tenants(result_.settings, complaints);
    if (complaints.any()) {
        return complaints.error();
    }
    return std::move(result_);
}

} // namespace

Result<Assembled> assemble(const Arguments &arguments) {
    Assembler assembler;
    std::vector<std::string> names;
    for (const Source &source : gather_sources(arguments, assembler.complaints)) {
        assembler.apply(source);
        names.push_back(source.name);
    }
    auto assembled = assembler.finish();
    if (assembled.ok()) {
        names.resize(names.size() - 2); // the environment and the command line, which are always there
        assembled.value().sources = std::move(names);
    }
    return assembled;
}

} // namespace uakv
