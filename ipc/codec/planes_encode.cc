#include "ipc/codec/cursor.h"
#include "ipc/codec/planes.h"

#include <algorithm>
#include <array>

namespace uakv::codec {
namespace {

constexpr int acceleration = 4; // of LZ4, which hardly finds anything in most planes: half the time for 0.0001 of ratio

class ChunkEncoder {
public:
    ChunkEncoder(PlanesEncoder &scratch, const PlaneKernels &kernels, Element element, std::span<const std::byte> block,
                 std::span<const std::byte> next)
        : scratch_(scratch), kernels_(kernels), element_(element), block_(block), next_(next),
          elements_(block.size() / 2), tiles_((elements_ + tile_elements - 1) / tile_elements) {}

    std::size_t encode(std::span<std::byte> to);

private:
    void split();
    bool choose_planes();
    std::size_t choose_bases(unsigned planes);
    std::uint8_t best_base(const std::uint8_t *exponents, std::uint8_t guess, unsigned width, unsigned &inside) const;
    void make_planes();
    void pack_escapes();
    void put_section(Writer &writer, unsigned section, std::span<const std::uint8_t> bytes, bool worth_trying);

    PlanesEncoder &scratch_;
    const PlaneKernels &kernels_;
    const Element element_;
    const std::span<const std::byte> block_;
    const std::span<const std::byte> next_;
    const std::size_t elements_;
    const std::size_t tiles_;
    ChunkHeader header_{};
};

// The last tile is filled up with its own elements, so that they do not change what is chosen for it.
void ChunkEncoder::split() {
    for (std::size_t tile = 0; tile < tiles_; ++tile) {
        const std::byte *source = block_.data() + tile * tile_bytes;
        const std::size_t bytes = std::min(2 * elements_ - tile * tile_bytes, tile_bytes);
        if (bytes < tile_bytes) {
            std::memcpy(scratch_.last_tile, source, bytes);
            for (std::size_t at = bytes; at < tile_bytes; ++at) {
                scratch_.last_tile[at] = scratch_.last_tile[at - bytes];
            }
            source = scratch_.last_tile;
        }
        kernels_.split(source, element_, scratch_.exponents + tile * tile_elements, scratch_.low + tile * tile_elements,
                       scratch_.noise + tile * tile_plane_bytes);
    }
}

// The window of `width` exponents that most of the 512 lie in, by a count of them all.
std::uint8_t counted_base(const std::uint8_t *exponents, unsigned width) {
    std::array<std::uint16_t, 256> counts{};
    for (std::size_t i = 0; i < tile_elements; ++i) {
        ++counts[exponents[i]];
    }
    unsigned inside = 0, best = 0, base = 0;
    for (unsigned top = 0; top < counts.size(); ++top) {
        inside += counts[top];
        inside -= top >= width ? counts[top - width] : 0U;
        if (inside > best) {
            best = inside;
            base = top + 1 >= width ? top + 1 - width : 0;
        }
    }
    return static_cast<std::uint8_t>(base);
}

// Neighbouring tiles are much alike: uphill from the base of the last one, which is three looks for most tiles.
std::uint8_t ChunkEncoder::best_base(const std::uint8_t *exponents, std::uint8_t guess, unsigned width,
                                     unsigned &inside) const {
    unsigned base = guess;
    inside = kernels_.count_inside(exponents, guess, width);
    for (const bool up : {true, false}) {
        while (inside < tile_elements && (up ? base < 255 : base > 0)) {
            const unsigned next = up ? base + 1 : base - 1;
            const unsigned count = kernels_.count_inside(exponents, static_cast<std::uint8_t>(next), width);
            if (count <= inside) {
                break;
            }
            base = next;
            inside = count;
        }
    }
    if (inside < tile_elements / 4 * 3) {
        base = counted_base(exponents, width);
        inside = kernels_.count_inside(exponents, static_cast<std::uint8_t>(base), width);
    }
    return static_cast<std::uint8_t>(base);
}

// Returns about how many elements will be escapes.
std::size_t ChunkEncoder::choose_bases(unsigned planes) {
    const unsigned width = (1U << planes) - 1;
    std::size_t escapes = 0;
    std::uint8_t base = counted_base(scratch_.exponents, width);
    for (std::size_t tile = 0; tile < tiles_; ++tile) {
        unsigned inside = 0;
        base = best_base(scratch_.exponents + tile * tile_elements, base, width, inside);
        scratch_.bases[tile] = base;
        escapes += tile_elements - inside;
    }
    return escapes;
}

// The bits that a choice costs: those of the planes, and six for an escape (four where it is near, twelve where not).
// False when it costs as much as the exponents do.
bool ChunkEncoder::choose_planes() {
    const std::size_t elements = tiles_ * tile_elements;
    const auto cost_of = [&](unsigned planes) {
        header_.planes = static_cast<std::uint8_t>(planes);
        return elements * planes + choose_bases(planes) * 6;
    };
    std::size_t cost = cost_of(planes_min);
    if (cost > elements * planes_max) {
        const std::size_t cost_of_more = cost_of(planes_max);
        cost = cost_of_more <= cost ? cost_of_more : cost_of(planes_min);
    }
    return cost < elements * 8;
}

void ChunkEncoder::make_planes() {
    std::size_t escapes = 0;
    for (std::size_t tile = 0; tile < tiles_; ++tile) {
        fetch_ahead(next_, tile, tiles_);
        escapes += kernels_.make_planes(scratch_.exponents + tile * tile_elements, scratch_.bases[tile], header_.planes,
                                        scratch_.planes + tile * tile_plane_bytes, scratch_.escapes + escapes);
    }
    header_.escapes = static_cast<std::uint16_t>(escapes);
}

// Most escapes are a few binary orders below the base.
void ChunkEncoder::pack_escapes() {
    std::size_t far = 0;
    const std::size_t count = header_.escapes;
    scratch_.escapes[count] = UINT8_MAX; // the other half of the last nibble: 0
    const auto nibble = [&](std::uint8_t above) {
        const unsigned below = UINT8_MAX - above; // 0: one below the base
        scratch_.far[far] = above;
        far += below >= near_escapes ? 1U : 0U;
        return std::min(below, near_escapes);
    };
    for (std::size_t i = 0; i < count; i += 2) {
        const unsigned first = nibble(scratch_.escapes[i]);
        scratch_.nibbles[i / 2] = static_cast<std::uint8_t>(first | nibble(scratch_.escapes[i + 1]) << 4);
    }
    header_.far_escapes = static_cast<std::uint16_t>(far);
}

void ChunkEncoder::put_section(Writer &writer, unsigned section, std::span<const std::uint8_t> bytes,
                               bool worth_trying) {
    constexpr std::size_t length_bytes = sizeof(std::uint16_t);
    const auto rest = writer.rest();
    if (worth_trying && writer.fits() && rest.size() > length_bytes && bytes.size() > 2 * length_bytes) {
        const auto to = rest.subspan(length_bytes, std::min(rest.size(), bytes.size() - length_bytes) - length_bytes);
        const std::size_t packed =
            lz4_compress(scratch_.lz4, bytes, {reinterpret_cast<std::uint8_t *>(to.data()), to.size()}, acceleration);
        if (packed != 0) {
            header_.lz4_sections = static_cast<std::uint8_t>(header_.lz4_sections | 1U << section);
            writer.put_value(static_cast<std::uint16_t>(packed));
            writer.claim(packed);
            return;
        }
    }
    writer.put(bytes.data(), bytes.size());
}

std::size_t ChunkEncoder::encode(std::span<std::byte> to) {
    split();
    if (!choose_planes()) {
        return 0;
    }
    make_planes();
    pack_escapes();
    Writer writer(to);
    writer.put_value(header_);
    writer.put(scratch_.bases, tiles_);
    const std::size_t plane_bytes = tiles_ * tile_plane_bytes;
    const std::size_t before = writer.written();
    for (unsigned plane = 0; plane < header_.planes; ++plane) {
        put_section(writer, first_plane_section + plane, {scratch_.planes + plane * chunk_plane_bytes, plane_bytes},
                    true);
    }
    // Sign and mantissa of what was computed are noise. Zeros and repetitions show in the planes, too.
    const bool repeats = writer.written() - before <= header_.planes * plane_bytes / 4 * 3;
    put_section(writer, low_section, {scratch_.low, elements_}, repeats);
    for (unsigned plane = 0; element_ == Element::f16 && plane < noise_planes; ++plane) {
        put_section(writer, first_noise_section + plane, {scratch_.noise + plane * chunk_plane_bytes, plane_bytes},
                    repeats);
    }
    writer.put(scratch_.nibbles, (header_.escapes + 1U) / 2);
    writer.put(scratch_.far, header_.far_escapes);
    if (!writer.fits()) {
        return 0;
    }
    header_.bytes = static_cast<std::uint32_t>(writer.written());
    header_.coding = static_cast<std::uint8_t>(Coding::planes);
    header_.last_byte = block_.size() % 2 == 1 ? std::to_integer<std::uint8_t>(block_.back()) : std::uint8_t{0};
    std::memcpy(to.data(), &header_, sizeof header_);
    return writer.written();
}

} // namespace

std::size_t encode_planes(PlanesEncoder &scratch, const PlaneKernels &kernels, Element element,
                          std::span<const std::byte> block, std::span<const std::byte> next, std::span<std::byte> to) {
    return block.size() < 2 ? 0 : ChunkEncoder(scratch, kernels, element, block, next).encode(to);
}

} // namespace uakv::codec
