// Process A: reads a prompt, stores its blocks, and is killed without a chance to clean up.
#pragma once

#include "model.h"
#include "paged_kv.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>

namespace prefix_reuse {

struct PrefillReport {
    pid_t pid;
    std::size_t blocks_stored;
    std::size_t blocks_existed; // UAKV_EXISTS: an earlier run had stored them
    std::size_t tokens_computed;
    double seconds;
};

// Forks process A, waits until it has stored its blocks, kills it with SIGKILL while it holds its connection and its
// views, and reaps it. The caller must not be connected yet. Throws std::runtime_error when A failed.
PrefillReport prefill_in_a_process_and_kill_it(const Model &model, const BlockShape &shape,
                                               std::span<const std::uint32_t> prompt, const char *socket_path);

} // namespace prefix_reuse
