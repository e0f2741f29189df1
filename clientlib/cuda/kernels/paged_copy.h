// The parameter block of the gather and scatter kernels, and where each 16 bytes go: one text for the kernel
// (paged_copy.cu), for the library that launches it, and for the stand-in that tests run it on.
//
// A launch copies `pieces` pieces. A piece is some pages of one block, over all layers and parts; in the block it lies
// as [layer][part] spans of [page][token][head][row] each, and its pages lie in the engine's cache wherever the strides
// say. Everything is counted in vectors of 16 bytes. Dimensions that are contiguous in the cache are merged by the
// host: where a whole page is, `heads` is 1 and a row is the page.
//
// What varies from launch to launch comes as a parameter, so that nothing has to be uploaded first; 4096 bytes is what
// every driver takes.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define UAKV_DEVICE __host__ __device__ __forceinline__
#else
#define UAKV_DEVICE inline
#endif

namespace uakv::cuda {

constexpr std::uint32_t vector_bytes = 16;
constexpr std::uint32_t copy_threads = 256; // of a CTA
constexpr std::uint32_t copy_unroll = 4;    // vectors that a thread has on their way at once
constexpr std::uint32_t copy_vectors = copy_threads * copy_unroll;

// Division by a number that is known before the launch, without dividing: exact for numerators below 2^31 and divisors
// from 1 to 2^31 - 1 (Granlund and Montgomery, "Division by invariant integers using multiplication", 1994).
struct Divisor {
    std::uint32_t divisor;
    std::uint32_t magic; // floor(2^32 * (2^shift - divisor) / divisor) + 1
    std::uint32_t shift; // the smallest with 2^shift >= divisor
};

constexpr std::uint32_t copy_words = 998;

struct CopyParameters {
    std::uint64_t bases; // a device pointer: one base for each layer and part
    std::uint64_t page_stride;
    std::uint64_t token_stride;
    std::uint64_t head_stride;
    std::uint64_t span_stride; // bytes from one layer and part of the block to the next
    std::uint32_t vectors;     // of a piece; below 2^31
    std::uint32_t pages;       // of a piece
    std::uint32_t pieces;
    Divisor span; // vectors of a piece in one layer and part
    Divisor page; // vectors of a page there
    Divisor row;  // vectors that are contiguous in the cache
    Divisor heads;
    std::uint32_t reserved;
    // For each piece its address in its block, low word first; then for each piece its page ids.
    std::uint32_t words[copy_words];
};
static_assert(sizeof(CopyParameters) == 4096, "what every driver takes");
static_assert(alignof(CopyParameters) == 8);

UAKV_DEVICE std::uint32_t high_product(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(a) * b >> 32);
}
UAKV_DEVICE std::uint32_t quotient(std::uint32_t n, const Divisor &by) {
    return (high_product(n, by.magic) + n) >> by.shift;
}

struct VectorPlace {
    std::uint32_t layer_part; // which base
    std::uint64_t from_base;  // where it lies in the cache: bytes from there
    std::uint64_t block;      // and its address in the block
};

// Where vector i of a piece lies.
UAKV_DEVICE VectorPlace find_vector(const CopyParameters &p, std::uint32_t piece, std::uint32_t i) {
    const std::uint32_t layer_part = quotient(i, p.span);
    const std::uint32_t in_span = i - layer_part * p.span.divisor;
    const std::uint32_t page = quotient(in_span, p.page);
    const std::uint32_t in_page = in_span - page * p.page.divisor;
    const std::uint32_t row = quotient(in_page, p.row);
    const std::uint32_t in_row = in_page - row * p.row.divisor;
    const std::uint32_t token = quotient(row, p.heads);
    const std::uint32_t head = row - token * p.heads.divisor;
    const std::uint32_t id = p.words[2 * p.pieces + piece * p.pages + page];
    const std::uint64_t block = p.words[2 * piece] | static_cast<std::uint64_t>(p.words[2 * piece + 1]) << 32;
    return {layer_part,
            id * p.page_stride + token * p.token_stride + head * p.head_stride +
                static_cast<std::uint64_t>(in_row) * vector_bytes,
            block + layer_part * p.span_stride + static_cast<std::uint64_t>(in_span) * vector_bytes};
}

} // namespace uakv::cuda
