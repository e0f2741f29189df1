// What lies in a frame, byte by byte; docs/codecs.md draws it. Little-endian, and nothing in it is aligned.
//
//   FrameHeader | chunk | chunk | ...      each of 64 KiB of the block, the last of what is left
//   chunk        ChunkHeader | its bytes, as `coding` says
//
// All of it may be garbage and may change while it is read: read_once() makes the private copy that is checked and
// used.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace uakv::codec {

static_assert(std::endian::native == std::endian::little, "frames are little-endian, and so is all that reads them");

constexpr std::uint32_t frame_magic = 0x46564B55; // "UKVF"
constexpr std::uint8_t frame_version = 1;         // another one is no frame of ours

constexpr std::size_t chunk_block_bytes = 64 * 1024;

// What the elements of a block are, where the codec looks into them.
enum class Element : std::uint8_t { bytes = 0, bf16 = 1, f16 = 2 };

struct FrameHeader {
    std::uint32_t magic;
    std::uint8_t version;
    std::uint8_t codec;
    std::uint8_t element;
    std::uint8_t reserved;
    std::uint64_t block_bytes;
    std::uint64_t frame_bytes;
    std::uint64_t block_checksum;  // XXH3-64 of the block
    std::uint64_t header_checksum; // XXH3-64 of the 32 bytes before it
};
static_assert(sizeof(FrameHeader) == 40 && offsetof(FrameHeader, codec) == 5 && offsetof(FrameHeader, element) == 6 &&
              offsetof(FrameHeader, block_bytes) == 8 && offsetof(FrameHeader, frame_bytes) == 16 &&
              offsetof(FrameHeader, block_checksum) == 24 && offsetof(FrameHeader, header_checksum) == 32);

enum class Coding : std::uint8_t {
    stored = 0, // the bytes of the block
    lz4 = 1,    // one LZ4 block
    planes = 2  // the sections below
};

struct ChunkHeader {
    std::uint32_t bytes; // of the chunk in the frame, this header included
    std::uint8_t coding;
    std::uint8_t planes;       // of exponents: 3 or 4
    std::uint8_t lz4_sections; // bit i: section i is 2 bytes of length and an LZ4 block; else it is stored
    std::uint8_t last_byte;    // of a block of an odd length
    std::uint16_t escapes;     // elements whose exponent is not in the planes
    std::uint16_t far_escapes; // of them, those that are not in the nibbles either
};
static_assert(sizeof(ChunkHeader) == 12 && offsetof(ChunkHeader, coding) == 4 && offsetof(ChunkHeader, planes) == 5 &&
              offsetof(ChunkHeader, lz4_sections) == 6 && offsetof(ChunkHeader, last_byte) == 7 &&
              offsetof(ChunkHeader, escapes) == 8 && offsetof(ChunkHeader, far_escapes) == 10);

// The sections of a chunk of n elements, in their order, and their bits in lz4_sections:
//   bases     one byte for each tile of 512 elements
//   planes    3 or 4: bits 0, 1, ... of exponent - base; all of them ones: an escape   bits 0 to 3
//   low       n bytes: low mantissa bits and sign                                      bit 4
//   noise     f16 only: 3 planes of the high mantissa bits                             bits 5 to 7
//   nibbles   (escapes + 1) / 2 bytes: how far below the base, less one; 15: it is far
//   far       far_escapes bytes: exponent - base
// A plane has 64 bytes for each tile: bit i % 8 of byte i / 8 belongs to element i of it. What fills up the last tile
// counts as elements, but for `low`.
constexpr std::size_t tile_elements = 512;
constexpr std::size_t tile_bytes = 2 * tile_elements;
constexpr std::size_t chunk_elements = chunk_block_bytes / 2;
constexpr std::size_t chunk_tiles = chunk_elements / tile_elements;
constexpr std::size_t tile_plane_bytes = tile_elements / 8;
constexpr std::size_t chunk_plane_bytes = chunk_tiles * tile_plane_bytes;
constexpr unsigned planes_min = 3;
constexpr unsigned planes_max = 4;
constexpr unsigned noise_planes = 3;
constexpr unsigned near_escapes = 15; // what a nibble can say

constexpr unsigned first_plane_section = 0;
constexpr unsigned low_section = first_plane_section + planes_max;
constexpr unsigned first_noise_section = low_section + 1;
static_assert(first_noise_section + noise_planes == 8, "lz4_sections has a bit for each");
static_assert(chunk_elements <= UINT16_MAX, "escapes are counted in 16 bits");

// A copy of bytes that somebody else may be writing to; each of them is loaded exactly once.
template <typename T> T read_once(const std::byte *shared) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::array<std::uint8_t, sizeof(T)> bytes;
    const auto *from = reinterpret_cast<const std::uint8_t *>(shared);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
    }
    T copy;
    std::memcpy(&copy, bytes.data(), sizeof copy);
    return copy;
}

} // namespace uakv::codec
