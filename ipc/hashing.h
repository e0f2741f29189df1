// The two hashes of the system, both XXH3-64: where a key lies in the index, and the checksum of a block.
#pragma once

#include "abi/uakv.h"

#include <cstddef>
#include <cstdint>

namespace uakv {

// Keys are chosen by engines and may be anything, so they are hashed again, with a seed that the daemon
// draws at start. The space takes part: one key may stand in several spaces.
std::uint64_t hash_of_key(const uakv_key &key, std::uint32_t space, std::uint64_t seed);

std::uint64_t checksum_of(const void *data, std::size_t bytes);

// Copies and checks in one pass over memory: each piece is hashed while it is in the cache, and then
// written past the cache where the block is large. Returns checksum_of(source, bytes).
std::uint64_t copy_with_checksum(void *target, const void *source, std::size_t bytes);

} // namespace uakv
