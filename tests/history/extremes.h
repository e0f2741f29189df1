// Two questions about intervals, each answered by a binary search: the checker asks them of each operation.
#pragma once

#include "history/history.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace uakv::test {

// Of pairs (place, value): the smallest value at or after a place.
class EarliestFrom {
public:
    void add(uint64_t place, uint64_t value) { pairs_.emplace_back(place, value); }

    void seal() {
        std::sort(pairs_.begin(), pairs_.end());
        for (size_t i = pairs_.size(); i-- > 1;) {
            pairs_[i - 1].second = std::min(pairs_[i - 1].second, pairs_[i].second);
        }
    }

    uint64_t at_or_after(uint64_t place) const {
        const auto found = std::lower_bound(pairs_.begin(), pairs_.end(), std::pair<uint64_t, uint64_t>(place, 0));
        return found == pairs_.end() ? never : found->second;
    }

private:
    std::vector<std::pair<uint64_t, uint64_t>> pairs_;
};

// Of triples (place, value, number): the largest value at or before a place, and its number; 0 where there is none.
class LatestUpTo {
public:
    struct Found {
        uint64_t value = 0;
        size_t number = 0;
    };

    void add(uint64_t place, uint64_t value, size_t number = 0) { places_.push_back({place, {value, number}}); }

    void seal() {
        std::sort(places_.begin(), places_.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
        for (size_t i = 1; i < places_.size(); ++i) {
            if (places_[i - 1].second.value > places_[i].second.value) {
                places_[i].second = places_[i - 1].second;
            }
        }
    }

    Found up_to(uint64_t place) const {
        const auto later = std::upper_bound(places_.begin(), places_.end(), place,
                                            [](uint64_t wanted, const auto &entry) { return wanted < entry.first; });
        return later == places_.begin() ? Found{} : std::prev(later)->second;
    }

private:
    std::vector<std::pair<uint64_t, Found>> places_;
};

} // namespace uakv::test
