// Generated KV tensors of the shapes that models have, from one process to another.
#include "integration/tensor_blocks.h"
#include "support/check.h"
#include "support/pattern.h"

#include <bit>

namespace uakv::test {
namespace {

// Sums of four uniform numbers: near enough to what a cache holds, with zeros, denormals and infinities strewn in.
Tensor generate(const std::string &name, uint32_t dtype, size_t layers, size_t tokens, size_t heads, size_t channels) {
    Tensor tensor = {name, dtype, layers, tokens, heads, channels, {}, {}};
    Random random(layers * tokens * heads * channels);
    for (size_t i = 0; i < tokens; ++i) {
        tensor.token_ids.push_back(static_cast<uint32_t>(random.below(32'000)));
    }
    const size_t elements = layers * 2 * tokens * heads * channels;
    tensor.bytes.reserve(elements * 2);
    for (size_t i = 0; i < elements; ++i) {
        const uint64_t bits = random.next();
        float value = -4.0f;
        for (unsigned quarter = 0; quarter < 4; ++quarter) {
            value += static_cast<float>(bits >> (16 * quarter) & 0xffff) / 32768.0f;
        }
        uint32_t word = std::bit_cast<uint32_t>(value) >> 16; // bfloat16 is the upper half of a float
        if (i % 1001 == 0) {
            constexpr uint32_t special[] = {0x0000, 0x8000, 0x0001, 0x7f80, 0xff80, 0x7fc0};
            word = special[i / 1001 % 6];
        }
        tensor.bytes.push_back(static_cast<uint8_t>(word));
        tensor.bytes.push_back(static_cast<uint8_t>(word >> 8));
    }
    return tensor;
}

void small_model() {
    check_round_trip(generate("5-layers-4-heads", UAKV_DTYPE_BF16, 5, 256, 4, 8));
}

void wide_model() {
    check_round_trip(generate("12-layers-8-heads", UAKV_DTYPE_F16, 12, 512, 8, 64));
}

void one_block() {
    check_round_trip(generate("two-blocks", UAKV_DTYPE_BF16, 3, 2 * block_tokens, 1, 17));
}

constexpr Case cases[] = {
    {"small_model", small_model},
    {"wide_model", wide_model},
    {"one_block", one_block},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tensors", uakv::test::cases);
}
