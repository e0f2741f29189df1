// Numbers and tables as people read them: aligned columns, units that keep a number short, no colours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uakv::ctl {

class Table {
public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::right;
        std::size_t width_min = 0; // for tables that follow each other
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // One cell for each column.
    void add(std::vector<std::string> cells);

    // Each line ends with a newline and without blanks. No titles where every title is empty.
    std::string text() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

std::string format_count(std::uint64_t count);      // "99999", "123.4 k", "12.3 M"
std::string format_rate(double per_second);         // "0.4", "12", "123.4 k"
std::string format_duration(std::uint64_t ms);      // "12 ms", "3.5 s", "2 min 5 s", "3 h 12 min", "4 d 2 h"
std::string format_latency(std::uint64_t ns);       // "180 ns", "1.4 us", "23 ms"
std::string format_part(double part, double whole); // "93.1 %"; "-" of nothing

// "-" where there is none.
std::string format_optional_duration(const std::optional<std::uint64_t> &ms);

// "1 block", "3 blocks".
std::string counted(std::uint64_t count, std::string_view noun);

// Text from elsewhere, without what would steer a terminal.
std::string printable(std::string_view text);

// To standard output, whole. False when nobody takes it.
bool print(std::string_view text);

} // namespace uakv::ctl
