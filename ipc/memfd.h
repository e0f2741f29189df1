// Shared memory regions: anonymous files that only descriptors lead to. The daemon makes every one; a
// client gets descriptors over its socket and nothing else.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstdint>

namespace uakv {

// Makes a region of `bytes`, sealed against shrinking, growing and further seals, mode 0600 (a memfd is
// born 0777: whoever holds a read-only descriptor could re-open it for writing), close-on-exec. No memory
// is allocated yet: see allocate_memfd. `name` shows up in /proc/PID/maps.
Result<Fd> create_memfd(const char *name, std::uint64_t bytes);

// Allocates [offset, offset + bytes) for real, so that no later access can raise SIGBUS: UAKV_ERR_NO_SPACE
// when the machine does not have it.
Result<void> allocate_memfd(const Fd &fd, std::uint64_t offset, std::uint64_t bytes);

// A second descriptor of the region that can only read, and cannot be re-opened for writing by a process
// of another user.
Result<Fd> reopen_read_only(const Fd &fd);

// Frees the memory of a region, whoever still holds it: it reads as zeros from here on.
void empty_memfd(const Fd &fd);

// The size of the region behind a descriptor that was received.
Result<std::uint64_t> memfd_bytes(const Fd &fd);

// Where, at or after `offset`, the first page begins in which nothing was ever written; the size of the region when
// there is none.
std::uint64_t memfd_data_end(const Fd &fd, std::uint64_t offset);

} // namespace uakv
