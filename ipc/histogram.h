// A histogram of latencies: a bucket for each power of two of nanoseconds, divided into four, so that a value is known
// to a quarter. One relaxed addition to record, no lock, readable by another process at any moment.
#pragma once

#include "ipc/atomic.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace uakv {

constexpr unsigned histogram_sub_bits = 2;
constexpr std::size_t histogram_buckets = 156; // up to 2^40 ns, a quarter of an hour; what is longer counts there

struct Histogram {
    std::uint64_t counts[histogram_buckets];
};

constexpr std::size_t histogram_bucket(std::uint64_t ns) {
    constexpr std::uint64_t sub_buckets = 1U << histogram_sub_bits;
    if (ns < sub_buckets) {
        return ns;
    }
    const auto exponent = static_cast<unsigned>(std::bit_width(ns)) - 1;
    const std::uint64_t sub = ns >> (exponent - histogram_sub_bits) & (sub_buckets - 1);
    return std::min<std::size_t>((exponent - histogram_sub_bits + 1) * sub_buckets + sub, histogram_buckets - 1);
}

// The smallest value of a bucket; that of the next one is where it ends.
constexpr std::uint64_t histogram_lower_ns(std::size_t bucket) {
    constexpr std::uint64_t sub_buckets = 1U << histogram_sub_bits;
    if (bucket < sub_buckets) {
        return bucket;
    }
    const std::size_t exponent = bucket / sub_buckets + histogram_sub_bits - 1;
    return (sub_buckets + bucket % sub_buckets) << (exponent - histogram_sub_bits);
}

static_assert(histogram_bucket(3) == 3 && histogram_bucket(4) == 4 && histogram_bucket(8) == 8);
static_assert(histogram_lower_ns(histogram_bucket(1000)) <= 1000 &&
              histogram_lower_ns(histogram_bucket(1000) + 1) > 1000);
static_assert(histogram_bucket((1ULL << 40) - 1) == histogram_buckets - 1);
static_assert(histogram_lower_ns(histogram_buckets) == 1ULL << 40);

inline void histogram_record(Histogram &histogram, std::uint64_t ns) {
    add_relaxed(histogram.counts[histogram_bucket(ns)], 1U);
}

// What another process counted, added to `sum`.
inline void histogram_add(Histogram &sum, const Histogram &other) {
    for (std::size_t i = 0; i < histogram_buckets; ++i) {
        sum.counts[i] += load_relaxed(other.counts[i]);
    }
}

} // namespace uakv
