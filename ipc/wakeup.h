// Waking the other side: a futex for a client that waits for completions, an eventfd for a daemon that
// sleeps. Both are used only when the other side has said that it sleeps.
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

} // namespace uakv
