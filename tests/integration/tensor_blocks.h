// A cache of keys and values, [layer][kv][token][head][channel] of 16-bit elements, cut into blocks of 16 tokens.
#pragma once

#include <uakv.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace uakv::test {

inline constexpr size_t block_tokens = 16;

struct Tensor {
    std::string name;
    uint32_t dtype = UAKV_DTYPE_BF16;
    size_t layers = 0, tokens = 0, heads = 0, channels = 0;
    std::vector<uint32_t> token_ids;
    std::vector<uint8_t> bytes;

    size_t blocks() const { return tokens / block_tokens; }
    size_t piece_bytes() const { return block_tokens * heads * channels * 2; } // of one layer's keys or values
    size_t block_bytes() const { return layers * 2 * piece_bytes(); }
    uakv_space_options space_options() const;
    std::vector<uakv_key> keys() const;

    // Block i as [layer][kv][16 tokens][head][channel].
    void gather(size_t block, void *out) const;
};

// Stores the tensor from one process, by copy or in place, and compares every byte of it in another.
void check_round_trip(const Tensor &tensor);

} // namespace uakv::test
