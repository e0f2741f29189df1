#include "timing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace uakv::bench {
namespace {

// The value at a rank that may lie between two of them.
double quantile(const std::vector<double> &sorted, double share) {
    const double rank = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(rank));
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (rank - std::floor(rank));
}

} // namespace

double clock_overhead_ns() {
    std::vector<std::uint32_t> samples(100'000);
    for (auto &sample : samples) {
        const std::uint64_t begin = now_ns();
        sample = sample_of(begin, now_ns());
    }
    return percentile(samples, 0.5);
}

double percentile(std::span<std::uint32_t> samples, double share) {
    if (samples.empty()) {
        return 0;
    }
    const double rank = std::ceil(share * static_cast<double>(samples.size()));
    const auto index = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
    std::nth_element(samples.begin(), samples.begin() + index, samples.end());
    return static_cast<double>(samples[static_cast<std::size_t>(index)]);
}

Summary summarize(std::vector<double> runs) {
    if (runs.empty()) {
        return {};
    }
    std::sort(runs.begin(), runs.end());
    return {quantile(runs, 0.5), quantile(runs, 0.75) - quantile(runs, 0.25)};
}

void spin_for_ns(std::uint64_t duration_ns) {
    const std::uint64_t end = now_ns() + duration_ns;
    while (now_ns() < end) {
    }
}

void sleep_for_ns(std::uint64_t duration_ns) {
    timespec left{static_cast<std::time_t>(duration_ns / 1'000'000'000U),
                  static_cast<long>(duration_ns % 1'000'000'000U)};
    while (nanosleep(&left, &left) != 0) {
    }
}

} // namespace uakv::bench
