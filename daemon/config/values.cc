#include "daemon/config/values.h"

#include "daemon/base/units.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace uakv {
namespace {

// What stands there instead of what was expected.
std::string found(const ConfigValue &value) {
    switch (value.kind) {
    case ConfigValue::Kind::nothing:
        return "no value";
    case ConfigValue::Kind::list:
        return "a list";
    case ConfigValue::Kind::map:
        return "keys with values";
    case ConfigValue::Kind::scalar:
        break;
    }
    return "\"" + value.text + "\"";
}

void unexpected(const Given &given, const ConfigValue &value, Complaints &complaints) {
    const bool nothing = value.kind == ConfigValue::Kind::nothing;
    complaints.add(given.subject, fmt::format("{}; expected {}{}", found(value), given.key->form,
                                              nothing ? "; give one or remove the line" : ""));
}

// The subject of one item of a list that goes over several lines.
Subject subject_of(const Given &given, const ConfigValue &item) {
    return {given.subject.file, item.line, given.subject.name};
}

// Reads the word with one of the functions of units.h.
template <typename T, typename Parse>
std::optional<T> parse_word(const Given &given, Complaints &complaints, Parse parse) {
    const auto text = read_word(given, complaints);
    if (!text) {
        return std::nullopt;
    }
    Result<T> value = parse(*text);
    if (!value.ok()) {
        complaints.add(given.subject, value.error().detail);
        return std::nullopt;
    }
    return value.value();
}

void out_of_range(const Given &given, const std::string &least, const std::string &most, Complaints &complaints) {
    complaints.add(given.subject,
                   fmt::format("\"{}\" is out of range; expected {} to {}", given.value.text, least, most));
}

} // namespace

std::optional<std::string> read_word(const Given &given, Complaints &complaints) {
    if (given.value.kind != ConfigValue::Kind::scalar) {
        unexpected(given, given.value, complaints);
        return std::nullopt;
    }
    return given.value.text;
}

std::optional<bool> read_flag(const Given &given, Complaints &complaints) {
    constexpr std::array<std::string_view, 4> yes = {"true", "yes", "on", "1"};
    constexpr std::array<std::string_view, 4> no = {"false", "no", "off", "0"};
    auto text = read_word(given, complaints);
    if (!text) {
        return std::nullopt;
    }
    std::transform(text->begin(), text->end(), text->begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    if (std::find(yes.begin(), yes.end(), *text) != yes.end()) {
        return true;
    }
    if (std::find(no.begin(), no.end(), *text) != no.end()) {
        return false;
    }
    unexpected(given, given.value, complaints);
    return std::nullopt;
}

std::optional<std::uint64_t> read_size(const Given &given, std::uint64_t whole, Complaints &complaints) {
    return parse_word<std::uint64_t>(given, complaints,
                                     [whole](const std::string &text) { return parse_size(text, whole); });
}

std::optional<std::uint64_t> read_count(const Given &given, std::uint64_t least, std::uint64_t most,
                                        Complaints &complaints) {
    const auto count = parse_word<std::uint64_t>(given, complaints, parse_count);
    if (count && (*count < least || *count > most)) {
        out_of_range(given, std::to_string(least), std::to_string(most), complaints);
        return std::nullopt;
    }
    return count;
}

std::optional<std::uint64_t> read_duration_ms(const Given &given, std::uint64_t least, std::uint64_t most,
                                              Complaints &complaints) {
    const auto duration = parse_word<std::uint64_t>(given, complaints, parse_duration_ms);
    if (duration && (*duration < least || *duration > most)) {
        out_of_range(given, exact_duration(least), exact_duration(most), complaints);
        return std::nullopt;
    }
    return duration;
}

std::optional<double> read_share(const Given &given, double least, Complaints &complaints) {
    const auto share = parse_word<double>(given, complaints, parse_share);
    if (share && *share < least) {
        out_of_range(given, fmt::format("{}", least), "1", complaints);
        return std::nullopt;
    }
    return share;
}

std::vector<std::uint32_t> read_accounts(const Given &given,
                                         const std::function<Result<std::uint32_t>(const std::string &)> &find,
                                         Complaints &complaints) {
    std::vector<std::uint32_t> numbers;
    if (given.value.kind != ConfigValue::Kind::list) {
        unexpected(given, given.value, complaints);
        return numbers;
    }
    for (const ConfigValue &item : given.value.items) {
        if (item.kind != ConfigValue::Kind::scalar) {
            complaints.add(subject_of(given, item),
                           fmt::format("{} in the list; expected {}", found(item), given.key->form));
            continue;
        }
        auto number = find(item.text);
        if (!number.ok()) {
            complaints.add(subject_of(given, item), number.error().detail);
        } else if (std::find(numbers.begin(), numbers.end(), number.value()) == numbers.end()) {
            numbers.push_back(number.value());
        }
    }
    return numbers;
}

} // namespace uakv
