// How long lease words have been held, at least: the daemon's side of the stamps of ipc/lease_table.h. Remembers when
// each tick began.
#pragma once

#include "ipc/lease_table.h"

#include <cstdint>
#include <vector>

namespace uakv {

class LeaseClock {
public:
    // `shown`: what clients see already. Words with older stamps count as written now.
    explicit LeaseClock(std::uint64_t now_ns, LeaseStamp shown = 0)
        : shown_(shown % lease_stamps), began_ns_(lease_stamps, now_ns) {}

    LeaseStamp shown() const { return shown_; }

    // The present tick began `every_ns` ago or earlier.
    bool is_due(std::uint64_t now_ns, std::uint64_t every_ns) const { return now_ns - began_ns_[shown_] >= every_ns; }

    // Another tick begins. Clients see it a moment after `now_ns`, which is nothing to the ages that matter.
    void tick(std::uint64_t now_ns) {
        shown_ = next(shown_);
        began_ns_[shown_] = now_ns;
    }

    // A word with this stamp was written, or its retrieve had begun, before the next tick did. Any stamp.
    std::uint64_t age_ns(LeaseStamp stamp, std::uint64_t now_ns) const {
        return stamp == shown_ ? 0 : now_ns - began_ns_[next(stamp)];
    }

private:
    static LeaseStamp next(LeaseStamp stamp) { return (stamp + 1) % lease_stamps; }

    LeaseStamp shown_ = 0;
    std::vector<std::uint64_t> began_ns_; // of ticks before the clock was made: when that was
};

} // namespace uakv
