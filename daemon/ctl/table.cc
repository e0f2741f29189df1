#include "daemon/ctl/table.h"

#include "ipc/assertion.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <utility>

namespace uakv::ctl {
namespace {

void append_line(std::string &text, const std::vector<std::string> &cells, const std::vector<Table::Column> &columns,
                 const std::vector<std::size_t> &widths) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
        text += i == 0 ? "" : "  ";
        text += columns[i].align == Table::Align::left ? fmt::format("{:<{}}", cells[i], widths[i])
                                                       : fmt::format("{:>{}}", cells[i], widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
}

// Three digits that mean something.
std::string short_number(double value) {
    return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

} // namespace

void Table::add(std::vector<std::string> cells) {
    UAKV_ASSERT(cells.size() == columns_.size());
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::string> titles;
    std::vector<std::size_t> widths;
    titles.reserve(columns_.size());
    widths.reserve(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        titles.push_back(columns_[i].title);
        widths.push_back(std::max(columns_[i].title.size(), columns_[i].width_min));
        for (const auto &row : rows_) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    if (std::any_of(titles.begin(), titles.end(), [](const std::string &title) { return !title.empty(); })) {
        append_line(text, titles, columns_, widths);
    }
    for (const auto &row : rows_) {
        append_line(text, row, columns_, widths);
    }
    return text;
}

std::string format_count(std::uint64_t count) {
    if (count < 100'000) {
        return fmt::format("{}", count);
    }
    double value = static_cast<double>(count);
    for (const char *unit : {"k", "M", "G"}) {
        value /= 1000;
        if (value < 999.95) {
            return fmt::format("{:.1f} {}", value, unit);
        }
    }
    return fmt::format("{:.1f} T", value / 1000);
}

std::string format_rate(double per_second) {
    if (per_second <= 0) {
        return "0";
    }
    return per_second < 10 ? fmt::format("{:.1f}", per_second)
                           : format_count(static_cast<std::uint64_t>(std::llround(per_second)));
}

std::string format_duration(std::uint64_t ms) {
    constexpr std::uint64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
    if (ms < second) {
        return fmt::format("{} ms", ms);
    }
    if (ms < minute) {
        return short_number(static_cast<double>(ms) / second) + " s";
    }
    struct Unit {
        std::uint64_t large, small;
        const char *large_name, *small_name;
    };
    const Unit unit = ms < hour  ? Unit{minute, second, "min", "s"}
                      : ms < day ? Unit{hour, minute, "h", "min"}
                                 : Unit{day, hour, "d", "h"};
    const std::uint64_t small = ms % unit.large / unit.small;
    const std::string text = fmt::format("{} {}", ms / unit.large, unit.large_name);
    return small == 0 ? text : fmt::format("{} {} {}", text, small, unit.small_name);
}

std::string format_latency(std::uint64_t ns) {
    double value = static_cast<double>(ns);
    if (ns < 1000) {
        return fmt::format("{} ns", ns);
    }
    for (const char *unit : {"us", "ms"}) {
        value /= 1000;
        if (value < 999.5) {
            return short_number(value) + " " + unit;
        }
    }
    return short_number(value / 1000) + " s";
}

std::string format_part(double part, double whole) {
    return whole > 0 ? fmt::format("{:.1f} %", 100 * part / whole) : "-";
}

std::string format_optional_duration(const std::optional<std::uint64_t> &ms) {
    return ms ? format_duration(*ms) : "-";
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

std::string printable(std::string_view text) {
    std::string clean(text);
    std::replace_if(
        clean.begin(), clean.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    return clean;
}

bool print(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

} // namespace uakv::ctl
