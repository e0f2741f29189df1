#include "ipc/codec/lz4_block.h"

#include "ipc/assertion.h"

#include <climits>
#include <lz4.h>

namespace uakv::codec {

static_assert(sizeof(LZ4_stream_t) <= sizeof(Lz4State) && alignof(LZ4_stream_t) <= alignof(Lz4State));

std::size_t lz4_compress(Lz4State &state, std::span<const std::uint8_t> from, std::span<std::uint8_t> to,
                         int acceleration) {
    UAKV_ASSERT(from.size() <= LZ4_MAX_INPUT_SIZE && to.size() <= INT_MAX);
    const int bytes = LZ4_compress_fast_extState(&state, reinterpret_cast<const char *>(from.data()),
                                                 reinterpret_cast<char *>(to.data()), static_cast<int>(from.size()),
                                                 static_cast<int>(to.size()), acceleration);
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool lz4_decompress(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
    UAKV_ASSERT(from.size() <= INT_MAX && to.size() <= INT_MAX);
    const int bytes =
        LZ4_decompress_safe(reinterpret_cast<const char *>(from.data()), reinterpret_cast<char *>(to.data()),
                            static_cast<int>(from.size()), static_cast<int>(to.size()));
    return bytes >= 0 && static_cast<std::size_t>(bytes) == to.size();
}

} // namespace uakv::codec
