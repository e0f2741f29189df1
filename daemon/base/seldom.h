// What would be told each time that somebody tries again: told at once, and then at most once a minute.
#pragma once

#include "ipc/clock.h"

#include <cstdint>

namespace uakv {

class Seldom {
public:
    bool due(std::uint64_t now_ns) {
        if (now_ns < next_ns_) {
            return false;
        }
        next_ns_ = now_ns + 60 * ns_per_s;
        return true;
    }

private:
    std::uint64_t next_ns_ = 0;
};

} // namespace uakv
