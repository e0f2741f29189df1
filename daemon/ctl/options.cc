#include "daemon/ctl/options.h"

#include "daemon/base/nearest.h"
#include "daemon/base/units.h"
#include "ipc/limits.h"
#include "ipc/socket_path.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <getopt.h>

namespace uakv::ctl {
namespace {

enum Choice : int {
    choose_help = 'h',
    choose_version = 256,
    choose_socket,
    choose_tenant,
    choose_json,
    choose_timeout,
    choose_own, // from here on: options that only some commands take
    choose_space = choose_own,
    choose_force,
    choose_ttl,
    choose_parent,
    choose_watch,
    choose_interval,
    choose_count,
    choose_limit,
    choose_for,
};

constexpr std::array<option, 15> known_options = {{
    {"help", no_argument, nullptr, choose_help},
    {"version", no_argument, nullptr, choose_version},
    {"socket", required_argument, nullptr, choose_socket},
    {"tenant", required_argument, nullptr, choose_tenant},
    {"json", no_argument, nullptr, choose_json},
    {"timeout", required_argument, nullptr, choose_timeout},
    {"space", required_argument, nullptr, choose_space},
    {"force", no_argument, nullptr, choose_force},
    {"ttl", required_argument, nullptr, choose_ttl},
    {"parent", required_argument, nullptr, choose_parent},
    {"watch", optional_argument, nullptr, choose_watch},
    {"interval", required_argument, nullptr, choose_interval},
    {"count", required_argument, nullptr, choose_count},
    {"limit", required_argument, nullptr, choose_limit},
    {"for", required_argument, nullptr, choose_for},
}};

// getopt wants a row of zeros at the end.
constexpr auto option_table = [] {
    std::array<option, known_options.size() + 1> table{};
    std::copy(known_options.begin(), known_options.end(), table.begin());
    return table;
}();

const char *name_of(int choice) {
    const auto *found = std::find_if(known_options.begin(), known_options.end(),
                                     [choice](const option &each) { return each.val == choice; });
    return found == known_options.end() ? "" : found->name;
}

// What getopt did not understand: `word` is the argument that it stands at.
Error not_understood(const char *word) {
    if (::optopt != 0 && *name_of(::optopt) != 0) {
        return error(UAKV_ERR_INVALID, "%s: --%s takes no value", word, name_of(::optopt));
    }
    const std::string unknown = ::optopt != 0 ? std::string({'-', static_cast<char>(::optopt)}) : word;
    std::vector<std::string> known;
    known.reserve(known_options.size());
    for (const option &each : known_options) {
        known.push_back(std::string("--") + each.name);
    }
    const auto nearest = nearest_name(unknown.substr(0, unknown.find('=')), known);
    const std::string hint = nearest ? "did you mean " + *nearest + "?" : "see uakvctl help";
    return error(UAKV_ERR_INVALID, "unknown option %s; %s", unknown.c_str(), hint.c_str());
}

// Prefixes an error with the option that it is about.
template <typename T> Result<void> take(Result<T> value, int choice, auto &&use) {
    if (!value.ok()) {
        return error(UAKV_ERR_INVALID, "--%s: %s", name_of(choice), value.error().detail.c_str());
    }
    use(value.value());
    return {};
}

Result<std::uint64_t> parse_positive(std::string_view text) {
    auto count = parse_count(text);
    return count.ok() && count.value() == 0 ? error(UAKV_ERR_INVALID, "it is 0; expected 1 or more") : count;
}

Result<std::string> parse_text(std::string_view text, std::size_t bytes_max) {
    if (text.empty() || text.size() > bytes_max) {
        return error(UAKV_ERR_INVALID, "\"%s\" has %zu bytes; expected 1 to %zu", std::string(text).c_str(),
                     text.size(), bytes_max);
    }
    return std::string(text);
}

Result<void> take_space(Options &options, std::string_view text) {
    const auto printable = [](char c) { return c > ' ' && c <= '~'; };
    if (!std::all_of(text.begin(), text.end(), printable)) {
        return error(UAKV_ERR_INVALID, "--space: \"%s\" is no name; expected printable ASCII without blanks",
                     std::string(text).c_str());
    }
    return take(parse_text(text, limits::space_name_bytes_max), choose_space,
                [&](std::string &name) { options.space = std::move(name); });
}

// getopt takes "--watch=5" only; people write "--watch 5".
const char *argument_of_watch(int argc, char **argv) {
    if (::optarg == nullptr && ::optind < argc && argv[::optind][0] >= '0' && argv[::optind][0] <= '9') {
        return argv[::optind++];
    }
    return ::optarg;
}

Result<void> apply(Options &options, int choice, const char *argument) {
    const auto set_interval = [&](std::uint32_t ms) { options.interval_ms = ms; };
    switch (choice) {
    case choose_help:
        options.help = true;
        return {};
    case choose_version:
        options.version = true;
        return {};
    case choose_json:
        options.json = true;
        return {};
    case choose_force:
        options.force = true;
        return {};
    case choose_socket:
        return take(parse_text(argument, limits::socket_path_bytes_max), choice,
                    [&](std::string &path) { options.socket_path = std::move(path); });
    case choose_tenant:
        return take(parse_text(argument, limits::tenant_name_bytes_max), choice,
                    [&](std::string &name) { options.tenant = std::move(name); });
    case choose_timeout:
        return take(parse_time_ms(argument), choice, [&](std::uint32_t ms) { options.timeout_ms = ms; });
    case choose_space:
        return take_space(options, argument);
    case choose_ttl:
        return take(parse_time_ms(argument), choice, [&](std::uint32_t ms) { options.ttl_ms = ms; });
    case choose_parent:
        return take(parse_key(argument), choice, [&](const uakv_key &key) { options.parent = key; });
    case choose_watch:
        options.watch = true;
        return argument == nullptr ? Result<void>() : take(parse_time_ms(argument), choice, set_interval);
    case choose_interval:
        return take(parse_time_ms(argument), choice, set_interval);
    case choose_count:
        return take(parse_positive(argument), choice, [&](std::uint64_t count) { options.count = count; });
    case choose_limit:
        return take(parse_positive(argument), choice, [&](std::uint64_t limit) { options.limit = limit; });
    default:
        options.use = argument;
        return {};
    }
}

} // namespace

Result<Options> parse_options(int argc, char **argv) {
    Options options;
    options.socket_path = default_socket_path();
    ::opterr = 0; // our own messages
    for (;;) {
        const int choice = ::getopt_long(argc, argv, ":h", option_table.data(), nullptr);
        if (choice == -1) {
            break;
        }
        const char *word = argv[::optind - 1]; // long options; of a cluster of letters getopt stays on the first
        if (choice == ':') {
            return error(UAKV_ERR_INVALID, "%s needs a value; see uakvctl help", word);
        }
        if (choice == '?') {
            return not_understood(word);
        }
        if (choice >= choose_own) {
            options.given.emplace_back(name_of(choice));
        }
        const char *argument = choice == choose_watch ? argument_of_watch(argc, argv) : ::optarg;
        if (auto applied = apply(options, choice, argument); !applied.ok()) {
            return applied.take_error();
        }
    }
    if (::optind < argc) {
        options.command = argv[::optind];
        options.arguments.assign(argv + ::optind + 1, argv + argc);
    }
    return options;
}

Result<uakv_key> parse_key(std::string_view text) {
    constexpr std::string_view prefix = "text:";
    if (text.starts_with(prefix)) {
        text.remove_prefix(prefix.size());
        return uakv_key_of(text.data(), text.size());
    }
    uakv_key key{};
    bool digits = text.size() == 2 * sizeof key.bytes;
    for (std::size_t i = 0; digits && i < sizeof key.bytes; ++i) {
        const char *begin = text.data() + 2 * i;
        const auto [end, code] = std::from_chars(begin, begin + 2, key.bytes[i], 16);
        digits = code == std::errc() && end == begin + 2;
    }
    if (!digits) {
        return error(
            UAKV_ERR_INVALID,
            "\"%s\" is no key (%zu characters); expected 64 hex digits, or text:WORDS for the SHA-256 of WORDS",
            std::string(text).c_str(), text.size());
    }
    return key;
}

Result<std::vector<uakv_key>> parse_keys(const std::vector<std::string> &texts) {
    std::vector<uakv_key> keys;
    keys.reserve(texts.size());
    for (const std::string &text : texts) {
        auto key = parse_key(text);
        if (!key.ok()) {
            return key.take_error();
        }
        keys.push_back(key.value());
    }
    return keys;
}

std::string format_key(const uakv_key &key) {
    std::string text;
    for (const std::uint8_t byte : key.bytes) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

Result<std::uint32_t> parse_time_ms(std::string_view text) {
    std::string with_unit(text);
    with_unit += !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos ? "s" : "";
    auto ms = parse_duration_ms(with_unit);
    if (!ms.ok()) {
        return ms.take_error();
    }
    if (ms.value() < 1 || ms.value() >= UAKV_PIN_FOREVER) {
        return error(UAKV_ERR_INVALID, "\"%s\" is out of range; expected 1ms to 1193h", std::string(text).c_str());
    }
    return static_cast<std::uint32_t>(ms.value());
}

} // namespace uakv::ctl
