// Time, and what to say about many measurements of it.
//
// A latency is the difference of two readings of CLOCK_MONOTONIC around one operation. Nothing is
// subtracted; what two readings in a row differ by is printed at the top of the table.
#pragma once

#include <cstdint>
#include <ctime>
#include <span>
#include <vector>

namespace uakv::bench {

inline std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

// As a sample: four bytes each, so that millions of them fit; what takes over four seconds reads as four.
inline std::uint32_t sample_of(std::uint64_t begin_ns, std::uint64_t end_ns) {
    const std::uint64_t elapsed = end_ns - begin_ns;
    return elapsed > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(elapsed);
}

// The median difference of two readings with nothing between them.
double clock_overhead_ns();

// The sample that `share` of all samples do not exceed (0.5: the median). Reorders them.
double percentile(std::span<std::uint32_t> samples, double share);

// The median of the runs of one measurement, and how far they lie apart: their interquartile range.
struct Summary {
    double median = 0;
    double spread = 0;
};
Summary summarize(std::vector<double> runs);

// Keeps this thread busy: for waits during which its cpu must not fall asleep.
void spin_for_ns(std::uint64_t duration_ns);

void sleep_for_ns(std::uint64_t duration_ns);

} // namespace uakv::bench
