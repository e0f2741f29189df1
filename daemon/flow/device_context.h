// What all parts of a DeviceMover share.
#pragma once

#include "daemon/flow/device_mover.h"
#include "daemon/flow/device_spaces.h"
#include "ipc/clock.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace uakv::flow {

struct DeviceContext {
    Store &arena;
    Store &host;
    Mover *host_mover;
    BlockCopier &copier;
    Workers &workers;
    std::function<std::uint64_t()> clock;
    DeviceSpaces spaces;
    DeviceMover::Statistics statistics{};
    std::vector<Mover::Answer> answers{};
    std::uint64_t next_copy = 1;
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
};

inline std::uint64_t memory_bytes_of(const Store &store) {
    return store.index().lookup().segment_capacity() * store.segment_bytes();
}

inline BlockCopier::Place place_of(const Store &store, SlotRef slot) {
    return {slot.segment, store.slots().offset(slot)};
}
inline BlockCopier::Place place_of(const Store &store, EntryId entry) {
    const IndexEntry &block = store.index().entry(entry);
    return {home_of(block).segment, block.offset};
}

// The rest of a block's lifetime, for the store that it is copied to. Nothing: it is over.
inline std::optional<std::uint32_t> ttl_left_ms(std::uint64_t expires_ms) {
    if (expires_ms == UINT64_MAX) {
        return 0;
    }
    const std::uint64_t now_ms = boot_ms();
    if (now_ms >= expires_ms) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(expires_ms - now_ms, UINT32_MAX));
}

} // namespace uakv::flow
