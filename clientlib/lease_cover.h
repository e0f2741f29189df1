// Makes the daemon's scan of a session's lease words reach every word that is used, and no further than needed.
#pragma once

#include "ipc/lease_table.h"

#include <atomic>
#include <cstdint>

namespace uakv {

class LeaseCover {
public:
    // Before the first lease on a word. Who sees that it is covered also makes it so for the daemon: the fence of its
    // lease_begin then orders the leases_high that another thread has raised.
    void cover(SessionLayout &session, std::uint32_t word) {
        if (word >= covered_.load(std::memory_order_acquire)) [[unlikely]] {
            lease_cover(session, word);
            covered_.store(word + 1, std::memory_order_release);
        }
    }

private:
    std::atomic<std::uint32_t> covered_{0}; // words below are within leases_high
};

} // namespace uakv
