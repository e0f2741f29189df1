#include "report.h"

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include <unistd.h>

namespace prefix_reuse {
namespace {

// As bits, not as numbers: -0 is not 0 here, and a NaN equals itself.
bool bitwise_equal(const std::vector<float> &a, const std::vector<float> &b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void print_first_difference(const std::vector<float> &a, const std::vector<float> &b, std::size_t vocabulary,
                            std::size_t first_position) {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        if (std::bit_cast<std::uint32_t>(a[i]) == std::bit_cast<std::uint32_t>(b[i]))
            continue;
        std::printf("            first at position %zu, token %zu: %a with the cache, %a without\n",
                    first_position + i / vocabulary, i % vocabulary, static_cast<double>(a[i]),
                    static_cast<double>(b[i]));
        return;
    }
}

} // namespace

void print_model(const Model &model, const BlockShape &shape) {
    const ModelConfig &config = model.config();
    std::printf("model       %s: dim %zu, %zu layers, %zu heads over %zu KV heads, vocabulary %zu\n",
                model.origin().c_str(), config.dim, config.layers, config.heads, config.kv_heads, config.vocabulary);
    std::printf("block       %zu tokens, K and V of all layers: %zu bytes\n", shape.tokens, shape.bytes());
}

void print_prefill(const PrefillReport &report) {
    std::printf("process A   pid %ld computed %zu tokens in %.3f s and stored %zu blocks",
                static_cast<long>(report.pid), report.tokens_computed, report.seconds, report.blocks_stored);
    if (report.blocks_existed > 0)
        std::printf("; %zu were there from an earlier run (UAKV_EXISTS)", report.blocks_existed);
    std::printf("; killed with SIGKILL\n");
}

bool print_comparison(const Model &model, const BlockShape &shape, std::size_t prompt_tokens,
                      const CachedRun &with_cache, const Generation &without_cache) {
    const Generation &cached = with_cache.generation;
    const std::size_t blocks = with_cache.blocks_shared;
    const std::size_t vocabulary = model.config().vocabulary;
    std::printf("process B   pid %ld took over %zu blocks, %zu bytes, read in place\n", static_cast<long>(getpid()),
                blocks, blocks * shape.bytes());
    std::printf("tokens      %zu of %zu shared, %zu computed\n", blocks * shape.tokens, prompt_tokens,
                prompt_tokens - blocks * shape.tokens);
    std::printf("first token %.1f ms with the cache, %.1f ms without: %.1f times as fast\n",
                cached.first_token_seconds * 1e3, without_cache.first_token_seconds * 1e3,
                without_cache.first_token_seconds / cached.first_token_seconds);
    std::printf("generated  ");
    for (const std::uint32_t token : cached.tokens)
        std::printf(" %u", static_cast<unsigned>(token));

    const bool equal = bitwise_equal(cached.logits, without_cache.logits) && cached.tokens == without_cache.tokens;
    std::printf("\nlogits      %s: %zu positions x %zu values compared by memcmp\n",
                equal ? "bitwise equal" : "DIFFERENT", cached.logits.size() / vocabulary, vocabulary);
    if (!equal)
        print_first_difference(cached.logits, without_cache.logits, vocabulary, blocks * shape.tokens);
    if (blocks == 0)
        std::printf("nothing was shared: the blocks left the cache before they were used\n");
    return equal && blocks > 0 && std::fflush(stdout) == 0;
}

} // namespace prefix_reuse
