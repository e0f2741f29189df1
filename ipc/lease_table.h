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
// What each step needs of the machine, and what it is compiled to (-O2, g++ 12):
//
//          needs                                     x86-64          AArch64
//   R1     R2 comes after it                         MOV             LDAR
//   R3 R4  R3 is seen before R5 and the bytes are    MOV, LOCK OR    STLR, DMB ISH
//          read: the one store-load order here
//   R5     nothing of its own                        MOV             LDR
//   R6     the last byte was read before             MOV             STLR
//   E1 E2  E1 is seen before E3 reads: the other     MOV, LOCK OR    STLR, DMB ISH
//   E3     the slot is written after it              MOV             LDAR
//
// x86-64 (TSO) keeps all orders but store-load. AArch64 keeps few; but there, too, a store that one other processor
// has seen is seen by all. DMB ISH orders all earlier loads and stores before all later ones.
//
// R5 is a relaxed load, and on AArch64 the branch behind it holds back no loads: bytes of the block may be read before
// R5. They do no harm, for R4 keeps them, as it keeps R5, behind R3. Suppose that R5 reads g, and that an E3 of this
// generation misses the word of R3. Then E3 read before R3 was seen, so E1 (by E2) was seen before R5 (by R4) read,
// and R5 would not have read g. So such an E3 finds the word, or finds it gone by R6, which comes after the last byte.
// Where in this time the bytes were read does not matter. If R5 does not read g, what was read early is thrown away.
// An acquire in R5 would add nothing.
//
// That the bytes are no older than g: they were written before the commit, the daemon acquired that through the ring
// before it released g, and R1 acquires g. `leases_high` is raised by a relaxed exchange, for R4 orders it before R5
// like the word; in a thread that found it raised by another, too, since what it has seen all will see.
//
// tests/model/lease.pml is this protocol for the model checker; docs/models.md has the other protocols' fences.
//
// What a hostile client can do with its words. Only the daemon reads them. Garbage names no entry, or one
// with another generation: ignored. A true (entry, g) that it does not read delays the reuse of one slot,
// within its quota of words. A word it clears too early exposes only its own reading to change. A
// `leases_high` that is too low does the same.
#pragma once

#include "ipc/atomic.h"
#include "ipc/index_layout.h"
#include "ipc/limits.h"
#include "ipc/sequence_point.h"
#include "ipc/session_layout.h"
#include "ipc/untrusted.h"

#include <algorithm>
#include <cstdint>

namespace uakv {

// The lease word:
//
//   bits 0 to 27   the entry
//        28 to 39  the stamp: what the lease clock showed when the retrieve began
//        40 to 62  the generation without its lowest bit, which is 0 while the block is live; as much of it as fits
//        63        1, so that no lease looks like a free word
//
// That the generation is cut is safe. The reader compares all of it in R5. The daemon compares what there is: a word
// that stands for (entry, g) always matches g, and a leftover that matches by chance, once in 2^23 generations,
// delays the reuse of one slot.
//
// The stamp tells the daemon how long a word has been held, at least, though no clock is read for a hit. It is copied
// from `lease_clock`, on the line of the index header that every lookup reads. The daemon moves that on only while its
// tenant is short of memory, some ticks in the age that matters. So the retrieve behind a word with stamp s began
// before tick s + 1 did, and the daemon knows when that was. A client that takes and releases one block for ever writes
// a fresh stamp each time; to look at words twice and see the same would have proved nothing. Stamps come round: a word
// that is older than all of them looks younger than it is. And a stamp that the clock has not shown yet is one that it
// showed almost a round ago: who lies about the time accuses himself.
constexpr LeaseStamp lease_stamps = 1U << limits::lease_stamp_bits;

namespace lease_word {
constexpr unsigned stamp_shift = limits::lease_entry_bits;
constexpr unsigned generation_shift = stamp_shift + limits::lease_stamp_bits;
constexpr std::uint64_t stamp_mask = (lease_stamps - 1ULL) << stamp_shift;
constexpr std::uint64_t in_use = 1ULL << 63;
} // namespace lease_word

constexpr std::uint64_t make_lease(EntryId entry, Generation generation, LeaseStamp stamp = 0) {
    return lease_word::in_use | generation >> 1 << lease_word::generation_shift |
           (static_cast<std::uint64_t>(stamp) << lease_word::stamp_shift & lease_word::stamp_mask) | entry;
}
constexpr EntryId entry_of_lease(std::uint64_t word) {
    return static_cast<EntryId>(word & (limits::entries_max - 1));
}
constexpr LeaseStamp stamp_of_lease(std::uint64_t word) {
    return static_cast<LeaseStamp>((word & lease_word::stamp_mask) >> lease_word::stamp_shift);
}

// Whether the word stands for the block that the entry has, or, once that is retired, had last. The one way in which
// the daemon may compare.
constexpr bool lease_matches(std::uint64_t word, EntryId entry, Generation generation) {
    return ((word ^ make_lease(entry, generation)) & ~lease_word::stamp_mask) == 0;
}

// ---- the reader's half: the client calls these on its own table, for a word that it has claimed --------

// R3 to R5. True: the block of (entry, generation) stays where it is until lease_end. False: it has left,
// or is another one by now.
inline bool lease_begin(SessionLayout &session, std::uint32_t word, const IndexEntry &entry, EntryId id,
                        Generation generation, LeaseStamp stamp = 0) {
    store_release(session.leases[word], make_lease(id, generation, stamp));
    UAKV_SEQUENCE_POINT(lease_written);
    full_fence();
    UAKV_SEQUENCE_POINT(lease_fenced);
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

// A1 and A2 of taking leases back, below: after the block was read, and before R6. True: what was read may be wrong.
inline bool lease_revoked(const SessionLayout &session) {
    acquire_fence();
    return load_relaxed(session.header.leases_void) != 0;
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

// ---- taking leases back -----------------------------------------------------------------------------------
//
// A client that is stopped, wedged, or has lost its views keeps blocks in place for ever. Where the operator will not
// have that (lease_max_age; leased_memory), the daemon takes all leases of the session back at once:
//
//   reader (client)                              daemon
//      reads the block                           V1 leases_void = 1
//   A1 acquire fence                             V2 full fence
//   A2 leases_void == 0 ? what was read is       V3 its scans leave this session's words out, so slots under
//      the block : it may be wrong                  them are handed out and written
//   R6 word = 0
//
// Why it is safe. Whatever else than the block a reader can find in the slot was written by a client that was granted
// the slot after V3, and acquired that grant. A store that one processor sees is seen by all (so it is on x86-64 and
// AArch64): who reads such a byte would also read V1, and A1 has A2 look no earlier. So a reader that finds 0 in A2
// has read nothing but the block. A lease that begins on a session that is void already says the same in A2; the
// library looks at once, so as not to hand out what it would have to take back.
//
// The word is in memory that the client can write. If it does, it deceives itself alone: the daemon keeps its own note.

// V1 and V2.
inline void void_leases(SessionLayout &session) {
    store_release(session.header.leases_void, 1);
    full_fence();
}

} // namespace uakv
