// Waking the other side: a futex for a client that waits for completions, an eventfd for a daemon that sleeps, a bell
// for a client that waits for more than completions. All are used only when the other side has said that it sleeps.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstdint>

namespace uakv {

// Sleeps while `word` is `expected`, at most timeout_ns. May return early for any reason: look again.
void futex_wait(const std::uint32_t &word, std::uint32_t expected, std::uint64_t timeout_ns);

// Wakes everybody who waits on `word`, in any process.
void futex_wake_all(const std::uint32_t &word);

// An eventfd: the daemon polls it edge-triggered and never reads it, so that a client that clears its
// O_NONBLOCK or drains it cannot make the daemon block.
Result<Fd> create_doorbell();
void ring_doorbell(const Fd &doorbell);

// The other way round: the daemon rings, a client listens. Here the daemon is the one that writes, and to an eventfd it
// would write into an open file that the client has too, and could have filled and made blocking. The ends of a socket
// pair are two open files: the flags of the daemon's are out of a client's reach, and nothing that the client sends
// comes in. A bell that is full takes no more rings, so whoever listens hushes it before it sleeps.
//
// The rope also tells when the client has let go of its end (shut it down, or closed it and died, it and its children):
// it hangs up. So a daemon that keeps no hearer of its own learns, without a message and even after a restart, that
// the memory which came with the bell is not used any more.
struct Bell {
    Fd rope;   // ring_bell
    Fd hearer; // readable once rung; for one client
};
Result<Bell> create_bell();
void ring_bell(const Fd &rope);
void hush_bell(const Fd &hearer);
void let_go_of_bell(const Fd &hearer); // for all processes that have it
bool is_let_go(const Fd &rope);

} // namespace uakv
