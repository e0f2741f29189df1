// One process computes the KV cache of a prompt and is killed; another one goes on with it, bit for bit.
#include "block_cache.h"
#include "generation.h"
#include "model.h"
#include "options.h"
#include "paged_kv.h"
#include "prefill_process.h"
#include "prompts.h"
#include "report.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <vector>

using namespace prefix_reuse;

namespace {

constexpr std::uint64_t seed = 1;
constexpr std::size_t block_tokens = 16;
constexpr std::size_t generated_tokens = 16;

BlockShape block_shape(const ModelConfig &config) {
    return {.layers = config.layers, .tokens = block_tokens, .heads = config.kv_heads, .channels = config.head_size()};
}

// Process B: matches the prefix, attends over the views in place, computes the rest. The last token of a prompt is
// always computed, since its logits are what the first token is chosen by; so its block is not looked for.
CachedRun run_with_cache(const Model &model, const BlockShape &shape, const std::vector<std::uint32_t> &prompt,
                         const char *socket_path) {
    BlockCache cache(socket_path, model, shape); // an engine does this once, and its prompts come later
    const Clock::time_point start = Clock::now();
    const std::vector<uakv_key> keys = keys_of(std::span(prompt).first(prompt.size() - 1), shape.tokens);
    const std::size_t matched = cache.match(keys);
    PagedKv kv(shape);
    while (kv.blocks() < matched) {
        const float *view = cache.view(keys[kv.blocks()]);
        if (view == nullptr)
            break; // evicted since it was matched: what is left is computed
        kv.append_view(view);
    }
    const std::size_t blocks_shared = kv.blocks();
    const std::size_t first_computed = blocks_shared * shape.tokens;
    CachedRun run{.blocks_shared = blocks_shared,
                  .generation = generate(model, prompt, kv, generated_tokens, first_computed, start)};
    if (!cache.end_views())
        return run_with_cache(model, shape, prompt, socket_path); // as if they had been missing: once more
    return run;
}

Generation run_without_cache(const Model &model, const BlockShape &shape, const std::vector<std::uint32_t> &prompt,
                             std::size_t logits_from) {
    PagedKv kv(shape);
    return generate(model, prompt, kv, generated_tokens, logits_from, Clock::now());
}

int run(const Options &options) {
    const Model model = options.checkpoint ? Model::load(*options.checkpoint) : Model::from_seed(seed);
    const BlockShape shape = block_shape(model.config());
    const Prompts prompts = make_prompts(options, model.config(), shape.tokens, generated_tokens);

    print_model(model, shape);
    print_prefill(prefill_in_a_process_and_kill_it(model, shape, prompts.first, options.socket()));
    const CachedRun with_cache = run_with_cache(model, shape, prompts.second, options.socket());
    const std::size_t first_computed = with_cache.blocks_shared * shape.tokens;
    const Generation without_cache = run_without_cache(model, shape, prompts.second, first_computed);
    return print_comparison(model, shape, prompts.second.size(), with_cache, without_cache) ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
    std::optional<Options> options;
    try {
        options = parse_options(argc, argv);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "prefix_reuse: %s\n", error.what());
        return 2;
    }
    if (!options)
        return std::fputs(usage, stdout) < 0 ? 1 : 0;
    try {
        return run(*options);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "prefix_reuse: %s\n", error.what());
        return 1;
    }
}
