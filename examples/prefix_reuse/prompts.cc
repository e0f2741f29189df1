#include "prompts.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace prefix_reuse {
namespace {

constexpr std::size_t prompt_tokens_default = 512;
constexpr std::size_t part_that_differs = 20; // the last twentieth

// A linear congruential generator: any tokens will do, as long as they are always the same.
std::vector<std::uint32_t> made_up(std::size_t count, std::size_t vocabulary) {
    std::vector<std::uint32_t> tokens(count);
    std::uint64_t state = 1;
    for (std::uint32_t &token : tokens) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        token = static_cast<std::uint32_t>((state >> 33) % vocabulary);
    }
    return tokens;
}

} // namespace

Prompts make_prompts(const Options &options, const ModelConfig &config, std::size_t block_tokens,
                     std::size_t generated) {
    const std::size_t longest = config.positions_max - std::min(generated, config.positions_max);
    const std::size_t wanted = !options.tokens.empty()
                                   ? options.tokens.size()
                                   : options.prompt_tokens.value_or(std::min(prompt_tokens_default, longest));
    const std::size_t different = std::max<std::size_t>(1, wanted / part_that_differs);
    if (wanted > longest)
        throw std::runtime_error("a prompt of " + std::to_string(wanted) + " tokens and " + std::to_string(generated) +
                                 " generated ones exceed the " + std::to_string(config.positions_max) +
                                 " positions of the model");
    if (wanted < block_tokens + different)
        throw std::runtime_error("a prompt of " + std::to_string(wanted) + " tokens is too short to share a block of " +
                                 std::to_string(block_tokens));

    Prompts prompts;
    prompts.first = options.tokens.empty() ? made_up(wanted, config.vocabulary) : options.tokens;
    for (const std::uint32_t token : prompts.first)
        if (token >= config.vocabulary)
            throw std::runtime_error("token " + std::to_string(token) + " is not among the " +
                                     std::to_string(config.vocabulary) + " of the model");
    prompts.second = prompts.first;
    for (std::size_t i = wanted - different; i < wanted; ++i)
        prompts.second[i] = static_cast<std::uint32_t>((prompts.second[i] + 1) % config.vocabulary);
    return prompts;
}

} // namespace prefix_reuse
