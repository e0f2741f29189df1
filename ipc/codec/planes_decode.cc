#include "ipc/codec/cursor.h"
#include "ipc/codec/planes.h"

#include <algorithm>

namespace uakv::codec {
namespace {

class ChunkDecoder {
public:
    ChunkDecoder(PlanesDecoder &scratch, const PlaneKernels &kernels, Element element, const ChunkHeader &header,
                 std::span<const std::byte> from, std::span<const std::byte> next, std::span<std::byte> block,
                 bool past_cache)
        : scratch_(scratch), kernels_(kernels), element_(element), header_(header), reader_(from), next_(next),
          block_(block), past_cache_(past_cache), elements_(block.size() / 2),
          tiles_((elements_ + tile_elements - 1) / tile_elements) {}

    bool decode();

private:
    bool take_sections();
    bool take(std::size_t bytes, std::uint8_t *to);
    bool take_lz4(std::size_t bytes, std::uint8_t *to);
    bool take_low();
    bool take_plane(unsigned section, std::uint8_t *to);
    bool take_escapes();
    bool join();

    bool is_lz4(unsigned section) const { return (header_.lz4_sections >> section & 1U) != 0; }

    PlanesDecoder &scratch_;
    const PlaneKernels &kernels_;
    const Element element_;
    const ChunkHeader header_;
    Reader reader_;
    const std::span<const std::byte> next_;
    const std::span<std::byte> block_;
    const bool past_cache_;
    const std::size_t elements_;
    const std::size_t tiles_;
    const std::uint8_t *low_ = nullptr; // in the frame, or in the scratch
};

bool ChunkDecoder::take(std::size_t bytes, std::uint8_t *to) {
    if (!reader_.has(bytes)) {
        return false;
    }
    std::memcpy(to, reader_.take(bytes).data(), bytes);
    return true;
}

bool ChunkDecoder::take_lz4(std::size_t bytes, std::uint8_t *to) {
    if (!reader_.has(sizeof(std::uint16_t))) {
        return false;
    }
    const std::size_t packed = read_once<std::uint16_t>(reader_.take(sizeof(std::uint16_t)).data());
    return packed < bytes && take(packed, scratch_.lz4) && lz4_decompress({scratch_.lz4, packed}, {to, bytes});
}

// Stored low bytes are read where they lie: whatever they are, they decide nothing. The last tile is read as a whole,
// so its own are copied to where a whole tile is.
bool ChunkDecoder::take_low() {
    if (is_lz4(low_section)) {
        low_ = scratch_.low;
        return take_lz4(elements_, scratch_.low);
    }
    if (!reader_.has(elements_)) {
        return false;
    }
    low_ = reinterpret_cast<const std::uint8_t *>(reader_.take(elements_).data());
    const std::size_t whole = elements_ / tile_elements * tile_elements;
    std::memcpy(scratch_.low + whole, low_ + whole, elements_ - whole);
    return true;
}

// Always into the scratch: planes say where the escapes are.
bool ChunkDecoder::take_plane(unsigned section, std::uint8_t *to) {
    const std::size_t bytes = tiles_ * tile_plane_bytes;
    return is_lz4(section) ? take_lz4(bytes, to) : take(bytes, to);
}

bool ChunkDecoder::take_escapes() {
    const std::size_t count = header_.escapes, far_count = header_.far_escapes;
    const std::size_t nibbles = (count + 1) / 2;
    if (count > tiles_ * tile_elements || far_count > count || !reader_.has(nibbles + far_count)) {
        return false;
    }
    const std::byte *from = reader_.take(nibbles).data();
    const std::byte *far = reader_.take(far_count).data();
    std::size_t far_used = 0;
    for (std::size_t i = 0; i < nibbles; ++i) {
        const unsigned both = read_once<std::uint8_t>(from + i);
        for (const unsigned half : {0U, 1U}) {
            const unsigned below = both >> 4 * half & 15;
            auto above = static_cast<std::uint8_t>(UINT8_MAX - below);
            if (below == near_escapes) {
                if (far_used == far_count) {
                    return false;
                }
                above = read_once<std::uint8_t>(far + far_used++);
            }
            scratch_.escapes[2 * i + half] = above;
        }
    }
    return far_used == far_count;
}

bool ChunkDecoder::take_sections() {
    if (!take(tiles_, scratch_.bases)) {
        return false;
    }
    for (unsigned plane = 0; plane < header_.planes; ++plane) {
        if (!take_plane(first_plane_section + plane, scratch_.planes + plane * chunk_plane_bytes)) {
            return false;
        }
    }
    if (!take_low()) {
        return false;
    }
    for (unsigned plane = 0; element_ == Element::f16 && plane < noise_planes; ++plane) {
        if (!take_plane(first_noise_section + plane, scratch_.noise + plane * chunk_plane_bytes)) {
            return false;
        }
    }
    return take_escapes() && reader_.empty();
}

// A tile takes at most 512 escapes, so what is read stays within the scratch whatever the planes say.
bool ChunkDecoder::join() {
    const bool past_cache = past_cache_ && reinterpret_cast<std::uintptr_t>(block_.data()) % 64 == 0;
    std::size_t used = 0;
    for (std::size_t tile = 0; tile < tiles_; ++tile) {
        const std::size_t first = tile * tile_elements;
        const std::size_t bytes = std::min(2 * (elements_ - first), tile_bytes);
        const bool whole = bytes == tile_bytes;
        std::byte *to = block_.data() + tile * tile_bytes;
        fetch_ahead(next_, tile, tiles_);
        used += kernels_.join({whole ? low_ + first : scratch_.low + first, scratch_.planes + tile * tile_plane_bytes,
                               scratch_.noise + tile * tile_plane_bytes, scratch_.escapes + used, header_.planes,
                               scratch_.bases[tile], element_, whole && past_cache},
                              whole ? to : scratch_.last_tile);
        if (!whole) {
            std::memcpy(to, scratch_.last_tile, bytes);
        }
    }
    if (past_cache) {
        kernels_.finish();
    }
    return used == header_.escapes;
}

bool ChunkDecoder::decode() {
    if (elements_ == 0 || header_.planes < planes_min || header_.planes > planes_max || !take_sections() || !join()) {
        return false;
    }
    if (block_.size() % 2 == 1) {
        block_.back() = std::byte{header_.last_byte};
    }
    return true;
}

} // namespace

bool decode_planes(PlanesDecoder &scratch, const PlaneKernels &kernels, Element element, const ChunkHeader &header,
                   std::span<const std::byte> from, std::span<const std::byte> next, std::span<std::byte> block,
                   bool past_cache) {
    return ChunkDecoder(scratch, kernels, element, header, from, next, block, past_cache).decode();
}

} // namespace uakv::codec
