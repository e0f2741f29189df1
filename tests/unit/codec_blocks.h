// Blocks for the tests of the codecs: like real tensors, special, random, or real ones from a folder.
#pragma once

#include "ipc/codec/codec.h"
#include "support/pattern.h"

#include <string>
#include <vector>

namespace uakv::test {

using Bytes = std::vector<std::byte>;

struct NamedBlock {
    std::string name;
    std::uint32_t dtype = 0;
    Bytes bytes;
};

// 16-bit floats of a normal distribution, with a scale for each of 64 channels.
Bytes float_block(std::uint32_t dtype, std::size_t bytes, std::uint64_t seed);
Bytes random_block(std::size_t bytes, std::uint64_t seed);

// Each value of 16 bits in turn; only NaN, Inf, subnormals, zeros; constants; two scales; text.
std::vector<NamedBlock> special_blocks(std::uint32_t dtype);

// The dumped tensors of $UAKV_TEST_KV, or of the folder that was there when the tests were configured, in blocks of 16
// tokens over all layers. Throws Skip when there are none.
std::vector<NamedBlock> dumped_blocks(std::uint32_t dtype);

// A frame of the codec in a vector of its length; empty when it has more than `bytes_max`.
Bytes frame_of(Codec codec, std::uint32_t dtype, const Bytes &block, std::size_t bytes_max = SIZE_MAX);

} // namespace uakv::test
