// What all parts of a Mover share.
#pragma once

#include "daemon/flow/io_buffers.h"
#include "daemon/flow/mover.h"
#include "daemon/flow/space_map.h"
#include "ipc/codec/codec.h"

#include <cstdint>
#include <functional>

namespace uakv::flow {

struct Context {
    Store &store;
    disk::DiskTier &disk;
    Workers &workers;
    Mover::Options options;
    std::function<disk::Moment()> clock;
    IoBuffers buffers;
    SpaceMap spaces;
    Mover::Statistics statistics;
    std::vector<Mover::Answer> answers;
    std::uint64_t jobs = 0; // of this mover, that the workers have not given back
    bool ending = false;    // what they still give back is not gone on with

    // Work in some thread, and what comes after it here.
    void run(std::function<void()> work, std::function<void()> done) {
        ++jobs;
        workers.run({std::move(work), [this, then = std::move(done)] {
                         --jobs;
                         if (!ending) {
                             then();
                         }
                     }});
    }

    std::uint64_t memory_bytes() const { return store.index().lookup().segment_capacity() * store.segment_bytes(); }
};

// The log knows the time of day, the index the time since boot.
inline std::uint64_t to_boot_ms(std::uint64_t wall_ms, std::uint64_t now_wall_ms, std::uint64_t now_boot_ms) {
    if (wall_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    return wall_ms <= now_wall_ms ? now_boot_ms : now_boot_ms + (wall_ms - now_wall_ms);
}
inline std::uint64_t to_wall_ms(std::uint64_t at_boot_ms, std::uint64_t now_wall_ms, std::uint64_t now_boot_ms) {
    if (at_boot_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    return at_boot_ms <= now_boot_ms ? now_wall_ms : now_wall_ms + (at_boot_ms - now_boot_ms);
}

} // namespace uakv::flow
