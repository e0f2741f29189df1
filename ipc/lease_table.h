// The lease protocol, both halves. It lets a client read a block in place, without lock or message, while
// the daemon may evict that block at any moment; and it lets the daemon know when nobody reads any more.
//
//   reader (client)                              evictor (daemon)
//   R1 g = entry.generation      (even)          E1 entry.generation = g + 1   (odd: the block is gone)
//   R2 where = entry.segment, offset, length     E2 full fence
//   R3 word = (entry, g)                         E3 scan all lease words of the tenant for (entry, g)
//   R4 full fence                                E4 found: the slot waits in limbo, scanned again later
//   R5 entry.generation == g ? read the block       not found: the slot may be written again
//      : word = 0, start over
//   ...
//   R6 word = 0 (release)
//
// Why it is safe. R3 R4 R5 and E1 E2 E3 are the two sides of a store-load (Dekker) handshake: each side
// writes its own word, fences, and reads the other's. With full fences on both sides, at least one of them
// sees the other's write. If the evictor sees the word, it waits. If not, the reader sees the generation
// moved on, and has not read a byte yet. That R2 belongs to g follows from R5, since the fields are only
// written while the generation is odd. Reuse after R6 is ordered by release (R6) and acquire (E3).
//
// On x86-64 only the store-load order needs an instruction, and full_fence() is it (MFENCE or a locked
// operation); the other orders are the machine's. On AArch64 full_fence() is DMB ISH, which orders all
// earlier loads and stores before all later ones; R1 is a load-acquire and R6 a store-release.
//
// What a hostile client can do with its words. Only the daemon reads them. Garbage names no entry, or one
// with another generation: ignored. A true (entry, g) that it does not read delays the reuse of one slot,
// within its quota of words. A word it clears too early exposes only its own reading to change. A
// `leases_high` that is too low does the same.
#pragma once

#include "ipc/atomic.h"
#include "ipc/index_layout.h"
#include "ipc/limits.h"
#include "ipc/session_layout.h"
#include "ipc/untrusted.h"

#include <algorithm>
#include <cstdint>

namespace uakv {

// A lease word: the entry in the low bits, as much of the generation as fits above. 36 bits of generation
// come round after 2^35 changes of one entry between two instructions of a reader: not in a lifetime.
constexpr std::uint64_t make_lease(EntryId entry, Generation generation) {
    return generation << limits::lease_entry_bits | entry;
}
constexpr EntryId entry_of_lease(std::uint64_t word) {
    return static_cast<EntryId>(word & (limits::entries_max - 1));
}
static_assert(make_lease(0, 2) != 0, "a live generation is never 0, so no lease looks like a free word");

// ---- the reader's half: the client calls these on its own table, for a word that it has claimed --------

// R3 to R5. True: the block of (entry, generation) stays where it is until lease_end. False: it has left,
// or is another one by now.
inline bool lease_begin(SessionLayout &session, std::uint32_t word, const IndexEntry &entry, EntryId id,
                        Generation generation) {
    store_release(session.leases[word], make_lease(id, generation));
    full_fence();
    if (load_relaxed(entry.generation) == generation) [[likely]] {
        return true;
    }
    store_release(session.leases[word], 0);
    return false;
}

// R6.
inline void lease_end(SessionLayout &session, std::uint32_t word) {
    store_release(session.leases[word], 0);
}

// Raises leases_high so that the daemon's scan covers `word`; called before its first lease_begin, whose
// fence orders it.
inline void lease_cover(SessionLayout &session, std::uint32_t word) {
    std::uint32_t high = load_relaxed(session.header.leases_high);
    while (high <= word && !__atomic_compare_exchange_n(&session.header.leases_high, &high, word + 1, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

// ---- the evictor's half: the daemon calls this on every table of a tenant, after E1 and E2 --------------

// E3 for one table: visit(entry, word) for each word in use. The entry number is what the client wrote: it
// may be any number below entries_max.
template <typename Visit> void lease_scan(const SessionLayout &session, Visit visit) {
    const std::uint32_t high = std::min(load_once(session.header.leases_high), limits::lease_words);
    for (std::uint32_t i = 0; i < high; ++i) {
        if (const std::uint64_t word = load_once(session.leases[i]); word != 0) {
            visit(entry_of_lease(word), word);
        }
    }
}

} // namespace uakv
