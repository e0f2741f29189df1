// How often something may be done: a bucket that holds one second's worth of permits and fills as time passes. Over a
// second, at most twice the rate gets through; over a long time, the rate. Nothing is rounded away: a permit is
// 10^9 units, and each nanosecond brings as many units as the rate is.
#pragma once

#include "ipc/clock.h"

#include <algorithm>
#include <cstdint>

namespace uakv {

class TokenBucket {
public:
    static constexpr std::uint64_t rate_max = 1'000'000'000; // one for each nanosecond; more means no limit as well

    // 0: no limit.
    explicit TokenBucket(std::uint64_t per_second = 0) { set_rate(per_second); }

    // What was saved up stays, as far as it fits; where there was no limit, the bucket begins full.
    void set_rate(std::uint64_t per_second) {
        const bool unlimited = rate_ == 0;
        rate_ = per_second > rate_max ? 0 : per_second;
        units_ = unlimited ? capacity() : std::min(units_, capacity());
    }

    // Takes a permit; false when there is none. `now_ns` never goes back.
    bool take(std::uint64_t now_ns) {
        if (rate_ == 0) {
            return true;
        }
        const std::uint64_t elapsed_ns = std::min(now_ns - filled_ns_, ns_per_s);
        filled_ns_ = now_ns;
        units_ = std::min(units_ + elapsed_ns * rate_, capacity());
        if (units_ < ns_per_s) {
            return false;
        }
        units_ -= ns_per_s;
        return true;
    }

private:
    std::uint64_t capacity() const { return rate_ * ns_per_s; }
    static_assert(2 * rate_max <= UINT64_MAX / ns_per_s, "units do not overflow");

    std::uint64_t rate_ = 0;
    std::uint64_t units_ = 0;
    std::uint64_t filled_ns_ = 0;
};

} // namespace uakv
