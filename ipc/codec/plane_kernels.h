// The loops over the elements of a tile (512 of them), which decide how fast planes_lz4 is. Compiled once for every
// processor, and for those with AVX2 and AVX-512 VBMI2 once more; all of them give the same bytes.
//
// An element of 16 bits is rotated left by one. Its high byte then begins with the exponent, its low byte ends with the
// sign. Of bf16 the high byte is the exponent; of f16 it is the exponent (5 bits) and 3 mantissa bits, the noise.
#pragma once

#include "ipc/codec/frame_format.h"

namespace uakv::codec {

// A tile that is taken apart. Planes lie chunk_plane_bytes from one another; bit i of a plane belongs to element i.
struct JoinTile {
    const std::uint8_t *low; // 512 bytes, which may change meanwhile
    const std::uint8_t *planes;
    const std::uint8_t *noise;
    const std::uint8_t *escapes; // the next ones; 512 + 64 bytes can be read, whatever they are
    unsigned plane_count;
    std::uint8_t base;
    Element element;
    bool past_cache; // write with streaming stores: the block is aligned to 64 bytes, and finish() follows
};

struct PlaneKernels {
    const char *name;

    // Reads each of the 1024 bytes once. `noise` is for f16.
    void (*split)(const std::byte *source, Element element, std::uint8_t *exponents, std::uint8_t *low,
                  std::uint8_t *noise);

    // How many of 512 exponents lie in [base, base + width).
    unsigned (*count_inside)(const std::uint8_t *exponents, std::uint8_t base, unsigned width);

    // Writes the planes, and exponent - base of those that the planes cannot say; returns their number. Up to 64 bytes
    // behind the last escape are written, too.
    std::size_t (*make_planes)(const std::uint8_t *exponents, std::uint8_t base, unsigned plane_count,
                               std::uint8_t *planes, std::uint8_t *escapes);

    // Writes 1024 bytes; returns how many escapes it took, at most 512.
    std::size_t (*join)(const JoinTile &tile, std::byte *block);

    // Orders what was written past the cache before what is written from now on.
    void (*finish)();
};

enum class Processor { baseline, avx2, avx512 };

// Nothing when this processor, or this build, does not have it.
const PlaneKernels *plane_kernels_of(Processor processor);

// The best that there is.
const PlaneKernels &plane_kernels();

namespace baseline {
extern const PlaneKernels kernels;
}
namespace avx2 {
extern const PlaneKernels kernels;
}
namespace avx512 {
extern const PlaneKernels kernels;
}

} // namespace uakv::codec
