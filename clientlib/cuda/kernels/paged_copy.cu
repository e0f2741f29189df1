// The gather and scatter kernels. Each thread has four vectors of 16 bytes on their way at once, each warp's are
// neighbours in the block, and a CTA is done after them: the grid has as many CTAs as there are 16 KiB to copy.
// Built into a fatbin where nvcc is found; paged_copy.ptx is this file by make_ptx.py, for wherever it is not.
#include "clientlib/cuda/kernels/paged_copy.h"

namespace uakv::cuda {

template <bool to_block> __device__ __forceinline__ void copy(const CopyParameters &p) {
    const auto *bases = reinterpret_cast<const unsigned long long *>(p.bases);
    const std::uint32_t first = blockIdx.x * copy_vectors + threadIdx.x;
    std::uint64_t in_cache[copy_unroll];
    std::uint64_t in_block[copy_unroll];
    uint4 values[copy_unroll];
#pragma unroll
    for (std::uint32_t k = 0; k < copy_unroll; ++k) {
        // Beyond the end the last vector is read once more, so that no load stands behind a branch.
        const VectorPlace place = find_vector(p, blockIdx.y, min(first + k * copy_threads, p.vectors - 1));
        in_cache[k] = __ldg(bases + place.layer_part) + place.from_base;
        in_block[k] = place.block;
    }
#pragma unroll
    for (std::uint32_t k = 0; k < copy_unroll; ++k) {
        values[k] = __ldcs(reinterpret_cast<const uint4 *>(to_block ? in_cache[k] : in_block[k]));
    }
#pragma unroll
    for (std::uint32_t k = 0; k < copy_unroll; ++k) {
        if (first + k * copy_threads < p.vectors) {
            __stwb(reinterpret_cast<uint4 *>(to_block ? in_block[k] : in_cache[k]), values[k]);
        }
    }
}

} // namespace uakv::cuda

extern "C" __global__ void __launch_bounds__(uakv::cuda::copy_threads)
    uakv_gather(const __grid_constant__ uakv::cuda::CopyParameters parameters) {
    uakv::cuda::copy<true>(parameters);
}

extern "C" __global__ void __launch_bounds__(uakv::cuda::copy_threads)
    uakv_scatter(const __grid_constant__ uakv::cuda::CopyParameters parameters) {
    uakv::cuda::copy<false>(parameters);
}
