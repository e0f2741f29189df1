#include "daemon/base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace uakv {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t bytes;
};

constexpr std::array<Unit, 5> units = {
    {{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};

Error not_a_size(std::string_view text, const char *why) {
    return error(UAKV_ERR_INVALID, "\"%s\" is not a size (%s); write it like 8GiB, 512MiB, 1.5GiB or 20%%",
                 std::string(text).c_str(), why);
}

} // namespace

Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t whole) {
    double number = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || !std::isfinite(number) || number < 0) {
        return not_a_size(text, "it does not begin with a number");
    }
    const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
    double factor = 0;
    if (unit.empty()) {
        factor = 1;
    } else if (unit == "%") {
        if (number > 100) {
            return not_a_size(text, "it is more than 100%");
        }
        factor = static_cast<double>(whole) / 100;
    }
    for (const Unit &known : units) {
        if (unit == known.name) {
            factor = static_cast<double>(known.bytes);
        }
    }
    if (factor == 0) {
        return not_a_size(text, "its unit is none of B, KiB, MiB, GiB, TiB, %");
    }
    const double bytes = number * factor;
    if (bytes >= 9.2e18) {
        return not_a_size(text, "it is too large");
    }
    return static_cast<std::uint64_t>(bytes);
}

std::string format_size(std::uint64_t bytes) {
    for (const Unit &unit : units) {
        if (bytes >= unit.bytes && unit.bytes > 1) {
            const double number = static_cast<double>(bytes) / static_cast<double>(unit.bytes);
            return bytes % unit.bytes == 0 ? fmt::format("{} {}", bytes / unit.bytes, unit.name)
                                           : fmt::format("{:.1f} {}", number, unit.name);
        }
    }
    return fmt::format("{} bytes", bytes);
}

} // namespace uakv
