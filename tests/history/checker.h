// Judges a history: is there an explanation for everything that was seen?
//
// A block (a version) is published at one instant between the invocation and the response of its commit, stays for one
// stretch of time, and never comes back. All rules follow from that, with nothing but the ends of intervals; where an
// operation may or may not have happened, the reading that excuses the store counts. So there are no false alarms:
//
//   foreign   A hit names a version that was committed under that key, in that space, before the hit's response.
//   stale     It was not gone before the hit began: proof that it was is a remove or clear that returned, a miss, a
//             departure that the daemon logged, another version that was stored, the end of its lifetime. Each counts
//             when it began after the version was certainly stored, by the answer to the commit or by a hit.
//   ghost     UAKV_EXISTS, contains, match_prefix, the count of remove, and pin tell of a version that was possibly
//             there, by the same measure.
//   lost      When something says that a key is not stored, each version of it that was certainly stored before has an
//             excuse: a remove or clear that was under way at some time since the last proof that it was there, the end
//             of its lifetime, a new daemon, or an eviction in the daemon's log. To be told that one's own block was
//             stored says that no other was there.
//   departure The daemon's log says truly why a block left: somebody asked to remove it, its time was over, and no
//             block is ever evicted while it is pinned, or found to be corrupt.
//   flight    No second process is told to compute a block while the first one does: not ended, not killed, not late,
//             and nobody stored the block meanwhile.
//   bytes     Each byte is as it was committed, when the view is taken and when it is released. Seen by the processes.
//   status    Nothing fails in a way that the run does not provide for.
//
// When a daemon dies, its index stays readable to those who had mapped it. A proof therefore counts only for versions
// of the same daemon, and what a process does not find only when it is known to have reached the newest daemon by then;
// what it finds must not be of a daemon before one that has answered it.
//
// What this does not catch: a wrong answer while an operation that would excuse it is under way, or after one that was
// killed in it; one of several keys of a remove or pin that was answered with a part; an eviction that should not have
// been (it is logged, so it is excused, unless the block was pinned); an order of operations on different keys; what is
// lost within 2 ms around the end of a lifetime.
#pragma once

#include "history/history.h"

#include <optional>
#include <string>
#include <vector>

namespace uakv::test {

struct Violation {
    std::string rule;
    std::string text;
    uint8_t space = 0;
    uint8_t key = 0;
    uint64_t at_ns = 0;    // the history up to here shows it
    uint64_t since_ns = 0; // and what was before does not matter, but for blocks from earlier on
};

// The one that shows first; nothing when all is well.
std::optional<Violation> check(const History &history);

// The rule, and the operations on that key up to the violation, in order of their invocations.
std::string report(const History &history, const Violation &violation);

} // namespace uakv::test
