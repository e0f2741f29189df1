// LZ4 without frames of its own: the only place that knows the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace uakv::codec {

// What the compressor remembers. Its content means nothing between two calls.
struct alignas(8) Lz4State {
    std::uint8_t bytes[16 * 1024 + 64];
};

// The length of the LZ4 block; 0 when it would not fit. `from` must not change meanwhile. A higher acceleration looks
// less hard: 1 is the usual one.
std::size_t lz4_compress(Lz4State &state, std::span<const std::uint8_t> from, std::span<std::uint8_t> to,
                         int acceleration);

// False unless the block decodes to exactly as many bytes as `to` has. `from` may be garbage, but must not change
// meanwhile: the library reads some of it twice.
bool lz4_decompress(std::span<const std::uint8_t> from, std::span<std::uint8_t> to);

} // namespace uakv::codec
