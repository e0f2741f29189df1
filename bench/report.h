// The table on the terminal, and the same rows as JSON.
#pragma once

#include "timing.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace uakv::bench {

struct Goal {
    enum class Kind { at_most, at_least };
    Kind kind;
    double value;
};

inline Goal at_most(double value) {
    return {Goal::Kind::at_most, value};
}
inline Goal at_least(double value) {
    return {Goal::Kind::at_least, value};
}

struct Row {
    std::string name;
    std::string unit;
    Summary measured;
    std::optional<Goal> goal;

    // Nothing where there is no goal.
    std::optional<bool> met() const;
};

class Report {
public:
    // One line of facts above the table.
    void fact(const std::string &name, const std::string &text);

    // Prints the row at once: a run takes minutes, and who watches wants to see it move.
    void add(Row row);

    // For the JSON only: where another table says it better.
    void record(Row row) { rows_.push_back(std::move(row)); }

    void print_totals() const;

    // An array of {"name", "value", "unit", "goal", "met", "spread"}; goal and met are null where there is no goal.
    // False when the file could not be written; errno says why.
    bool write_json(const std::string &path) const;

private:
    std::vector<Row> rows_;
    bool begun_ = false; // to print
};

} // namespace uakv::bench
