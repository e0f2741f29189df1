// The kernels in plain C++: eight elements at a time, as the bytes of one word.
#include "ipc/codec/plane_kernels.h"

#include <bit>

namespace uakv::codec::baseline {
namespace {

constexpr std::uint64_t each_byte = 0x0101010101010101;

std::uint64_t word_at(const std::uint8_t *from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

// Bit i of the result is bit `bit` of byte i.
std::uint8_t gather_bits(std::uint64_t bytes, unsigned bit) {
    return static_cast<std::uint8_t>(((bytes >> bit & each_byte) * 0x0102040810204080) >> 56);
}

// Byte i of the result is 1 where bit i is set, else 0.
std::uint64_t spread_bits(std::uint8_t bits) {
    const std::uint64_t apart = bits * each_byte & 0x8040201008040201;
    return (apart + 0x7F * each_byte) >> 7 & each_byte;
}

void split(const std::byte *source, Element element, std::uint8_t *exponents, std::uint8_t *low, std::uint8_t *noise) {
    for (std::size_t i = 0; i < tile_elements; i += 8) {
        std::uint8_t rest[8];
        for (std::size_t j = 0; j < 8; ++j) {
            std::uint16_t value;
            std::memcpy(&value, source + 2 * (i + j), sizeof value);
            const unsigned rotated = std::rotl(value, 1);
            low[i + j] = static_cast<std::uint8_t>(rotated);
            exponents[i + j] = static_cast<std::uint8_t>(element == Element::f16 ? rotated >> 11 : rotated >> 8);
            rest[j] = static_cast<std::uint8_t>(rotated >> 8);
        }
        for (unsigned plane = 0; element == Element::f16 && plane < noise_planes; ++plane) {
            noise[plane * chunk_plane_bytes + i / 8] = gather_bits(word_at(rest), plane);
        }
    }
}

unsigned count_inside(const std::uint8_t *exponents, std::uint8_t base, unsigned width) {
    unsigned count = 0;
    for (std::size_t i = 0; i < tile_elements; ++i) {
        count += static_cast<std::uint8_t>(exponents[i] - base) < width ? 1U : 0U;
    }
    return count;
}

std::size_t make_planes(const std::uint8_t *exponents, std::uint8_t base, unsigned plane_count, std::uint8_t *planes,
                        std::uint8_t *escapes) {
    const auto escape = static_cast<std::uint8_t>((1U << plane_count) - 1);
    std::size_t count = 0;
    for (std::size_t i = 0; i < tile_elements; i += 8) {
        std::uint8_t codes[8];
        for (std::size_t j = 0; j < 8; ++j) {
            const auto above = static_cast<std::uint8_t>(exponents[i + j] - base);
            codes[j] = above < escape ? above : escape;
            escapes[count] = above;
            count += codes[j] == escape ? 1U : 0U;
        }
        for (unsigned plane = 0; plane < plane_count; ++plane) {
            planes[plane * chunk_plane_bytes + i / 8] = gather_bits(word_at(codes), plane);
        }
    }
    return count;
}

std::uint64_t codes_of(const std::uint8_t *planes, unsigned plane_count, std::size_t at) {
    std::uint64_t codes = 0;
    for (unsigned plane = 0; plane < plane_count; ++plane) {
        codes |= spread_bits(planes[plane * chunk_plane_bytes + at]) << plane;
    }
    return codes;
}

std::size_t join(const JoinTile &tile, std::byte *block) {
    const unsigned escape = (1U << tile.plane_count) - 1;
    std::size_t used = 0;
    for (std::size_t i = 0; i < tile_elements; i += 8) {
        const std::uint64_t codes = codes_of(tile.planes, tile.plane_count, i / 8);
        const std::uint64_t rest = tile.element == Element::f16 ? codes_of(tile.noise, noise_planes, i / 8) : 0;
        for (std::size_t j = 0; j < 8; ++j) {
            const auto code = static_cast<std::uint8_t>(codes >> 8 * j);
            const std::uint8_t above = code == escape ? tile.escapes[used] : code;
            used += code == escape ? 1U : 0U;
            const unsigned exponent = static_cast<std::uint8_t>(above + tile.base);
            const auto noise = static_cast<unsigned>(rest >> 8 * j & 7);
            const unsigned high = tile.element == Element::f16 ? exponent << 3 | noise : exponent;
            const auto value = std::rotr(static_cast<std::uint16_t>(high << 8 | tile.low[i + j]), 1);
            std::memcpy(block + 2 * (i + j), &value, sizeof value);
        }
    }
    return used;
}

void finish() {}

} // namespace

const PlaneKernels kernels = {"baseline", split, count_inside, make_planes, join, finish};

} // namespace uakv::codec::baseline
