// The two passes over the bytes of a block. Compiled once for every x86-64 (or other) processor, and once for
// those with AVX2, where XXH3 is twice as fast; hashing.cc chooses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace uakv::baseline {
std::uint64_t checksum(const void *data, std::size_t bytes);
std::uint64_t copy_with_checksum(void *target, const void *source, std::size_t bytes);
} // namespace uakv::baseline

namespace uakv::avx2 {
std::uint64_t checksum(const void *data, std::size_t bytes);
std::uint64_t copy_with_checksum(void *target, const void *source, std::size_t bytes);
} // namespace uakv::avx2
