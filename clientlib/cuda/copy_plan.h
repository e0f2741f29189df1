// Copies between blocks and pages, cut into what one kernel launch takes, or into what lies in one piece on both
// sides. Pure: knows nothing of a driver. paged_cache.cc carries it out.
#pragma once

#include "clientlib/cuda/cache_layout.h"
#include "clientlib/cuda/kernels/paged_copy.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace uakv::cuda {

// Blocks by their device pointers; for each of them, in order, pages_per_block ids, all below CacheLayout::pages.
struct PagedBlocks {
    std::span<const std::uint64_t> blocks;
    std::span<const std::uint32_t> pages;
    std::size_t pages_per_block = 0;
};

Divisor divisor_of(std::uint32_t number); // from 1 to 2^31 - 1

// The launches for some blocks, one after another: as many whole blocks as fit each time or, where one block has more
// pages than that, some of its pages.
class LaunchPlan {
public:
    LaunchPlan(const CacheLayout &layout, std::uint64_t bases_on_device, const PagedBlocks &blocks);

    // The parameters of the next launch; false when there is none. The grid is CTAs of a piece by pieces.
    bool next(CopyParameters &parameters);
    static std::uint32_t ctas_of_piece(const CopyParameters &parameters) {
        return (parameters.vectors + copy_vectors - 1) / copy_vectors;
    }

private:
    void set_pages(CopyParameters &parameters, std::uint32_t pages) const;

    const CacheLayout &layout_;
    const PagedBlocks blocks_;
    CopyParameters common_{};   // what no launch changes
    std::size_t pages_max_ = 0; // that one piece may have
    std::uint64_t page_vectors_ = 0;
    std::size_t block_ = 0; // the next one
    std::size_t page_ = 0;  // of it
};

// Calls copy(in_block, in_cache, bytes) for each run of bytes that is contiguous in both, as long as it can be; ends at
// the first call that gives false, and says so.
template <typename Copy> bool for_each_run(const CacheLayout &layout, const PagedBlocks &blocks, Copy copy) {
    struct Run {
        std::uint64_t in_block = 0, in_cache = 0, bytes = 0;
    } run;
    const MergedRows rows = merge_rows(layout);
    const std::uint64_t page_bytes = layout.page_bytes();
    for (std::size_t k = 0; k < blocks.blocks.size(); ++k) {
        std::uint64_t in_block = blocks.blocks[k];
        for (const std::uint64_t base : layout.bases) {
            for (std::size_t page = 0; page < blocks.pages_per_block; ++page) {
                const std::uint64_t id = blocks.pages[k * blocks.pages_per_block + page];
                for (std::uint64_t row = 0; row < page_bytes / rows.row_bytes; ++row, in_block += rows.row_bytes) {
                    const std::uint64_t in_cache = base + id * layout.page_stride +
                                                   row / rows.heads * layout.token_stride +
                                                   row % rows.heads * layout.head_stride;
                    if (in_block == run.in_block + run.bytes && in_cache == run.in_cache + run.bytes) {
                        run.bytes += rows.row_bytes;
                        continue;
                    }
                    if (run.bytes > 0 && !copy(run.in_block, run.in_cache, run.bytes)) {
                        return false;
                    }
                    run = {in_block, in_cache, rows.row_bytes};
                }
            }
        }
    }
    return run.bytes == 0 || copy(run.in_block, run.in_cache, run.bytes);
}

} // namespace uakv::cuda
