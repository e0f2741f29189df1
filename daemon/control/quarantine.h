// Slots that a client of a device held when it went. Its process may be dead, and what it launched on the device still
// write to them: nobody can tell when that is over, and nobody can take its memory away. So they go back a second after
// the process is gone, which is when the kernel has closed the device for it.
//
// A socket hangs up earlier than that. Where the process lives on, it has hung up by itself and says with it that it is
// through; but it may also be about to die, and be busy with that. So it is given longer.
//
// While they are here the keeper has the session still: a daemon after this one finds its client gone, and has the
// slots wait once more.
#pragma once

#include "daemon/control/kept_session.h"
#include "daemon/store/store.h"
#include "ipc/fd.h"

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

namespace uakv {

class Quarantine {
public:
    explicit Quarantine(Store &store) : store_(store) {}
    ~Quarantine(); // what is still here stays for the next daemon
    Quarantine(const Quarantine &) = delete;
    Quarantine &operator=(const Quarantine &) = delete;

    // `process` may be invalid, where the kernel has none: then only time counts.
    void add(std::vector<SlotRef> slots, Fd process, std::optional<KeptSession> kept, std::uint64_t now);

    // Gives back what has waited long enough. When to come again at the latest (ns from now); UINT64_MAX: nothing
    // waits.
    std::uint64_t turn(std::uint64_t now);

    std::uint64_t slots() const { return slots_count_; }

private:
    struct Held {
        std::vector<SlotRef> slots;
        Fd process;
        std::optional<KeptSession> kept;
        std::uint64_t since_ns = 0; // the session ended
        std::uint64_t gone_ns = 0;  // the process was seen to be dead; 0: not yet
    };
    static std::uint64_t due_ns(Held &held, std::uint64_t now);

    Store &store_;
    std::list<Held> held_;
    std::uint64_t slots_count_ = 0;
};

} // namespace uakv
