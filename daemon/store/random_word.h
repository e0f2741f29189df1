// Numbers that nobody can foresee: seeds of hashes, and what tells one index from another.
#pragma once

#include "ipc/assertion.h"

#include <cstdint>
#include <sys/random.h>

namespace uakv {

inline std::uint64_t random_word() {
    std::uint64_t word = 0;
    // Cannot fail for so few bytes once the kernel has booted.
    const ssize_t got = ::getrandom(&word, sizeof word, 0);
    UAKV_ASSERT(got == static_cast<ssize_t>(sizeof word));
    return word;
}

} // namespace uakv
