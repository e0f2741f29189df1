// Paged caches as engines have them, and copies between them and blocks by plain loops over the dimensions of their
// tensors: what gather and scatter must do, without strides, without merging, in bytes.
#pragma once

#include "abi/uakv_cuda.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace uakv::test {

enum class Shape {
    kv_major_nhd,    // [2, pages, tokens, heads, d] a layer
    block_major_nhd, // [pages, 2, tokens, heads, d] a layer
    kv_major_hnd,    // [2, pages, heads, tokens, d] a layer
    block_major_hnd, // [pages, 2, heads, tokens, d] a layer
    latent,          // [pages, tokens, latent] a layer (MLA)
    cross_layer_nhd, // [pages, layers, 2, tokens, heads, d]
    cross_layer_hnd, // [pages, layers, 2, heads, tokens, d]
    interleaved_nhd, // [pages, tokens, 2, heads, d] a layer
    padded_heads,    // as kv_major_nhd, with 16 bytes behind each row
};

struct EngineCache {
    const char *name;
    Shape shape;
    std::uint32_t layers;
    std::uint32_t pages;
    std::uint32_t page_tokens;
    std::uint32_t heads;
    std::uint32_t row_bytes;

    std::uint32_t parts() const { return shape == Shape::latent ? 1 : 2; }
    std::uint64_t bytes() const; // of all tensors, one behind the other
    std::uint64_t block_bytes(std::uint64_t pages_per_block) const;

    // Where a row lies, from the beginning of the first tensor.
    std::uint64_t row_at(std::uint32_t layer, std::uint32_t part, std::uint32_t page, std::uint32_t token,
                         std::uint32_t head) const;

    // As the table in uakv_cuda.h says it, with the first tensor at `address`. `bases` receives what it points to.
    uakv_cuda_cache_options options(std::uint64_t address, std::vector<std::uint64_t> &bases) const;

    // The plain loops, for one block.
    void gather(const std::byte *cache, std::span<const std::uint32_t> ids, std::byte *block) const;
    void scatter(const std::byte *block, std::span<const std::uint32_t> ids, std::byte *cache) const;
};

// Every shape, with several sizes: 16-bit, fp8 and opaque rows, pages of one token, numbers that are no powers of two.
std::span<const EngineCache> engine_caches();

} // namespace uakv::test
