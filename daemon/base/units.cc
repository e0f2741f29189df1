#include "daemon/base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace uakv {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<Unit, 5> size_units = {
    {{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};
constexpr std::array<Unit, 4> duration_units = {{{"h", 3'600'000}, {"min", 60'000}, {"s", 1000}, {"ms", 1}}};

// The number that a text begins with, and what stands behind it.
struct Quantity {
    double number;
    std::string_view unit;
};

std::optional<Quantity> split(std::string_view text) {
    double number = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || !std::isfinite(number) || number < 0) {
        return std::nullopt;
    }
    return Quantity{number, {rest, static_cast<std::size_t>(text.data() + text.size() - rest)}};
}

template <std::size_t n> double factor_of(const std::array<Unit, n> &units, std::string_view name) {
    for (const Unit &unit : units) {
        if (name == unit.name) {
            return static_cast<double>(unit.factor);
        }
    }
    return 0;
}

// A unit that divides the number is always found: the last one is 1.
template <std::size_t n> std::string in_largest_unit(const std::array<Unit, n> &units, std::uint64_t number) {
    for (const Unit &unit : units) {
        if (number >= unit.factor && number % unit.factor == 0) {
            return fmt::format("{}{}", number / unit.factor, unit.name);
        }
    }
    return fmt::format("0{}", units.back().name);
}

Error not_a_size(std::string_view text, const char *why) {
    return error(UAKV_ERR_INVALID, "\"%s\" is not a size (%s); write it like 8GiB, 512MiB, 1.5GiB or 20%%",
                 std::string(text).c_str(), why);
}

Error not_a_duration(std::string_view text, const char *why) {
    return error(UAKV_ERR_INVALID, "\"%s\" is not a duration (%s); write it like 10s, 500ms, 2min or 1h",
                 std::string(text).c_str(), why);
}

} // namespace

Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t whole) {
    const auto quantity = split(text);
    if (!quantity) {
        return not_a_size(text, "it does not begin with a number");
    }
    double factor = factor_of(size_units, quantity->unit);
    if (quantity->unit.empty()) {
        factor = 1;
    } else if (quantity->unit == "%") {
        if (quantity->number > 100) {
            return not_a_size(text, "it is more than 100%");
        }
        factor = static_cast<double>(whole) / 100;
    } else if (factor == 0) {
        return not_a_size(text, "its unit is none of B, KiB, MiB, GiB, TiB, %");
    }
    const double bytes = quantity->number * factor;
    if (bytes >= 9.2e18) {
        return not_a_size(text, "it is too large");
    }
    return static_cast<std::uint64_t>(bytes);
}

std::string format_size(std::uint64_t bytes) {
    for (const Unit &unit : size_units) {
        if (bytes >= unit.factor && unit.factor > 1) {
            const double number = static_cast<double>(bytes) / static_cast<double>(unit.factor);
            return bytes % unit.factor == 0 ? fmt::format("{} {}", bytes / unit.factor, unit.name)
                                            : fmt::format("{:.1f} {}", number, unit.name);
        }
    }
    return fmt::format("{} {}", bytes, bytes == 1 ? "byte" : "bytes");
}

std::string exact_size(std::uint64_t bytes) {
    return bytes % 1024 == 0 && bytes != 0 ? in_largest_unit(size_units, bytes) : std::to_string(bytes);
}

Result<std::uint64_t> parse_duration_ms(std::string_view text) {
    const auto quantity = split(text);
    if (!quantity) {
        return not_a_duration(text, "it does not begin with a number");
    }
    if (quantity->unit.empty()) {
        return not_a_duration(text, "it has no unit");
    }
    const double factor = factor_of(duration_units, quantity->unit);
    if (factor == 0) {
        return not_a_duration(text, "its unit is none of ms, s, min, h");
    }
    const double milliseconds = quantity->number * factor;
    if (milliseconds >= 9.2e18) {
        return not_a_duration(text, "it is too long");
    }
    return static_cast<std::uint64_t>(milliseconds);
}

std::string exact_duration(std::uint64_t milliseconds) {
    return in_largest_unit(duration_units, milliseconds);
}

Result<double> parse_share(std::string_view text) {
    const auto quantity = split(text);
    if (!quantity || !(quantity->unit.empty() || quantity->unit == "%")) {
        return error(UAKV_ERR_INVALID, "\"%s\" is not a share; write it like 0.95 or 95%%", std::string(text).c_str());
    }
    const double share = quantity->unit.empty() ? quantity->number : quantity->number / 100;
    if (share > 1) {
        return error(UAKV_ERR_INVALID, "\"%s\" is more than the whole; write it like 0.95 or 95%%",
                     std::string(text).c_str());
    }
    return share;
}

Result<std::uint64_t> parse_count(std::string_view text) {
    std::uint64_t number = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || rest != text.data() + text.size()) {
        return error(UAKV_ERR_INVALID, "\"%s\" is not a whole number; write it in digits, like 1000",
                     std::string(text).c_str());
    }
    return number;
}

} // namespace uakv
