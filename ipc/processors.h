// Whether looking at shared memory for a while can help: with one processor, what we wait for cannot happen
// until we sleep.
#pragma once

#include <sched.h>

namespace uakv {

inline bool several_processors() {
    static const bool several = [] {
        cpu_set_t set;
        // More processors than fit into the set: an error, and certainly several.
        return ::sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) > 1;
    }();
    return several;
}

} // namespace uakv
