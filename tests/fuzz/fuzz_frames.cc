// Frames as they might come from a disk or from shared memory: anything decodes to something or is refused, within
// buffers of exactly the length that was said; and what is encoded decodes to itself.
#include "abi/uakv.h"
#include "input.h"
#include "ipc/assertion.h"
#include "ipc/codec/frame.h"
#include "ipc/hashing.h"

#include <memory>

namespace {

using namespace uakv;
using codec::FrameHeader;
using codec::Processor;

constexpr std::size_t block_bytes_max = 160 << 10; // more than two chunks

// Of exactly so many bytes on the heap, for the address sanitizer.
struct Exactly {
    explicit Exactly(std::size_t count) : bytes(new std::byte[count]), all(bytes.get(), count) {
        std::fill(all.begin(), all.end(), std::byte{0});
    }
    std::unique_ptr<std::byte[]> bytes;
    std::span<std::byte> all;
};

Exactly copy_of(std::span<const std::uint8_t> from) {
    Exactly copy(from.size());
    std::transform(from.begin(), from.end(), copy.all.begin(), [](std::uint8_t byte) { return std::byte{byte}; });
    return copy;
}

// All kernels agree on what a frame is, and on the block when it is one.
void decode(std::span<const std::byte> frame) {
    const auto info = read_frame_info(frame);
    if (!info) {
        Exactly block(16);
        UAKV_ASSERT(!decode_frame(frame, block.all));
        return;
    }
    UAKV_ASSERT(info->frame_bytes <= frame.size());
    if (info->block_bytes > block_bytes_max) {
        return;
    }
    Exactly expected(info->block_bytes);
    const bool decodes = codec::decode_frame_with(*codec::plane_kernels_of(Processor::baseline), frame, expected.all);
    for (const Processor processor : {Processor::avx2, Processor::avx512}) {
        if (const auto *kernels = codec::plane_kernels_of(processor)) {
            Exactly block(info->block_bytes);
            UAKV_ASSERT(codec::decode_frame_with(*kernels, frame, block.all) == decodes);
            UAKV_ASSERT(!decodes || std::equal(block.all.begin(), block.all.end(), expected.all.begin()));
        }
    }
}

// A header that says the truth about the rest, so that the rest is looked at.
void decode_signed(Exactly &frame) {
    if (frame.all.size() < sizeof(FrameHeader)) {
        return;
    }
    FrameHeader header;
    std::memcpy(&header, frame.all.data(), sizeof header);
    header.magic = codec::frame_magic;
    header.version = codec::frame_version;
    header.codec = static_cast<std::uint8_t>(1 + header.codec % 2);
    header.element = static_cast<std::uint8_t>(header.codec == 1 ? 0 : 1 + header.element % 2);
    header.block_bytes %= block_bytes_max;
    header.frame_bytes = frame.all.size();
    header.header_checksum = checksum_of(&header, offsetof(FrameHeader, header_checksum));
    std::memcpy(frame.all.data(), &header, sizeof header);
    decode(frame.all);
}

void round_trip(std::span<const std::byte> block, Codec codec, std::uint32_t dtype) {
    const std::uint64_t checksum = checksum_of(block.data(), block.size());
    Exactly frame(frame_bytes_max(block.size()));
    const std::size_t bytes = encode_frame(codec, dtype, block, checksum, frame.all);
    UAKV_ASSERT(bytes != 0);
    const auto info = read_frame_info(frame.all);
    UAKV_ASSERT(info && info->codec == codec && info->frame_bytes == bytes && info->checksum == checksum);
    Exactly decoded(block.size());
    UAKV_ASSERT(decode_frame(frame.all.first(bytes), decoded.all));
    UAKV_ASSERT(std::equal(block.begin(), block.end(), decoded.all.begin()));
    UAKV_ASSERT(block.empty() || !decode_frame(frame.all.first(bytes - 1), decoded.all));
    Exactly less(bytes - 1);
    const std::size_t bytes_of_less = encode_frame(codec, dtype, block, checksum, less.all);
    UAKV_ASSERT(bytes_of_less <= less.all.size());
}

// The input over and over, each time a little different: a block of more than one tile, or chunk.
Exactly grown(std::span<const std::uint8_t> seed, std::size_t bytes) {
    Exactly block(bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
        block.all[i] = static_cast<std::byte>(seed[i % seed.size()] + (i % 2 == 0 ? i / seed.size() : 0));
    }
    return block;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    uakv::fuzz::Input input(data, size);
    const std::uint8_t kind = input.byte();
    const auto rest = input.take(size);
    Exactly bytes = copy_of(rest);
    decode(bytes.all);
    round_trip(bytes.all, Codec::lz4, UAKV_DTYPE_OPAQUE);
    round_trip(bytes.all, Codec::planes_lz4, kind % 2 == 0 ? UAKV_DTYPE_BF16 : UAKV_DTYPE_F16);
    if (kind >= 240 && !rest.empty()) {
        const Exactly block = grown(rest, 1 + (kind - 240U) * 9001U);
        round_trip(block.all, Codec::planes_lz4, kind % 2 == 0 ? UAKV_DTYPE_BF16 : UAKV_DTYPE_F16);
    }
    decode_signed(bytes);
    return 0;
}
