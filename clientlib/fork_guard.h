// Recognises a forked child, at the cost of one load, also after a raw clone() that runs no atfork handlers:
// the token lies in a page that the kernel wipes in every child.
#pragma once

#include "ipc/result.h"

#include <cstdint>

namespace uakv {

extern const std::uint64_t *fork_page; // null before the first connect

// The token of this process; made at the first call in it.
Result<std::uint64_t> fork_token();

inline bool is_forked(std::uint64_t token) {
    return __atomic_load_n(fork_page, __ATOMIC_RELAXED) != token;
}

} // namespace uakv
