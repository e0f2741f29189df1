// Slots that a client was granted and keeps for its next reserves. Nobody writes to them yet, so the daemon may
// take them back when it has no other: without asking, for an idle client would not answer. Each kept slot has a
// word in the client's session; who sets the word to 0 has the slot.
//
// A client that offers a slot here and writes to it all the same harms blocks of its own tenant, to which it can
// write anyway.
#pragma once

#include "ipc/atomic.h"
#include "ipc/index_layout.h"
#include "ipc/session_layout.h"
#include "ipc/untrusted.h"

#include <cstdint>

namespace uakv {

constexpr std::uint64_t make_kept(SegmentId segment, std::uint32_t slot) {
    return (static_cast<std::uint64_t>(segment) << 32 | slot) + 1; // 0: nothing is kept in this place
}

inline bool win_kept(std::uint64_t &place, std::uint64_t word) {
    return __atomic_compare_exchange_n(&place, &word, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

// Client: offers a slot in a place that is free.
inline void keep_slot(SessionLayout &session, std::uint32_t place, SegmentId segment, std::uint32_t slot) {
    store_release(session.kept[place], make_kept(segment, slot));
}

// Client: takes it for itself; false when the daemon has taken it back.
inline bool take_kept(SessionLayout &session, std::uint32_t place, SegmentId segment, std::uint32_t slot) {
    return win_kept(session.kept[place], make_kept(segment, slot));
}

// Daemon: takes back all that is kept. holds(segment, slot) says whether the client was granted that slot: what the
// words say is what the client wrote. back(segment, slot) for each slot that was won.
template <typename Holds, typename Back> void reclaim_kept(SessionLayout &session, Holds holds, Back back) {
    for (std::uint64_t &place : session.kept) {
        const std::uint64_t word = load_once(place);
        const auto segment = static_cast<SegmentId>((word - 1) >> 32);
        const auto slot = static_cast<std::uint32_t>(word - 1);
        if (word != 0 && holds(segment, slot) && win_kept(place, word)) {
            back(segment, slot);
        }
    }
}

} // namespace uakv
