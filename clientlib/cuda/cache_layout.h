// How an engine's paged cache lies in a device's memory, as uakv_cuda_cache_options says it: checked once, so that all
// arithmetic from here on stays within 64 bits and no row overlaps another. Pure: knows nothing of a driver.
#pragma once

#include "abi/uakv_cuda.h"
#include "ipc/result.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace uakv::cuda {

struct CacheLayout {
    std::vector<std::uint64_t> bases; // [layer][part]: device pointers
    std::uint64_t pages = 0;
    std::uint64_t page_stride = 0;
    std::uint64_t token_stride = 0;
    std::uint64_t head_stride = 0;
    std::uint32_t page_tokens = 0;
    std::uint32_t heads = 0;
    std::uint64_t row_bytes = 0;

    // What a page takes in a block, of one layer and part.
    std::uint64_t page_bytes() const { return row_bytes * heads * page_tokens; }
};

// The same, with what is contiguous in the cache taken for one row: fewer and longer pieces to copy, in the same order.
struct MergedRows {
    std::uint64_t row_bytes = 0;
    std::uint32_t heads = 0;
    std::uint32_t page_tokens = 0;
};
MergedRows merge_rows(const CacheLayout &layout);

constexpr std::uint32_t cache_layers_max = 1024;
constexpr std::uint64_t cache_pages_max = 1ULL << 32;             // ids have 32 bits
constexpr std::uint64_t cache_page_bytes_max = (1ULL << 35) - 16; // of all layers: kernels count 16 bytes in 31 bits

// The options are complete (struct_size is obeyed). UAKV_ERR_INVALID names the field and what is expected.
Result<CacheLayout> check_cache_layout(const char *call, const uakv_cuda_cache_options &options);

// The length of a block of so many pages; nothing when that does not fit into 64 bits.
std::optional<std::uint64_t> block_bytes_of(const CacheLayout &layout, std::uint64_t pages_per_block);

} // namespace uakv::cuda
