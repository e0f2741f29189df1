// Leases on blocks in GPU memory end when a stream of the client gets to some point: the client's CPU does not wait for
// that, and neither does anybody else. Beside each lease word stands a release word, which says where; the stream
// itself writes how far it has got. The evictor's scan (E3 of lease_table.h) leaves a lease out that is over by these.
//
//   client                                  the client's stream         evictor (daemon)
//   R1 to R5: a lease in leases[w]
//   launches what reads the block           reads the block
//   enqueues streams[s].reached = v         fence (system scope)        E1 E2 the block is gone, fence
//   R7 releases[w] = (s, v)                 S1 streams[s].reached = v   D1 leases[w]  D2 releases[w]
//   goes on at once                                                     D3 the release is (s, v), and
//   ...                                                                    streams[s].reached >= v: over
//   later, when streams[s].reached >= v:
//   C1 leases[w] = 0
//   C2 releases[w] = 0
//   C3 w may be used again: R3 of another lease
//
// Why it is safe. A lease that passed R5 is seen in D1, as lease_table.h argues: its R3 had arrived before E1 did. So
// had C2, which comes before R3 in the order of release stores. Hence D2 reads 0, or what R7 wrote for this very lease,
// and never the release of an earlier one. If D3 finds it reached, S1 was read, which comes after the reads of the
// stream by its fence; D3 acquires it, and the slot is written after them. A lease that did not pass R5 reads nothing.
// D1 and D2 may come in either order, and so may C1 and C2: the other way round a scan between them could find a lease
// again that an earlier one had found to be over, and keep the slot for a moment more.
//
// tests/model/release.pml is this protocol for the model checker.
//
// What a hostile client can do: a release word that names no stream is never reached, so the lease goes on; one that is
// reached too early exposes only its own reading. It delays the reuse of slots as it could with lease words.
#pragma once

#include "ipc/device_session.h"
#include "ipc/lease_table.h"

#include <algorithm>
#include <cstdint>

namespace uakv {

// The release word: 0, or
//
//   bits 0 to 47   the value that the stream's word gets to
//        48 to 63  the number of the stream, plus 1
constexpr std::uint64_t make_release(std::uint32_t stream, std::uint64_t value) {
    return (stream + 1ULL) << release_value_bits | value;
}

// ---- the client's half: for a lease word that is its own ----------------------------------------------------------

// R7.
inline void order_release(DeviceSessionLayout &session, std::uint32_t word, std::uint32_t stream, std::uint64_t value) {
    store_release(session.releases[word], make_release(stream, value));
}

// Whether the stream has got there, so that the word may be cleared. False also where no release was ordered.
inline bool is_release_reached(const DeviceSessionLayout &session, std::uint32_t word) {
    const std::uint64_t release = load_once(session.releases[word]);
    const std::uint64_t stream = (release >> release_value_bits) - 1; // of 0: none that there is
    return stream < limits::device_streams_max &&
           load_once(session.streams[stream].reached) >= (release & release_value_max);
}

// C1 and C2.
inline void clear_released(DeviceSessionLayout &session, std::uint32_t word) {
    lease_end(session.session, word);
    store_release(session.releases[word], 0);
}

// ---- the evictor's half -------------------------------------------------------------------------------------------

// E3 for one table, as lease_scan(), without the leases that are over.
template <typename Visit> void device_lease_scan(const DeviceSessionLayout &session, Visit visit) {
    const std::uint32_t high = std::min(load_once(session.session.header.leases_high), limits::lease_words);
    for (std::uint32_t i = 0; i < high; ++i) {
        const std::uint64_t word = load_once(session.session.leases[i]); // D1
        if (word != 0 && !is_release_reached(session, i)) {              // D2 and D3
            visit(entry_of_lease(word), word);
        }
    }
}

} // namespace uakv
