// The kernels for processors with AVX-512 VBMI2, which move the escapes in one instruction: 64 elements at a time.
// Nothing in here may be an inline function that other files use too.
#include "ipc/codec/plane_kernels.h"

#include <immintrin.h>

namespace uakv::codec::avx512 {
namespace {

struct alignas(64) Indices {
    std::uint8_t byte[64];
};
constexpr Indices every_second(unsigned first) {
    Indices indices{};
    for (unsigned i = 0; i < 64; ++i) {
        indices.byte[i] = static_cast<std::uint8_t>(2 * i + first);
    }
    return indices;
}
constexpr Indices interleaved(unsigned first) {
    Indices indices{};
    for (unsigned i = 0; i < 64; ++i) {
        indices.byte[i] = static_cast<std::uint8_t>((i % 2 == 0 ? 0 : 64) + first + i / 2);
    }
    return indices;
}
constexpr Indices even = every_second(0), odd = every_second(1);
constexpr Indices first_half = interleaved(0), second_half = interleaved(32);

__m512i load(const void *from) {
    return _mm512_loadu_si512(from);
}
void store(void *to, __m512i value) {
    _mm512_storeu_si512(to, value);
}
__m512i each(unsigned byte) {
    return _mm512_set1_epi8(static_cast<char>(byte));
}
std::size_t ones_in(__mmask64 bits) {
    return static_cast<std::size_t>(_mm_popcnt_u64(bits));
}

void split(const std::byte *source, Element element, std::uint8_t *exponents, std::uint8_t *low, std::uint8_t *noise) {
    for (std::size_t i = 0; i < tile_elements; i += 64) {
        __m512i a = load(source + 2 * i), b = load(source + 2 * i + 64);
        a = _mm512_shldi_epi16(a, a, 1);
        b = _mm512_shldi_epi16(b, b, 1);
        store(low + i, _mm512_permutex2var_epi8(a, load(&even), b));
        const __m512i high = _mm512_permutex2var_epi8(a, load(&odd), b);
        if (element != Element::f16) {
            store(exponents + i, high);
            continue;
        }
        store(exponents + i, _mm512_and_si512(_mm512_srli_epi16(high, 3), each(0x1F)));
        for (unsigned plane = 0; plane < noise_planes; ++plane) {
            const __mmask64 bits = _mm512_test_epi8_mask(high, each(1U << plane));
            __builtin_memcpy(noise + plane * chunk_plane_bytes + i / 8, &bits, sizeof bits);
        }
    }
}

unsigned count_inside(const std::uint8_t *exponents, std::uint8_t base, unsigned width) {
    const __m512i bases = each(base), widths = each(width);
    std::size_t count = 0;
    for (std::size_t i = 0; i < tile_elements; i += 64) {
        count += ones_in(_mm512_cmplt_epu8_mask(_mm512_sub_epi8(load(exponents + i), bases), widths));
    }
    return static_cast<unsigned>(count);
}

template <unsigned plane_count> std::size_t make_some_planes(const std::uint8_t *exponents, std::uint8_t base,
                                                             std::uint8_t *planes, std::uint8_t *escapes) {
    const __m512i bases = each(base), escape = each((1U << plane_count) - 1);
    std::size_t count = 0;
    for (std::size_t i = 0; i < tile_elements; i += 64) {
        const __m512i above = _mm512_sub_epi8(load(exponents + i), bases);
        const __m512i codes = _mm512_min_epu8(above, escape);
        __mmask64 mask = UINT64_MAX;
        for (unsigned plane = 0; plane < plane_count; ++plane) {
            const __mmask64 bits = _mm512_test_epi8_mask(codes, each(1U << plane));
            __builtin_memcpy(planes + plane * chunk_plane_bytes + i / 8, &bits, sizeof bits);
            mask &= bits;
        }
        store(escapes + count, _mm512_maskz_compress_epi8(mask, above)); // into memory it would be far slower
        count += ones_in(mask);
    }
    return count;
}

std::size_t make_planes(const std::uint8_t *exponents, std::uint8_t base, unsigned plane_count, std::uint8_t *planes,
                        std::uint8_t *escapes) {
    return plane_count == planes_min ? make_some_planes<planes_min>(exponents, base, planes, escapes)
                                     : make_some_planes<planes_max>(exponents, base, planes, escapes);
}

template <unsigned plane_count> __m512i codes_of(const std::uint8_t *planes, __mmask64 &all) {
    __m512i codes = _mm512_setzero_si512();
    for (unsigned plane = 0; plane < plane_count; ++plane) {
        __mmask64 bits;
        __builtin_memcpy(&bits, planes + plane * chunk_plane_bytes, sizeof bits);
        all &= bits;
        codes = _mm512_mask_add_epi8(codes, bits, codes, each(1U << plane));
    }
    return codes;
}

template <bool past_cache> void put(std::byte *to, __m512i value) {
    if constexpr (past_cache) {
        _mm512_stream_si512(reinterpret_cast<__m512i *>(to), value);
    } else {
        store(to, value);
    }
}

template <unsigned plane_count, bool f16, bool past_cache> std::size_t join_as(const JoinTile &tile, std::byte *block) {
    const __m512i base = each(tile.base);
    std::size_t used = 0;
    for (std::size_t i = 0; i < tile_elements; i += 64) {
        __mmask64 mask = UINT64_MAX, unused = 0;
        const __m512i codes = codes_of<plane_count>(tile.planes + i / 8, mask);
        const __m512i above = _mm512_mask_expand_epi8(codes, mask, load(tile.escapes + used));
        used += ones_in(mask);
        __m512i high = _mm512_add_epi8(above, base);
        if constexpr (f16) {
            const __m512i noise = codes_of<noise_planes>(tile.noise + i / 8, unused);
            high = _mm512_or_si512(_mm512_and_si512(_mm512_slli_epi16(high, 3), each(0xF8)), noise);
        }
        const __m512i low = load(tile.low + i);
        const __m512i first = _mm512_permutex2var_epi8(low, load(&first_half), high);
        const __m512i second = _mm512_permutex2var_epi8(low, load(&second_half), high);
        put<past_cache>(block + 2 * i, _mm512_shrdi_epi16(first, first, 1));
        put<past_cache>(block + 2 * i + 64, _mm512_shrdi_epi16(second, second, 1));
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

const PlaneKernels kernels = {"AVX-512", split, count_inside, make_planes, join, finish};

} // namespace uakv::codec::avx512
