// The kernels for the processors with more instructions give the same bytes as those in plain C++, and read the frames
// of each other.
#include "codec_blocks.h"
#include "ipc/codec/frame.h"
#include "support/check.h"

namespace uakv::test {
namespace {

using codec::PlaneKernels;
using codec::Processor;

Bytes encoded(const PlaneKernels &kernels, const NamedBlock &block) {
    Bytes frame(frame_bytes_max(block.bytes.size()));
    frame.resize(codec::encode_frame_with(kernels, Codec::planes_lz4, block.dtype, block.bytes, 1, frame));
    return frame;
}

// A slot begins on a page; anything else may be anywhere.
void check_decoded(const PlaneKernels &kernels, const NamedBlock &block, const Bytes &frame, std::size_t shift) {
    constexpr std::size_t alignment = 64;
    constexpr std::byte untouched{0xA5};
    const std::size_t bytes = block.bytes.size();
    Bytes room(bytes + 3 * alignment, untouched);
    std::byte *to = room.data() + alignment;
    to += (alignment - reinterpret_cast<std::uintptr_t>(to) % alignment) % alignment + shift;
    CHECK(codec::decode_frame_with(kernels, frame, {to, bytes}));
    CHECK_MESSAGE(std::equal(block.bytes.begin(), block.bytes.end(), to), block.name + " differs, by " + kernels.name);
    CHECK(to[-1] == untouched && to[bytes] == untouched);
}

void compare(const PlaneKernels &kernels, const NamedBlock &block) {
    const PlaneKernels &baseline = *codec::plane_kernels_of(Processor::baseline);
    const Bytes expected = encoded(baseline, block), frame = encoded(kernels, block);
    CHECK_MESSAGE(!expected.empty() && frame == expected, block.name + ": another frame by " + kernels.name);
    for (const std::size_t shift : {0UL, 1UL, 32UL}) {
        check_decoded(kernels, block, expected, shift);
        check_decoded(baseline, block, frame, shift);
    }
}

void compare_all(const PlaneKernels *kernels) {
    if (kernels == nullptr) {
        throw Skip("this processor does not have them");
    }
    for (const std::uint32_t dtype : {UAKV_DTYPE_BF16, UAKV_DTYPE_F16}) {
        for (const NamedBlock &block : special_blocks(dtype)) {
            compare(*kernels, block);
        }
        for (const std::size_t bytes : {2UL, 3UL, 63UL, 64UL, 1023UL, 1024UL, 1026UL, 65'536UL, 200'001UL}) {
            compare(*kernels, {std::to_string(bytes) + " bytes", dtype, float_block(dtype, bytes, bytes)});
            compare(*kernels, {std::to_string(bytes) + " random bytes", dtype, random_block(bytes, bytes)});
        }
    }
}

void avx2() {
    compare_all(codec::plane_kernels_of(Processor::avx2));
}
void avx512() {
    compare_all(codec::plane_kernels_of(Processor::avx512));
}

// What random blocks do not reach, for those are stored: each exponent against each base, on each number of planes.
void each_exponent_and_base() {
    if (codec::plane_kernels_of(Processor::avx2) == nullptr) {
        throw Skip("this processor has only the baseline");
    }
    const PlaneKernels &baseline = *codec::plane_kernels_of(Processor::baseline);
    for (const Processor processor : {Processor::avx2, Processor::avx512}) {
        const PlaneKernels *kernels = codec::plane_kernels_of(processor);
        for (unsigned base = 0; kernels != nullptr && base < 256; ++base) {
            std::uint8_t exponents[codec::tile_elements];
            for (std::size_t i = 0; i < codec::tile_elements; ++i) {
                exponents[i] = static_cast<std::uint8_t>(i * 77 + i / 256 * base);
            }
            for (const unsigned planes : {codec::planes_min, codec::planes_max}) {
                const auto byte = static_cast<std::uint8_t>(base);
                CHECK_EQ(kernels->count_inside(exponents, byte, (1U << planes) - 1),
                         baseline.count_inside(exponents, byte, (1U << planes) - 1));
                std::vector<std::uint8_t> made[2], escapes[2];
                std::size_t counts[2];
                for (const int which : {0, 1}) {
                    made[which].resize(codec::planes_max * codec::chunk_plane_bytes);
                    escapes[which].resize(codec::tile_elements + 64);
                    counts[which] =
                        (which == 0 ? baseline : *kernels)
                            .make_planes(exponents, byte, planes, made[which].data(), escapes[which].data());
                    escapes[which].resize(counts[which]);
                }
                CHECK_EQ(counts[0], counts[1]);
                CHECK(made[0] == made[1] && escapes[0] == escapes[1]);
            }
        }
    }
}

constexpr Case cases[] = {
    {"avx2", avx2},
    {"avx512", avx512},
    {"each_exponent_and_base", each_exponent_and_base},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("codec_kernels", uakv::test::cases);
}
