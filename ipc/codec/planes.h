// One chunk of 16-bit floats: exponents as bit planes against a base for each tile, what does not fit aside, the rest
// stored; LZ4 where it pays. Called by codec.cc for each chunk of a frame; every chunk stands alone.
#pragma once

#include "ipc/codec/lz4_block.h"
#include "ipc/codec/plane_kernels.h"

#include <span>

namespace uakv::codec {

// Too large for the stack of a thread that is not ours. Uninitialised, and of no meaning between two calls.
struct PlanesEncoder {
    alignas(64) std::uint8_t exponents[chunk_elements];
    alignas(64) std::uint8_t low[chunk_elements];
    alignas(64) std::uint8_t planes[planes_max * chunk_plane_bytes];
    alignas(64) std::uint8_t noise[noise_planes * chunk_plane_bytes];
    std::uint8_t escapes[chunk_elements + 64];
    std::uint8_t nibbles[chunk_elements / 2];
    std::uint8_t far[chunk_elements];
    std::uint8_t bases[chunk_tiles];
    std::byte last_tile[tile_bytes];
    Lz4State lz4;
};

struct PlanesDecoder {
    alignas(64) std::uint8_t low[chunk_elements];
    alignas(64) std::uint8_t planes[planes_max * chunk_plane_bytes];
    alignas(64) std::uint8_t noise[noise_planes * chunk_plane_bytes];
    std::uint8_t escapes[chunk_elements + 64];
    std::uint8_t bases[chunk_tiles];
    std::uint8_t lz4[chunk_elements]; // an LZ4 section, private: it is shorter than what it stands for
    std::byte last_tile[tile_bytes];
};

// Writes header and sections; 0 when they would have more than `to.size()` bytes. The block may change meanwhile.
// `next` is what will be read after it.
std::size_t encode_planes(PlanesEncoder &scratch, const PlaneKernels &kernels, Element element,
                          std::span<const std::byte> block, std::span<const std::byte> next, std::span<std::byte> to);

// `header` is a private copy; `from` is what follows it in the chunk. False when they are corrupt. `past_cache`: write
// with streaming stores, where the alignment of the block allows it.
bool decode_planes(PlanesDecoder &scratch, const PlaneKernels &kernels, Element element, const ChunkHeader &header,
                   std::span<const std::byte> from, std::span<const std::byte> next, std::span<std::byte> block,
                   bool past_cache);

} // namespace uakv::codec
