#include "ipc/codec/frame.h"

#include "abi/uakv.h"
#include "ipc/assertion.h"
#include "ipc/codec/cursor.h"
#include "ipc/codec/lz4_block.h"
#include "ipc/codec/planes.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <memory>
#include <new>

namespace uakv {
namespace codec {
namespace {

constexpr std::size_t chunks_of(std::uint64_t block_bytes) {
    return block_bytes / chunk_block_bytes + (block_bytes % chunk_block_bytes != 0 ? 1 : 0);
}

template <typename Byte> std::span<Byte> at_most_a_chunk(std::span<Byte> bytes) {
    return bytes.first(std::min(bytes.size(), chunk_block_bytes));
}

std::uint64_t checksum_of_header(const FrameHeader &header) {
    return checksum_of(&header, offsetof(FrameHeader, header_checksum));
}

// Without zeroing it, and without an exception where there is no memory.
template <typename Scratch> std::unique_ptr<Scratch> make_scratch() {
    return std::unique_ptr<Scratch>(new (std::nothrow) Scratch);
}

// ---- encoding ---------------------------------------------------------------------------------------------

struct Lz4Encoder {
    std::uint8_t block[chunk_block_bytes]; // a private copy: the library reads what it compresses more than once
    Lz4State state;
};

std::size_t encode_lz4(Lz4Encoder &scratch, std::span<const std::byte> block, std::span<std::byte> to) {
    if (to.size() <= sizeof(ChunkHeader)) {
        return 0;
    }
    std::memcpy(scratch.block, block.data(), block.size());
    const auto data = to.subspan(sizeof(ChunkHeader));
    const std::size_t packed = lz4_compress(scratch.state, {scratch.block, block.size()},
                                            {reinterpret_cast<std::uint8_t *>(data.data()), data.size()}, 1);
    if (packed == 0) {
        return 0;
    }
    ChunkHeader header{};
    header.bytes = static_cast<std::uint32_t>(sizeof header + packed);
    header.coding = static_cast<std::uint8_t>(Coding::lz4);
    std::memcpy(to.data(), &header, sizeof header);
    return header.bytes;
}

void put_stored(Writer &writer, std::span<const std::byte> block) {
    ChunkHeader header{};
    header.bytes = static_cast<std::uint32_t>(sizeof header + block.size());
    header.coding = static_cast<std::uint8_t>(Coding::stored);
    writer.put_value(header);
    writer.put(block.data(), block.size());
}

// encode(chunk of the block, what follows it, room) is tried for each chunk; where it gives 0, the chunk is stored.
template <typename Encode> std::size_t encode_chunks(FrameHeader header, std::span<const std::byte> block,
                                                     std::span<std::byte> frame, Encode encode) {
    Writer writer(frame);
    writer.put_value(header);
    for (std::size_t at = 0; at < block.size() && writer.fits(); at += chunk_block_bytes) {
        const auto chunk = at_most_a_chunk(block.subspan(at));
        const auto next = at_most_a_chunk(block.subspan(at + chunk.size()));
        const std::size_t bytes =
            encode(chunk, next, writer.rest().first(std::min(writer.rest().size(), chunk.size())));
        if (bytes != 0) {
            writer.claim(bytes);
        } else {
            put_stored(writer, chunk);
        }
    }
    if (!writer.fits()) {
        return 0;
    }
    header.frame_bytes = writer.written();
    header.header_checksum = checksum_of_header(header);
    std::memcpy(frame.data(), &header, sizeof header);
    return writer.written();
}

Element element_of(std::uint32_t dtype) {
    return dtype == UAKV_DTYPE_BF16 ? Element::bf16 : dtype == UAKV_DTYPE_F16 ? Element::f16 : Element::bytes;
}

// ---- decoding ---------------------------------------------------------------------------------------------

constexpr std::size_t past_cache_bytes_min = 64 * 1024; // smaller blocks may well be read again from the cache

struct Lz4Decoder {
    std::uint8_t packed[chunk_block_bytes]; // private: it decodes to more, or it would not have been kept
};

bool decode_lz4(Lz4Decoder &scratch, std::span<const std::byte> from, std::span<std::byte> block) {
    if (from.size() > sizeof scratch.packed) {
        return false;
    }
    std::memcpy(scratch.packed, from.data(), from.size());
    return lz4_decompress({scratch.packed, from.size()},
                          {reinterpret_cast<std::uint8_t *>(block.data()), block.size()});
}

bool decode_stored(std::span<const std::byte> from, std::span<std::byte> block) {
    if (from.size() != block.size()) {
        return false;
    }
    std::memcpy(block.data(), from.data(), from.size());
    return true;
}

// decode(header, what follows it, what follows the chunk, chunk of the block) does what is not stored.
template <typename Decode>
bool decode_chunks(Reader &reader, std::span<std::byte> block, Coding coding, Decode decode) {
    for (std::size_t at = 0; at < block.size(); at += chunk_block_bytes) {
        const auto chunk = at_most_a_chunk(block.subspan(at));
        if (!reader.has(sizeof(ChunkHeader))) {
            return false;
        }
        const auto header = read_once<ChunkHeader>(reader.take(sizeof(ChunkHeader)).data());
        if (header.bytes < sizeof header || !reader.has(header.bytes - sizeof header)) {
            return false;
        }
        const auto from = reader.take(header.bytes - sizeof header);
        const bool stored = header.coding == static_cast<std::uint8_t>(Coding::stored);
        if (!stored && header.coding != static_cast<std::uint8_t>(coding)) {
            return false;
        }
        if (stored ? !decode_stored(from, chunk) : !decode(header, from, at_most_a_chunk(reader.rest()), chunk)) {
            return false;
        }
    }
    return true;
}

// The chunks that come next in the frame of this header.
bool decode_next(const PlaneKernels &kernels, const FrameHeader &header, Reader &reader, std::span<std::byte> block) {
    if (header.codec == static_cast<std::uint8_t>(Codec::lz4)) {
        const auto scratch = make_scratch<Lz4Decoder>();
        return scratch != nullptr &&
               decode_chunks(reader, block, Coding::lz4,
                             [&](auto &, auto from, auto &&, auto chunk) { return decode_lz4(*scratch, from, chunk); });
    }
    const auto element = static_cast<Element>(header.element);
    const bool past_cache = block.size() >= past_cache_bytes_min;
    const auto scratch = make_scratch<PlanesDecoder>();
    return scratch != nullptr &&
           decode_chunks(reader, block, Coding::planes, [&](auto &chunk_header, auto from, auto next, auto chunk) {
               return decode_planes(*scratch, kernels, element, chunk_header, from, next, chunk, past_cache);
           });
}

// A private copy of the header, when it is one and its numbers are possible.
std::optional<FrameHeader> read_header(std::span<const std::byte> frame) {
    if (frame.size() < sizeof(FrameHeader)) {
        return std::nullopt;
    }
    const auto header = read_once<FrameHeader>(frame.data());
    const bool planes = header.codec == static_cast<std::uint8_t>(Codec::planes_lz4);
    const bool floats = header.element == static_cast<std::uint8_t>(Element::bf16) ||
                        header.element == static_cast<std::uint8_t>(Element::f16);
    const bool lz4 = header.codec == static_cast<std::uint8_t>(Codec::lz4) &&
                     header.element == static_cast<std::uint8_t>(Element::bytes);
    if (header.magic != frame_magic || header.version != frame_version ||
        header.header_checksum != checksum_of_header(header) || !(lz4 || (planes && floats)) ||
        header.frame_bytes > frame.size() || header.frame_bytes < sizeof header ||
        chunks_of(header.block_bytes) > (header.frame_bytes - sizeof header) / sizeof(ChunkHeader)) {
        return std::nullopt;
    }
    return header;
}

} // namespace

std::size_t encode_frame_with(const PlaneKernels &kernels, Codec codec, std::uint32_t dtype,
                              std::span<const std::byte> block, std::uint64_t checksum, std::span<std::byte> frame) {
    const Element element = codec == Codec::planes_lz4 ? element_of(dtype) : Element::bytes;
    UAKV_ASSERT(codec == Codec::lz4 || (codec == Codec::planes_lz4 && element != Element::bytes));
    FrameHeader header{};
    header.magic = frame_magic;
    header.version = frame_version;
    header.codec = static_cast<std::uint8_t>(codec);
    header.element = static_cast<std::uint8_t>(element);
    header.block_bytes = block.size();
    header.block_checksum = checksum;
    if (codec == Codec::lz4) {
        const auto scratch = make_scratch<Lz4Encoder>();
        return scratch == nullptr ? 0 : encode_chunks(header, block, frame, [&](auto chunk, auto &, auto to) {
            return encode_lz4(*scratch, chunk, to);
        });
    }
    const auto scratch = make_scratch<PlanesEncoder>();
    return scratch == nullptr ? 0 : encode_chunks(header, block, frame, [&](auto chunk, auto next, auto to) {
        return encode_planes(*scratch, kernels, element, chunk, next, to);
    });
}

bool decode_frame_with(const PlaneKernels &kernels, std::span<const std::byte> frame, std::span<std::byte> block) {
    const auto header = read_header(frame);
    if (!header || header->block_bytes != block.size()) {
        return false;
    }
    Reader reader(frame.first(header->frame_bytes).subspan(sizeof(FrameHeader)));
    return decode_next(kernels, *header, reader, block) && reader.empty();
}

} // namespace codec

const char *name_of(Codec codec) {
    switch (codec) {
    case Codec::none:
        return "none";
    case Codec::lz4:
        return "lz4";
    case Codec::planes_lz4:
        return "planes_lz4";
    }
    return "unknown";
}

std::size_t frame_bytes_max(std::size_t block_bytes) {
    return sizeof(codec::FrameHeader) + codec::chunks_of(block_bytes) * sizeof(codec::ChunkHeader) + block_bytes;
}

std::size_t encode_frame(Codec codec, std::uint32_t dtype, std::span<const std::byte> block, std::uint64_t checksum,
                         std::span<std::byte> frame) {
    return codec::encode_frame_with(codec::plane_kernels(), codec, dtype, block, checksum, frame);
}

std::optional<FrameInfo> read_frame_info(std::span<const std::byte> frame) {
    const auto header = codec::read_header(frame);
    if (!header) {
        return std::nullopt;
    }
    return FrameInfo{static_cast<Codec>(header->codec), header->block_bytes, header->frame_bytes,
                     header->block_checksum};
}

bool decode_frame(std::span<const std::byte> frame, std::span<std::byte> block) {
    return codec::decode_frame_with(codec::plane_kernels(), frame, block);
}

bool decode_frame_piece(std::span<const std::byte> frame, FramePosition &position, std::span<std::byte> piece) {
    static_assert(frame_piece_bytes == codec::chunk_block_bytes);
    const auto header = codec::read_header(frame);
    const std::uint64_t begin = std::max<std::uint64_t>(position.in_frame, sizeof(codec::FrameHeader));
    if (!header || begin > header->frame_bytes || position.in_block > header->block_bytes ||
        piece.size() > header->block_bytes - position.in_block) {
        return false;
    }
    const bool last = position.in_block + piece.size() == header->block_bytes;
    UAKV_ASSERT(last || piece.size() % frame_piece_bytes == 0);
    codec::Reader reader(frame.first(header->frame_bytes).subspan(begin));
    if (!codec::decode_next(codec::plane_kernels(), *header, reader, piece)) {
        return false;
    }
    position = {header->frame_bytes - reader.rest().size(), position.in_block + piece.size()};
    return !last || reader.empty();
}

} // namespace uakv
