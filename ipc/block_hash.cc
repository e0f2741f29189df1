// Compiled twice, into the namespace UAKV_BLOCK_HASH (see CMakeLists.txt). Nothing in here may be an inline
// function that other files use too: the linker could keep the copy for AVX2 for everybody.
#include "ipc/block_hash.h"

#include "ipc/sequence_point.h"

#define XXH_INLINE_ALL // no symbol of the library is left in ours, and none is looked up in a host process
#include <xxhash.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace uakv::UAKV_BLOCK_HASH {
namespace {

constexpr std::size_t piece_bytes = 16 * 1024;      // half of a small L1 data cache
constexpr std::size_t stream_bytes_min = 64 * 1024; // smaller blocks may well be read again from the cache

// Stores that go past the cache do not first read the line that they replace: a third of the traffic of an
// ordinary copy. Measured: copy and checksum together then run at the speed of memcpy alone.
#if defined(__AVX2__)
using Vector = __m256i;
Vector load(const unsigned char *from) {
    return _mm256_loadu_si256(reinterpret_cast<const Vector *>(from));
}
void stream(unsigned char *to, Vector value) {
    _mm256_stream_si256(reinterpret_cast<Vector *>(to), value);
}
#elif defined(__SSE2__)
using Vector = __m128i;
Vector load(const unsigned char *from) {
    return _mm_loadu_si128(reinterpret_cast<const Vector *>(from));
}
void stream(unsigned char *to, Vector value) {
    _mm_stream_si128(reinterpret_cast<Vector *>(to), value);
}
#endif

#if defined(__SSE2__)
void copy_streaming(unsigned char *target, const unsigned char *source, std::size_t bytes) {
    constexpr std::size_t step = 4 * sizeof(Vector);
    std::size_t at = 0;
    for (; at + step <= bytes; at += step) {
        const Vector a = load(source + at);
        const Vector b = load(source + at + sizeof(Vector));
        const Vector c = load(source + at + 2 * sizeof(Vector));
        const Vector d = load(source + at + 3 * sizeof(Vector));
        stream(target + at, a);
        stream(target + at + sizeof(Vector), b);
        stream(target + at + 2 * sizeof(Vector), c);
        stream(target + at + 3 * sizeof(Vector), d);
    }
    __builtin_memcpy(target + at, source + at, bytes - at);
}
bool can_stream(const void *target) {
    return reinterpret_cast<std::uintptr_t>(target) % sizeof(Vector) == 0;
}
void finish_streaming() {
    _mm_sfence(); // streaming stores are not ordered by the release store that publishes the block
}
#else
void copy_streaming(unsigned char *target, const unsigned char *source, std::size_t bytes) {
    __builtin_memcpy(target, source, bytes);
}
bool can_stream(const void *) {
    return true;
}
void finish_streaming() {}
#endif

} // namespace

std::uint64_t checksum(const void *data, std::size_t bytes) {
    return XXH3_64bits(data, bytes);
}

std::uint64_t copy_with_checksum(void *target, const void *source, std::size_t bytes) {
    if (bytes < stream_bytes_min || !can_stream(target)) {
        __builtin_memcpy(target, source, bytes);
        return XXH3_64bits(source, bytes);
    }
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    auto *to = static_cast<unsigned char *>(target);
    const auto *from = static_cast<const unsigned char *>(source);
    for (std::size_t at = 0; at < bytes; at += piece_bytes) {
        const std::size_t piece = bytes - at < piece_bytes ? bytes - at : piece_bytes;
        XXH3_64bits_update(&state, from + at, piece);
        copy_streaming(to + at, from + at, piece);
        UAKV_SEQUENCE_POINT(block_copying);
    }
    finish_streaming();
    return XXH3_64bits_digest(&state);
}

} // namespace uakv::UAKV_BLOCK_HASH
