// Reads a prompt and goes on greedily, with as much of the prompt in the cache as kv holds.
#pragma once

#include "model.h"
#include "paged_kv.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace prefix_reuse {

using Clock = std::chrono::steady_clock;

struct Generation {
    std::vector<std::uint32_t> tokens; // what was generated
    std::vector<float> logits;         // [position][vocabulary], of all positions from `logits_from`
    double first_token_seconds = 0;
};

// kv holds the first kv.blocks() blocks of the prompt, less than all of it; the rest is computed and appended. Time
// counts from `start`. Logits are kept of the positions from `logits_from` on, all of which must be computed here.
Generation generate(const Model &model, std::span<const std::uint32_t> prompt, PagedKv &kv, std::size_t count,
                    std::size_t logits_from, Clock::time_point start);

} // namespace prefix_reuse
