// Signals as something to read: SIGTERM and SIGINT ask the daemon to stop.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <optional>

namespace uakv {

// Blocks the stop signals for this thread and those it makes, and gives the descriptor that reads them.
// Ignores SIGPIPE and SIGXFSZ, whose system calls report an error that is handled where it happens.
Result<Fd> open_stop_signals();

// The number of the signal that came; nothing when none is left.
std::optional<int> read_signal(const Fd &signals);

} // namespace uakv
