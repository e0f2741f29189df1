// Touches: which entries a client hit, told to the eviction policy through a lossy ring. A hit costs no
// message and no lock; when the daemon does not look in time, the oldest touches are overwritten.
#pragma once

#include "ipc/atomic.h"
#include "ipc/index_layout.h"
#include "ipc/session_layout.h"
#include "ipc/untrusted.h"

#include <algorithm>

namespace uakv {

// Client, any thread. Two threads may write in one place after a full turn of the ring: one touch is lost.
inline void touch(SessionLayout &session, EntryId entry, std::uint64_t bytes) {
    const std::uint64_t place = add_relaxed(session.header.touch_tail, 1);
    store_relaxed(session.touches[place % limits::touches], entry + 1);
    add_relaxed(session.header.bytes_hit, bytes);
}

// Daemon. visit(entry) for each touch since the last call that is still there; the entry number is what the
// client wrote. Returns false when the client wrote a number that no entry can have.
class TouchReader {
public:
    template <typename Visit> bool drain(const SessionLayout &session, std::uint32_t entry_capacity, Visit visit) {
        const std::uint64_t tail = load_once(session.header.touch_tail);
        const std::uint64_t count = std::min<std::uint64_t>(tail - head_, limits::touches);
        for (std::uint64_t place = tail - count; place != tail; ++place) {
            const std::uint32_t entry = load_once(session.touches[place % limits::touches]);
            if (entry > entry_capacity) {
                return false;
            }
            if (entry != 0) {
                visit(EntryId{entry - 1});
            }
        }
        head_ = tail;
        return true;
    }

private:
    std::uint64_t head_ = 0;
};

} // namespace uakv
