// Blocks of KV tensors for the codecs: real ones, dumped into a folder as NAME.json, NAME.bf16.bin and NAME.fp16.bin;
// or made up, with exponents that are spread as those of real ones are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace uakv::bench {

struct TensorBlocks {
    std::string source; // where they are from, for the reader
    std::size_t block_bytes = 0;
    std::vector<std::vector<std::byte>> blocks; // all of that length
};

// Each block has the keys and values of `tokens` tokens over all layers, as engines store them. Real ones where
// `folder` has any; models that are too small to be like real ones are left out.
TensorBlocks tensor_blocks(const std::string &folder, std::uint32_t dtype, std::size_t tokens);

} // namespace uakv::bench
