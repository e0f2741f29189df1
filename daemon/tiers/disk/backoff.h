// Trying again after a failure: at first soon, then with pauses that grow, until it works.
#pragma once

#include "ipc/clock.h"

#include <algorithm>
#include <cstdint>

namespace uakv::disk {

class Backoff {
public:
    static constexpr std::uint64_t shortest_ns = 100 * ns_per_ms;
    static constexpr std::uint64_t longest_ns = 60 * ns_per_s;

    bool waiting(std::uint64_t now_ns) const { return now_ns < until_ns_; }
    std::uint64_t until_ns() const { return until_ns_; }

    void failed(std::uint64_t now_ns) {
        pause_ns_ = std::clamp(pause_ns_ * 2, shortest_ns, longest_ns);
        until_ns_ = now_ns + pause_ns_;
    }
    void worked() { pause_ns_ = until_ns_ = 0; }
    void try_now() { until_ns_ = 0; } // something has changed; the pauses go on growing if that was not it

private:
    std::uint64_t pause_ns_ = 0;
    std::uint64_t until_ns_ = 0;
};

} // namespace uakv::disk
