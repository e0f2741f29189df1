// Signals as something to read: SIGTERM and SIGINT ask the daemon to stop, SIGHUP to read its settings again.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

namespace uakv {

// Blocks these signals for this thread and those it makes, and gives the descriptor that reads them.
// Ignores SIGPIPE and SIGXFSZ, whose system calls report an error that is handled where it happens.
Result<Fd> open_signals();

enum class Asked { nothing, stop, reload };

// What was asked for next; nothing when all has been read. An eventfd serves as well: what it says means stop.
Asked read_signal(const Fd &signals);

} // namespace uakv
