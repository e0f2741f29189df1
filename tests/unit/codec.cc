// Frames give back each bit, whatever the block is, and never need more room than frame_bytes_max() says.
#include "codec_blocks.h"
#include "ipc/hashing.h"
#include "support/check.h"

#include <algorithm>

namespace uakv::test {
namespace {

constexpr std::uint32_t float_types[] = {UAKV_DTYPE_BF16, UAKV_DTYPE_F16};

void check_round_trip(Codec codec, const NamedBlock &block) {
    const Bytes frame = frame_of(codec, block.dtype, block.bytes);
    CHECK_MESSAGE(!frame.empty(), block.name + " does not fit");
    const auto info = read_frame_info(frame);
    CHECK_MESSAGE(info.has_value(), block.name + " gives no frame");
    CHECK_EQ(static_cast<int>(info->codec), static_cast<int>(codec));
    CHECK_EQ(info->block_bytes, block.bytes.size());
    CHECK_EQ(info->frame_bytes, frame.size());
    CHECK_EQ(info->checksum, checksum_of(block.bytes.data(), block.bytes.size()));
    Bytes decoded(block.bytes.size(), std::byte{0xEE});
    CHECK_MESSAGE(decode_frame(frame, decoded), block.name + " does not decode");
    CHECK_MESSAGE(decoded == block.bytes, block.name + " is another block when it was decoded");
}

void check_all_codecs(const NamedBlock &block) {
    check_round_trip(Codec::lz4, block);
    for (const std::uint32_t dtype : float_types) {
        check_round_trip(Codec::planes_lz4, {block.name, dtype, block.bytes});
    }
}

void each_length() {
    constexpr std::size_t chunk = 64 * 1024;
    std::vector<std::size_t> lengths;
    for (std::size_t bytes = 0; bytes <= 130; ++bytes) {
        lengths.push_back(bytes);
    }
    for (const std::size_t edge : {1024UL, 2048UL, 4096UL, chunk - 1024, chunk, 2 * chunk, 5 * chunk / 2}) {
        for (std::size_t bytes = edge - 3; bytes <= edge + 3; ++bytes) {
            lengths.push_back(bytes);
        }
    }
    lengths.push_back((1U << 20) + 1);
    lengths.push_back((3U << 20) + 12'345);
    for (const std::size_t bytes : lengths) {
        const std::string name = std::to_string(bytes) + " bytes";
        check_all_codecs({name + " of bf16", 0, float_block(UAKV_DTYPE_BF16, bytes, bytes)});
        check_all_codecs({name + " of f16", 0, float_block(UAKV_DTYPE_F16, bytes, bytes)});
        check_all_codecs({name + " at random", 0, random_block(bytes, bytes)});
    }
}

void special_values() {
    for (const std::uint32_t dtype : float_types) {
        for (const NamedBlock &block : special_blocks(dtype)) {
            check_all_codecs(block);
        }
    }
}

void real_tensors() {
    for (const std::uint32_t dtype : float_types) {
        std::size_t block_bytes = 0, frame_bytes = 0;
        for (const NamedBlock &block : dumped_blocks(dtype)) {
            check_round_trip(Codec::planes_lz4, block);
            check_round_trip(Codec::lz4, block);
            block_bytes += block.bytes.size();
            frame_bytes += frame_of(Codec::planes_lz4, dtype, block.bytes).size();
        }
        const double ratio = static_cast<double>(frame_bytes) / static_cast<double>(block_bytes);
        std::printf("ratio of dtype %u: %.4f\n", dtype, ratio);
        CHECK(ratio <= (dtype == UAKV_DTYPE_BF16 ? 0.705 : 0.90));
    }
}

constexpr Case cases[] = {
    {"each_length", each_length},
    {"special_values", special_values},
    {"real_tensors", real_tensors},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("codec", uakv::test::cases);
}
