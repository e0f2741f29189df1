// Whether looking at shared memory for a while can help: with one processor, what we wait for cannot happen
// until we sleep. Counted over the machine: a thread that is pinned to one processor still waits for others.
#pragma once

#include <unistd.h>

namespace uakv {

inline bool several_processors() {
    static const bool several = ::sysconf(_SC_NPROCESSORS_ONLN) > 1;
    return several;
}

} // namespace uakv
