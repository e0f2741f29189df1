// How the bytes of a block are stored where they take less room: a frame, which says by itself how to read it.
// The daemon encodes; the daemon and clients decode.
//
// A frame may be garbage, and may even change while it is decoded (it lies in memory that other clients of the tenant
// can write to): decoding then fails or gives wrong bytes, but never reads or writes beyond what it was given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace uakv {

enum class Codec : std::uint8_t {
    none = 0,      // the block itself, without a frame
    lz4 = 1,       // LZ4, in chunks
    planes_lz4 = 2 // 16-bit floats: exponents as bit planes, LZ4 on each; design and figures in docs/codecs.md
};

const char *name_of(Codec codec);

// What a frame says of itself.
struct FrameInfo {
    Codec codec{};
    std::uint64_t block_bytes = 0; // what it decodes to
    std::uint64_t frame_bytes = 0; // all of it
    std::uint64_t checksum = 0;    // XXH3-64 of the block, as it was given to encode_frame()
};

// Room that is enough for a frame of a block, whatever is in it.
std::size_t frame_bytes_max(std::size_t block_bytes);

// Writes a frame (not with Codec::none) and returns its length; 0 when it would have more than `frame.size()` bytes.
// `dtype` is a UAKV_DTYPE_*: planes_lz4 wants BF16 or F16, and stores blocks of an odd length too.
std::size_t encode_frame(Codec codec, std::uint32_t dtype, std::span<const std::byte> block, std::uint64_t checksum,
                         std::span<std::byte> frame);

// Nothing when it is no frame, or when more bytes belong to it than `frame` has.
std::optional<FrameInfo> read_frame_info(std::span<const std::byte> frame);

// Decodes into `block`, which has exactly block_bytes. False when the frame is corrupt; `block` may be written to then.
bool decode_frame(std::span<const std::byte> frame, std::span<std::byte> block);

// The same a piece at a time: decodes the next bytes of the block into `piece` and moves on. `piece` is as long as a
// multiple of frame_piece_bytes, or as all that is left.
constexpr std::size_t frame_piece_bytes = 64 * 1024;
struct FramePosition {
    std::uint64_t in_frame = 0; // of the chunk that comes next; 0: none was decoded
    std::uint64_t in_block = 0;
};
bool decode_frame_piece(std::span<const std::byte> frame, FramePosition &position, std::span<std::byte> piece);

} // namespace uakv
