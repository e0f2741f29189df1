#include "daemon/config/complaints.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace uakv {
namespace {

constexpr std::size_t shown_max = 50;

} // namespace

void Complaints::add(const Subject &subject, const std::string &what) {
    complaints_.push_back({subject, subject.text() + ": " + what});
}

void Complaints::add(const Error &error) {
    complaints_.push_back({{}, error.detail});
}

Error Complaints::error() const {
    std::map<std::string, std::size_t> order; // of the files, as they were read
    for (const Complaint &complaint : complaints_) {
        order.try_emplace(complaint.subject.file, order.size());
    }
    std::vector<Complaint> sorted = complaints_;
    std::stable_sort(sorted.begin(), sorted.end(), [&](const Complaint &a, const Complaint &b) {
        const std::size_t file_of_a = order[a.subject.file], file_of_b = order[b.subject.file];
        return file_of_a != file_of_b ? file_of_a < file_of_b : a.subject.line < b.subject.line;
    });
    std::string text;
    for (std::size_t i = 0; i < sorted.size() && i < shown_max; ++i) {
        text += (i == 0 ? "" : "\n") + sorted[i].text;
    }
    if (sorted.size() > shown_max) {
        text += fmt::format("\nand {} more like these", sorted.size() - shown_max);
    }
    return {UAKV_ERR_INVALID, text};
}

} // namespace uakv
