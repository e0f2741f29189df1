// Two prompts that begin alike and end differently, like two questions about one document.
#pragma once

#include "model.h"
#include "options.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace prefix_reuse {

struct Prompts {
    std::vector<std::uint32_t> first;  // of the process that is killed
    std::vector<std::uint32_t> second; // of the one that takes over
};

// Throws std::runtime_error when the model cannot read such a prompt and generate `generated` tokens, or when it is
// too short to have a whole block in common.
Prompts make_prompts(const Options &options, const ModelConfig &config, std::size_t block_tokens,
                     std::size_t generated);

} // namespace prefix_reuse
