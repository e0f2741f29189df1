// How many bytes may be written, for the sake of the disk's life: a second's worth and a day's (UTC). What is over is
// refused, not delayed. All that goes to the device counts: what nobody can refuse (flushes, relocation, checkpoints)
// leaves a debt that the next blocks find.
#pragma once

#include "ipc/clock.h"

#include <algorithm>
#include <cstdint>

namespace uakv::disk {

class Admission {
public:
    // 0: no limit. Of a limit of bytes per second, one second's worth can be saved up.
    void set_limits(std::uint64_t per_second, std::uint64_t per_day) {
        if (per_second != per_second_) {
            tokens_ = static_cast<std::int64_t>(per_second);
            per_second_ = per_second;
        }
        per_day_ = per_day;
    }

    void turn(std::uint64_t now_ns, std::uint64_t wall_ms) {
        const std::uint64_t elapsed_ns = std::min(now_ns - filled_ns_, ns_per_s);
        const auto fresh = static_cast<std::uint64_t>(static_cast<double>(per_second_) *
                                                      static_cast<double>(elapsed_ns) / static_cast<double>(ns_per_s));
        if (fresh > 0 || elapsed_ns == ns_per_s) { // or small steps would be rounded away
            filled_ns_ = now_ns;
            tokens_ = std::min(tokens_ + static_cast<std::int64_t>(fresh), static_cast<std::int64_t>(per_second_));
        }
        if (const std::uint64_t day = wall_ms / ms_per_day; day != day_) {
            day_ = day;
            today_ = 0;
        }
    }

    // A block larger than a second's worth passes when nothing is owed.
    bool admits() const { return (per_second_ == 0 || tokens_ > 0) && (per_day_ == 0 || today_ + ahead_ < per_day_); }
    // It will be written.
    void expect(std::uint64_t bytes) {
        ahead_ += bytes;
        tokens_ -= static_cast<std::int64_t>(bytes);
    }
    // It was not.
    void forgo(std::uint64_t bytes) {
        bytes = std::min(bytes, ahead_);
        ahead_ -= bytes;
        tokens_ += static_cast<std::int64_t>(bytes);
    }
    // So many bytes went to the device, expected or not.
    void wrote(std::uint64_t bytes) {
        today_ += bytes;
        const std::uint64_t expected = std::min(bytes, ahead_);
        ahead_ -= expected;
        tokens_ -= static_cast<std::int64_t>(bytes - expected);
    }

    std::uint64_t today() const { return today_; }

private:
    static constexpr std::uint64_t ms_per_day = 86'400'000;

    std::uint64_t per_second_ = 0;
    std::uint64_t per_day_ = 0;
    std::int64_t tokens_ = 0;
    std::uint64_t ahead_ = 0; // expected, and not written yet
    std::uint64_t filled_ns_ = 0;
    std::uint64_t today_ = 0;
    std::uint64_t day_ = 0;
};

} // namespace uakv::disk
