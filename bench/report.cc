#include "report.h"

#include <cstdio>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

// Three to four digits that mean something, and no exponent.
std::string number(double value) {
    if (value >= 100) {
        return fmt::format("{:.0f}", value);
    }
    return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string goal_text(const Row &row) {
    if (!row.goal) {
        return "";
    }
    return fmt::format("{} {:g}", row.goal->kind == Goal::Kind::at_most ? "<=" : ">=", row.goal->value);
}

const char *met_text(const Row &row) {
    const auto met = row.met();
    return !met ? "" : *met ? "yes" : "NO";
}

std::string json_string(const std::string &text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + "\"";
}

std::string json_row(const Row &row) {
    const auto met = row.met();
    return fmt::format(R"(  {{"name": {}, "value": {:.6g}, "unit": {}, "goal": {}, "met": {}, "spread": {:.4g}}})",
                       json_string(row.name), row.measured.median, json_string(row.unit),
                       row.goal ? fmt::format("{:g}", row.goal->value) : "null",
                       !met   ? "null"
                       : *met ? "true"
                              : "false",
                       row.measured.spread);
}

void print_line(const std::string &name, const std::string &value, const std::string &unit, const std::string &goal,
                const std::string &met, const std::string &spread) {
    const std::string line =
        fmt::format("{:<58} {:>9}  {:<7} {:>8}  {:<4} {:>8}", name, value, unit, goal, met, spread);
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

} // namespace

std::optional<bool> Row::met() const {
    if (!goal) {
        return std::nullopt;
    }
    return goal->kind == Goal::Kind::at_most ? measured.median <= goal->value : measured.median >= goal->value;
}

void Report::fact(const std::string &name, const std::string &text) {
    std::printf("%-9s %s\n", name.c_str(), text.c_str());
}

void Report::add(Row row) {
    if (!begun_) {
        begun_ = true;
        std::printf("\n");
        print_line("what", "value", "unit", "goal", "met", "spread");
    }
    print_line(row.name, number(row.measured.median), row.unit, goal_text(row), met_text(row),
               number(row.measured.spread));
    rows_.push_back(std::move(row));
}

void Report::print_totals() const {
    unsigned goals = 0;
    unsigned met = 0;
    for (const Row &row : rows_) {
        goals += row.goal ? 1U : 0U;
        met += row.met().value_or(false) ? 1U : 0U;
    }
    std::printf("\n%zu rows, %u of %u goals met\n", rows_.size(), met, goals);
}

bool Report::write_json(const std::string &path) const {
    std::FILE *file = std::fopen(path.c_str(), "we");
    if (file == nullptr) {
        return false;
    }
    std::string text = "[\n";
    for (const Row &row : rows_) {
        text += json_row(row);
        text += &row == &rows_.back() ? "\n" : ",\n";
    }
    text += "]\n";
    const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    return std::fclose(file) == 0 && written;
}

} // namespace uakv::bench
