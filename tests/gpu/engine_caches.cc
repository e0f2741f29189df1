#include "gpu/engine_caches.h"

#include <cstring>

namespace uakv::test {
namespace {

constexpr std::uint32_t padding = 16; // behind each row of padded_heads

constexpr EngineCache caches[] = {
    {"K/V-major NHD, 16-bit", Shape::kv_major_nhd, 3, 40, 16, 2, 256},
    {"K/V-major NHD, fp8, one head", Shape::kv_major_nhd, 2, 64, 16, 1, 128},
    {"K/V-major NHD, odd sizes", Shape::kv_major_nhd, 5, 23, 7, 3, 80},
    {"K/V-major NHD, pages of one token", Shape::kv_major_nhd, 2, 300, 1, 4, 64},
    {"block-major NHD, 16-bit", Shape::block_major_nhd, 3, 40, 16, 2, 256},
    {"block-major NHD, odd sizes", Shape::block_major_nhd, 7, 19, 5, 3, 48},
    {"K/V-major HND, 16-bit", Shape::kv_major_hnd, 3, 40, 16, 4, 256},
    {"K/V-major HND, fp8", Shape::kv_major_hnd, 2, 40, 16, 8, 64},
    {"block-major HND, odd sizes", Shape::block_major_hnd, 3, 21, 6, 5, 112},
    {"block-major HND, one head", Shape::block_major_hnd, 2, 21, 16, 1, 128},
    {"MLA, 16-bit", Shape::latent, 4, 33, 64, 1, 1152},
    {"MLA, fp8 with scales", Shape::latent, 3, 33, 64, 1, 656},
    {"cross-layer NHD", Shape::cross_layer_nhd, 4, 25, 16, 2, 128},
    {"cross-layer HND", Shape::cross_layer_hnd, 4, 25, 16, 3, 128},
    {"K and V of a token together", Shape::interleaved_nhd, 3, 30, 16, 2, 64},
    {"padded rows", Shape::padded_heads, 2, 30, 8, 3, 96},
    {"the least there can be", Shape::latent, 1, 2, 1, 1, 16},
};

// Row-major: the number of the element at these indices.
struct Axis {
    std::uint64_t index;
    std::uint64_t size;
};
std::uint64_t place(std::initializer_list<Axis> axes) {
    std::uint64_t number = 0;
    for (const Axis &axis : axes) {
        number = number * axis.size + axis.index;
    }
    return number;
}

} // namespace

std::span<const EngineCache> engine_caches() {
    return caches;
}

std::uint64_t EngineCache::bytes() const {
    const std::uint64_t row = row_bytes + (shape == Shape::padded_heads ? padding : 0U);
    return std::uint64_t{layers} * parts() * pages * page_tokens * heads * row;
}

std::uint64_t EngineCache::block_bytes(std::uint64_t pages_per_block) const {
    return std::uint64_t{layers} * parts() * pages_per_block * page_tokens * heads * row_bytes;
}

std::uint64_t EngineCache::row_at(std::uint32_t layer, std::uint32_t part, std::uint32_t page, std::uint32_t token,
                                  std::uint32_t head) const {
    const Axis l{layer, layers}, kv{part, parts()}, p{page, pages}, t{token, page_tokens}, h{head, heads};
    switch (shape) {
    case Shape::kv_major_nhd:
    case Shape::latent:
        return place({l, kv, p, t, h}) * row_bytes;
    case Shape::block_major_nhd:
        return place({l, p, kv, t, h}) * row_bytes;
    case Shape::kv_major_hnd:
        return place({l, kv, p, h, t}) * row_bytes;
    case Shape::block_major_hnd:
        return place({l, p, kv, h, t}) * row_bytes;
    case Shape::cross_layer_nhd:
        return place({p, l, kv, t, h}) * row_bytes;
    case Shape::cross_layer_hnd:
        return place({p, l, kv, h, t}) * row_bytes;
    case Shape::interleaved_nhd:
        return place({l, p, t, kv, h}) * row_bytes;
    case Shape::padded_heads:
        return place({l, kv, p, t, h}) * (row_bytes + padding);
    }
    return 0;
}

uakv_cuda_cache_options EngineCache::options(std::uint64_t address, std::vector<std::uint64_t> &bases) const {
    const std::uint64_t d = row_bytes, tokens = page_tokens, page = tokens * heads * d;
    uakv_cuda_cache_options options{};
    options.struct_size = sizeof options;
    options.layers = layers;
    options.parts = parts();
    options.pages = pages;
    options.page_tokens = page_tokens;
    options.heads = heads;
    options.row_bytes = row_bytes;
    const bool hnd = shape == Shape::kv_major_hnd || shape == Shape::block_major_hnd || shape == Shape::cross_layer_hnd;
    options.token_stride = hnd ? d : heads * d;
    options.head_stride = hnd ? tokens * d : d;
    std::uint64_t layer_step = 2 * pages * page, part_step = page;
    switch (shape) {
    case Shape::kv_major_nhd:
    case Shape::kv_major_hnd:
        options.page_stride = page;
        part_step = pages * page;
        break;
    case Shape::block_major_nhd:
    case Shape::block_major_hnd:
        options.page_stride = 2 * page;
        break;
    case Shape::latent:
        options.page_stride = page;
        layer_step = pages * page;
        break;
    case Shape::cross_layer_nhd:
    case Shape::cross_layer_hnd:
        options.page_stride = layers * 2 * page;
        layer_step = 2 * page;
        break;
    case Shape::interleaved_nhd:
        options.page_stride = 2 * page;
        options.token_stride = 2 * heads * d;
        part_step = heads * d;
        break;
    case Shape::padded_heads:
        options.head_stride = d + padding;
        options.token_stride = heads * (d + padding);
        options.page_stride = tokens * heads * (d + padding);
        part_step = pages * options.page_stride;
        layer_step = 2 * part_step;
        break;
    }
    bases.clear();
    for (std::uint64_t layer = 0; layer < layers; ++layer) {
        for (std::uint64_t part = 0; part < parts(); ++part) {
            bases.push_back(address + layer * layer_step + part * part_step);
        }
    }
    options.bases = bases.data();
    return options;
}

namespace {

// Calls move(in_block, in_cache) for each row of a block: [layer][part][token][head][row].
template <typename Move> void for_each_row(const EngineCache &cache, std::span<const std::uint32_t> ids, Move move) {
    std::uint64_t in_block = 0;
    for (std::uint32_t layer = 0; layer < cache.layers; ++layer) {
        for (std::uint32_t part = 0; part < cache.parts(); ++part) {
            for (const std::uint32_t page : ids) {
                for (std::uint32_t token = 0; token < cache.page_tokens; ++token) {
                    for (std::uint32_t head = 0; head < cache.heads; ++head) {
                        move(in_block, cache.row_at(layer, part, page, token, head));
                        in_block += cache.row_bytes;
                    }
                }
            }
        }
    }
}

} // namespace

void EngineCache::gather(const std::byte *cache, std::span<const std::uint32_t> ids, std::byte *block) const {
    for_each_row(*this, ids, [&](std::uint64_t in_block, std::uint64_t in_cache) {
        std::memcpy(block + in_block, cache + in_cache, row_bytes);
    });
}

void EngineCache::scatter(const std::byte *block, std::span<const std::uint32_t> ids, std::byte *cache) const {
    for_each_row(*this, ids, [&](std::uint64_t in_block, std::uint64_t in_cache) {
        std::memcpy(cache + in_cache, block + in_block, row_bytes);
    });
}

} // namespace uakv::test
