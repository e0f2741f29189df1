// The kernels for processors with AVX2: 32 elements at a time. Nothing in here may be an inline function that other
// files use too: the linker could keep the copy for AVX2 for everybody.
#include "ipc/codec/plane_kernels.h"

#include <immintrin.h>

namespace uakv::codec::avx2 {
namespace {

// For each 8 bits: the places of its ones, to shuffle the bytes there together, and the way back. 0x80 gives 0.
struct Shuffles {
    std::uint8_t together[256][8];
    std::uint8_t apart[256][8];
};
constexpr Shuffles make_shuffles() {
    Shuffles shuffles{};
    for (unsigned bits = 0; bits < 256; ++bits) {
        unsigned count = 0;
        for (unsigned i = 0; i < 8; ++i) {
            shuffles.together[bits][i] = shuffles.apart[bits][i] = 0x80;
        }
        for (unsigned i = 0; i < 8; ++i) {
            if ((bits >> i & 1) != 0) {
                shuffles.together[bits][count] = static_cast<std::uint8_t>(i);
                shuffles.apart[bits][i] = static_cast<std::uint8_t>(count++);
            }
        }
    }
    return shuffles;
}
constexpr Shuffles shuffles = make_shuffles();

__m256i load(const void *from) {
    return _mm256_loadu_si256(static_cast<const __m256i *>(from));
}
void store(void *to, __m256i value) {
    _mm256_storeu_si256(static_cast<__m256i *>(to), value);
}
__m128i load_8(const void *from) {
    return _mm_loadl_epi64(static_cast<const __m128i *>(from));
}
__m256i each(unsigned byte) {
    return _mm256_set1_epi8(static_cast<char>(byte));
}
std::size_t ones_in(std::uint32_t bits) {
    return static_cast<std::size_t>(_mm_popcnt_u32(bits));
}

// Bit `bit` of each byte.
std::uint32_t plane_of(__m256i bytes, unsigned bit) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_slli_epi16(bytes, static_cast<int>(7 - bit))));
}

// 16-bit words to bytes, in their order.
__m256i narrow(__m256i first, __m256i second) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0xD8);
}

void split(const std::byte *source, Element element, std::uint8_t *exponents, std::uint8_t *low, std::uint8_t *noise) {
    const __m256i low_bytes = _mm256_set1_epi16(0xFF);
    for (std::size_t i = 0; i < tile_elements; i += 32) {
        __m256i a = load(source + 2 * i), b = load(source + 2 * i + 32);
        a = _mm256_or_si256(_mm256_slli_epi16(a, 1), _mm256_srli_epi16(a, 15));
        b = _mm256_or_si256(_mm256_slli_epi16(b, 1), _mm256_srli_epi16(b, 15));
        store(low + i, narrow(_mm256_and_si256(a, low_bytes), _mm256_and_si256(b, low_bytes)));
        const __m256i high = narrow(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
        if (element != Element::f16) {
            store(exponents + i, high);
            continue;
        }
        store(exponents + i, _mm256_and_si256(_mm256_srli_epi16(high, 3), each(0x1F)));
        for (unsigned plane = 0; plane < noise_planes; ++plane) {
            const std::uint32_t bits = plane_of(high, plane);
            __builtin_memcpy(noise + plane * chunk_plane_bytes + i / 8, &bits, sizeof bits);
        }
    }
}

unsigned count_inside(const std::uint8_t *exponents, std::uint8_t base, unsigned width) {
    const __m256i bases = each(base), highest = each(width - 1);
    __m256i counts = _mm256_setzero_si256();
    for (std::size_t i = 0; i < tile_elements; i += 32) {
        const __m256i above = _mm256_sub_epi8(load(exponents + i), bases);
        counts = _mm256_sub_epi8(counts, _mm256_cmpeq_epi8(_mm256_min_epu8(above, highest), above));
    }
    counts = _mm256_sad_epu8(counts, _mm256_setzero_si256());
    const __m128i halves = _mm_add_epi64(_mm256_castsi256_si128(counts), _mm256_extracti128_si256(counts, 1));
    return static_cast<unsigned>(_mm_cvtsi128_si32(halves) + _mm_extract_epi32(halves, 2));
}

// The bytes of the ones in `mask`, together. Writes 8 more than there are.
std::size_t put_together(std::uint32_t mask, const std::uint8_t *bytes, std::uint8_t *to) {
    std::size_t count = 0;
    for (unsigned i = 0; i < 32; i += 8) {
        const std::uint32_t bits = mask >> i & 0xFF;
        const __m128i together = _mm_shuffle_epi8(load_8(bytes + i), load_8(shuffles.together[bits]));
        _mm_storel_epi64(reinterpret_cast<__m128i *>(to + count), together);
        count += ones_in(bits);
    }
    return count;
}

template <unsigned plane_count> std::size_t make_some_planes(const std::uint8_t *exponents, std::uint8_t base,
                                                             std::uint8_t *planes, std::uint8_t *escapes) {
    const __m256i bases = each(base), escape = each((1U << plane_count) - 1);
    std::size_t count = 0;
    for (std::size_t i = 0; i < tile_elements; i += 32) {
        const __m256i above = _mm256_sub_epi8(load(exponents + i), bases);
        const __m256i codes = _mm256_min_epu8(above, escape);
        std::uint32_t mask = UINT32_MAX;
        for (unsigned plane = 0; plane < plane_count; ++plane) {
            const std::uint32_t bits = plane_of(codes, plane);
            __builtin_memcpy(planes + plane * chunk_plane_bytes + i / 8, &bits, sizeof bits);
            mask &= bits;
        }
        alignas(32) std::uint8_t bytes[32];
        store(bytes, above);
        count += put_together(mask, bytes, escapes + count);
    }
    return count;
}

std::size_t make_planes(const std::uint8_t *exponents, std::uint8_t base, unsigned plane_count, std::uint8_t *planes,
                        std::uint8_t *escapes) {
    return plane_count == planes_min ? make_some_planes<planes_min>(exponents, base, planes, escapes)
                                     : make_some_planes<planes_max>(exponents, base, planes, escapes);
}

// Where bit i of the planes is set, byte i has the bit of the plane.
template <unsigned plane_count> __m256i codes_of(const std::uint8_t *planes, std::uint32_t &all) {
    const __m256i byte_of_bit = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, //
                                                 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bit_of_byte = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    __m256i codes = _mm256_setzero_si256();
    for (unsigned plane = 0; plane < plane_count; ++plane) {
        std::uint32_t bits;
        __builtin_memcpy(&bits, planes + plane * chunk_plane_bytes, sizeof bits);
        all &= bits;
        const __m256i spread =
            _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), byte_of_bit), bit_of_byte);
        const __m256i is_set = _mm256_cmpeq_epi8(spread, bit_of_byte);
        codes = _mm256_or_si256(codes, _mm256_and_si256(is_set, each(1U << plane)));
    }
    return codes;
}

// The next escapes at the ones of `mask`, and 0 elsewhere.
__m256i put_apart(std::uint32_t mask, const std::uint8_t *escapes) {
    __m128i parts[4];
    for (unsigned i = 0; i < 4; ++i) {
        const std::uint32_t bits = mask >> 8 * i & 0xFF;
        parts[i] = _mm_shuffle_epi8(load_8(escapes), load_8(shuffles.apart[bits]));
        escapes += ones_in(bits);
    }
    return _mm256_set_m128i(_mm_unpacklo_epi64(parts[2], parts[3]), _mm_unpacklo_epi64(parts[0], parts[1]));
}

template <bool past_cache> void put(std::byte *to, __m256i value) {
    if constexpr (past_cache) {
        _mm256_stream_si256(reinterpret_cast<__m256i *>(to), value);
    } else {
        store(to, value);
    }
}

template <unsigned plane_count, bool f16, bool past_cache> std::size_t join_as(const JoinTile &tile, std::byte *block) {
    const __m256i base = each(tile.base), escape = each((1U << plane_count) - 1);
    std::size_t used = 0;
    for (std::size_t i = 0; i < tile_elements; i += 32) {
        std::uint32_t mask = UINT32_MAX, unused = 0;
        const __m256i codes = codes_of<plane_count>(tile.planes + i / 8, mask);
        const __m256i above = _mm256_or_si256(_mm256_andnot_si256(_mm256_cmpeq_epi8(codes, escape), codes),
                                              put_apart(mask, tile.escapes + used));
        used += ones_in(mask);
        __m256i high = _mm256_add_epi8(above, base);
        if constexpr (f16) {
            const __m256i noise = codes_of<noise_planes>(tile.noise + i / 8, unused);
            high = _mm256_or_si256(_mm256_and_si256(_mm256_slli_epi16(high, 3), each(0xF8)), noise);
        }
        const __m256i low = load(tile.low + i);
        const __m256i even = _mm256_unpacklo_epi8(low, high), odd = _mm256_unpackhi_epi8(low, high);
        const __m256i first = _mm256_permute2x128_si256(even, odd, 0x20);
        const __m256i second = _mm256_permute2x128_si256(even, odd, 0x31);
        put<past_cache>(block + 2 * i, _mm256_or_si256(_mm256_srli_epi16(first, 1), _mm256_slli_epi16(first, 15)));
        put<past_cache>(block + 2 * i + 32,
                        _mm256_or_si256(_mm256_srli_epi16(second, 1), _mm256_slli_epi16(second, 15)));
    }
    return used;
}

template <unsigned plane_count> std::size_t join_planes(const JoinTile &tile, std::byte *block) {
    if (tile.element == Element::f16) {
        return tile.past_cache ? join_as<plane_count, true, true>(tile, block)
                               : join_as<plane_count, true, false>(tile, block);
    }
    return tile.past_cache ? join_as<plane_count, false, true>(tile, block)
                           : join_as<plane_count, false, false>(tile, block);
}

std::size_t join(const JoinTile &tile, std::byte *block) {
    return tile.plane_count == planes_min ? join_planes<planes_min>(tile, block) : join_planes<planes_max>(tile, block);
}

void finish() {
    _mm_sfence();
}

} // namespace

const PlaneKernels kernels = {"AVX2", split, count_inside, make_planes, join, finish};

} // namespace uakv::codec::avx2
