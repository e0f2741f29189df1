#include "support/fakecuda/paged_kernels.h"

#include "clientlib/cuda/kernels/paged_copy.h"

#include <algorithm>
#include <cstring>

namespace uakv::fakecuda {
namespace {

using cuda::CopyParameters;
using cuda::vector_bytes;

// One thread: all its loads, then its stores.
bool copy_as_thread(bool to_block, const CopyParameters &p, std::uint32_t piece, std::uint32_t first,
                    const DeviceMemory &memory) {
    std::uint64_t targets[cuda::copy_unroll];
    std::byte values[cuda::copy_unroll][vector_bytes];
    for (std::uint32_t k = 0; k < cuda::copy_unroll; ++k) {
        const std::uint32_t i = std::min(first + k * cuda::copy_threads, p.vectors - 1);
        const cuda::VectorPlace place = find_vector(p, piece, i);
        const std::byte *base = memory.find(p.bases + std::uint64_t{8} * place.layer_part, 8, false);
        if (base == nullptr) {
            return false;
        }
        std::uint64_t in_cache = 0;
        std::memcpy(&in_cache, base, sizeof in_cache);
        in_cache += place.from_base;
        targets[k] = to_block ? place.block : in_cache;
        const std::byte *from = memory.find(to_block ? in_cache : place.block, vector_bytes, false);
        if (from == nullptr) {
            return false;
        }
        std::memcpy(values[k], from, vector_bytes);
    }
    for (std::uint32_t k = 0; k < cuda::copy_unroll && first + k * cuda::copy_threads < p.vectors; ++k) {
        std::byte *to = memory.find(targets[k], vector_bytes, true);
        if (to == nullptr) {
            return false;
        }
        std::memcpy(to, values[k], vector_bytes);
    }
    return true;
}

bool copy_pages(bool to_block, Extent grid, Extent block, const void *parameter, const DeviceMemory &memory) {
    CopyParameters p;
    std::memcpy(&p, parameter, sizeof p);
    if (block.x != cuda::copy_threads || block.y != 1 || block.z != 1 || grid.y != p.pieces || grid.z != 1) {
        return false;
    }
    for (unsigned piece = 0; piece < grid.y; ++piece) {
        for (unsigned cta = 0; cta < grid.x; ++cta) {
            for (unsigned thread = 0; thread < block.x; ++thread) {
                if (!copy_as_thread(to_block, p, piece, cta * cuda::copy_vectors + thread, memory)) {
                    return false;
                }
            }
        }
    }
    return true;
}

} // namespace

static_assert(paged_copy_parameter_bytes == sizeof(CopyParameters));

bool run_gather(Extent grid, Extent block, const void *parameter, const DeviceMemory &memory) {
    return copy_pages(true, grid, block, parameter, memory);
}

bool run_scatter(Extent grid, Extent block, const void *parameter, const DeviceMemory &memory) {
    return copy_pages(false, grid, block, parameter, memory);
}

} // namespace uakv::fakecuda
