#include "daemon/base/nearest.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace uakv {
namespace {

constexpr std::size_t compared_max = 64; // no name of ours is longer; the work is the product of both lengths

std::string bare(std::string_view name) {
    std::string letters;
    for (const char letter : name.substr(0, compared_max)) {
        if (letter != '_' && letter != '-') {
            letters += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        }
    }
    return letters;
}

} // namespace

std::size_t edit_distance(std::string_view first, std::string_view second) {
    const std::string a = bare(first), b = bare(second);
    // Rows of the table of distances between the beginnings of both: two back, one back, and this one.
    std::vector<std::size_t> older(b.size() + 1), old(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        older.swap(old);
        old.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = old[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({changed, old[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], older[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> known) {
    const std::string *best = nullptr;
    std::size_t best_distance = 0;
    for (const std::string &candidate : known) {
        const std::size_t distance = edit_distance(name, candidate);
        if (best == nullptr || distance < best_distance) {
            best = &candidate;
            best_distance = distance;
        }
    }
    // A third of the letters may be wrong: more is another word.
    if (best == nullptr || best_distance > std::min<std::size_t>(3, best->size() / 3)) {
        return std::nullopt;
    }
    return *best;
}

} // namespace uakv
