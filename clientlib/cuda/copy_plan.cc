#include "clientlib/cuda/copy_plan.h"

#include <bit>

namespace uakv::cuda {
namespace {

constexpr std::uint64_t vectors_max = (1ULL << 31) - 1; // of a piece, and of whatever is divided by

std::uint32_t narrow(std::uint64_t number) {
    UAKV_ASSERT(number <= vectors_max);
    return static_cast<std::uint32_t>(number);
}

} // namespace

Divisor divisor_of(std::uint32_t number) {
    UAKV_ASSERT(number >= 1 && number <= vectors_max);
    const auto shift = static_cast<std::uint32_t>(std::bit_width(number - 1));
    const std::uint64_t magic = (((1ULL << shift) - number) << 32) / number + 1;
    return {number, static_cast<std::uint32_t>(magic), shift};
}

LaunchPlan::LaunchPlan(const CacheLayout &layout, std::uint64_t bases_on_device, const PagedBlocks &blocks)
    : layout_(layout), blocks_(blocks), page_vectors_(layout.page_bytes() / vector_bytes) {
    UAKV_ASSERT(blocks.pages.size() == blocks.blocks.size() * blocks.pages_per_block);
    const MergedRows rows = merge_rows(layout);
    const std::uint64_t vectors_of_pages = page_vectors_ * layout.bases.size(); // checked to fit: cache_page_bytes_max
    // A piece has its address (two words) and its ids.
    pages_max_ = std::min<std::uint64_t>({copy_words - 2, vectors_max / vectors_of_pages, blocks.pages_per_block});
    common_.bases = bases_on_device;
    common_.page_stride = layout.page_stride;
    common_.token_stride = layout.token_stride;
    common_.head_stride = layout.head_stride;
    common_.span_stride = layout.page_bytes() * blocks.pages_per_block;
    common_.page = divisor_of(narrow(page_vectors_));
    common_.row = divisor_of(narrow(rows.row_bytes / vector_bytes));
    common_.heads = divisor_of(rows.heads);
}

void LaunchPlan::set_pages(CopyParameters &parameters, std::uint32_t pages) const {
    parameters.pages = pages;
    parameters.span = divisor_of(narrow(page_vectors_ * pages));
    parameters.vectors = narrow(page_vectors_ * pages * layout_.bases.size());
}

bool LaunchPlan::next(CopyParameters &parameters) {
    if (block_ == blocks_.blocks.size() || blocks_.pages_per_block == 0) {
        return false;
    }
    parameters = common_;
    const auto pages = static_cast<std::uint32_t>(std::min(pages_max_, blocks_.pages_per_block - page_));
    const bool whole = pages == blocks_.pages_per_block;
    const auto pieces = static_cast<std::uint32_t>(
        whole ? std::min<std::size_t>(blocks_.blocks.size() - block_, copy_words / (2 + pages)) : 1);
    set_pages(parameters, pages);
    parameters.pieces = pieces;
    for (std::uint32_t i = 0; i < pieces; ++i) {
        const std::uint64_t address = blocks_.blocks[block_ + i] + page_ * layout_.page_bytes();
        parameters.words[2 * i] = static_cast<std::uint32_t>(address);
        parameters.words[2 * i + 1] = static_cast<std::uint32_t>(address >> 32);
    }
    const auto ids = blocks_.pages.subspan(block_ * blocks_.pages_per_block + page_, std::size_t{pieces} * pages);
    std::copy(ids.begin(), ids.end(), parameters.words + std::size_t{2} * pieces);
    page_ += pages;
    if (page_ == blocks_.pages_per_block) {
        page_ = 0;
        block_ += pieces;
    }
    return true;
}

} // namespace uakv::cuda
