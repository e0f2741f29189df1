#include "codec_blocks.h"

#include "ipc/hashing.h"
#include "support/check.h"
#include "support/process.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <sstream>

namespace uakv::test {
namespace {

constexpr std::size_t block_tokens = 16;

// Rounded towards zero, which is all the same here.
std::uint16_t float16_of(std::uint32_t dtype, float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (dtype == UAKV_DTYPE_BF16) {
        return static_cast<std::uint16_t>(bits >> 16);
    }
    const unsigned sign = bits >> 31;
    const int exponent = static_cast<int>(bits >> 23 & 255) - 127 + 15;
    if (exponent <= 0) {
        return static_cast<std::uint16_t>(sign << 15);
    }
    return static_cast<std::uint16_t>(sign << 15 | static_cast<unsigned>(std::min(exponent, 30)) << 10 |
                                      (bits >> 13 & 0x3FF));
}

Bytes bytes_of(const std::vector<std::uint16_t> &values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
}

template <typename Value> Bytes made_of(std::size_t count, Value value) {
    std::vector<std::uint16_t> values(count);
    for (std::size_t i = 0; i < count; ++i) {
        values[i] = static_cast<std::uint16_t>(value(i));
    }
    return bytes_of(values);
}

// The numbers of a flat array: "name": [1, 2, 3].
std::vector<std::size_t> numbers_of(const std::string &json, const std::string &name) {
    const std::size_t at = json.find("\"" + name + "\"");
    CHECK_MESSAGE(at != std::string::npos, "no " + name + " in the JSON file");
    const std::size_t begin = json.find('[', at), end = json.find(']', at);
    CHECK(begin != std::string::npos && end != std::string::npos);
    std::string list = json.substr(begin + 1, end - begin - 1);
    std::replace(list.begin(), list.end(), ',', ' ');
    std::istringstream words(list);
    std::vector<std::size_t> numbers;
    for (std::size_t number = 0; words >> number;) {
        numbers.push_back(number);
    }
    return numbers;
}

// [layer][kv][token][head][channel] as an engine stores it: some tokens of all layers to a block.
void cut_into_blocks(const std::filesystem::path &json, std::uint32_t dtype, std::vector<NamedBlock> &blocks) {
    const auto shape = numbers_of(read_file(json), "shape");
    CHECK_EQ(shape.size(), 5);
    std::filesystem::path path = json;
    path.replace_extension(dtype == UAKV_DTYPE_BF16 ? "bf16.bin" : "fp16.bin");
    const std::string data = read_file(path);
    const std::size_t token_bytes = shape[3] * shape[4] * 2, parts = shape[0] * shape[1], tokens = shape[2];
    CHECK_EQ(data.size(), parts * tokens * token_bytes);
    for (std::size_t token = 0; token + block_tokens <= tokens; token += block_tokens) {
        Bytes block(parts * block_tokens * token_bytes);
        for (std::size_t part = 0; part < parts; ++part) {
            std::memcpy(block.data() + part * block_tokens * token_bytes,
                        data.data() + (part * tokens + token) * token_bytes, block_tokens * token_bytes);
        }
        blocks.push_back({path.filename().string() + " at token " + std::to_string(token), dtype, std::move(block)});
    }
}

} // namespace

Bytes float_block(std::uint32_t dtype, std::size_t bytes, std::uint64_t seed) {
    Random random(seed);
    float scales[64];
    for (float &scale : scales) {
        scale = std::exp2(static_cast<float>(random.next() % 400) / 100.F - 3.F);
    }
    const auto uniform = [&] { return (static_cast<float>(random.next() >> 40) + 0.5F) / 16777216.F; };
    Bytes block = made_of(bytes / 2, [&](std::size_t i) {
        const float normal = std::sqrt(-2.F * std::log(uniform())) * std::cos(6.2831853F * uniform());
        return float16_of(dtype, normal * scales[i % 64]);
    });
    block.resize(bytes, std::byte{0x5A});
    return block;
}

Bytes random_block(std::size_t bytes, std::uint64_t seed) {
    Random random(seed);
    Bytes block(bytes);
    for (std::byte &byte : block) {
        byte = static_cast<std::byte>(random.next() >> 56);
    }
    return block;
}

std::vector<NamedBlock> special_blocks(std::uint32_t dtype) {
    const bool bf16 = dtype == UAKV_DTYPE_BF16;
    const unsigned infinity = bf16 ? 0x7F80 : 0x7C00, one = bf16 ? 0x3F80 : 0x3C00, step = bf16 ? 0x80 : 0x400;
    Random random(7);
    const auto sign = [&] { return static_cast<unsigned>(random.next() >> 63 << 15); };
    std::vector<NamedBlock> blocks;
    const auto add = [&](const char *name, Bytes bytes) { blocks.push_back({name, dtype, std::move(bytes)}); };
    add("each value", made_of(65536, [](std::size_t i) { return i; }));
    add("each value, shuffled", made_of(65536, [](std::size_t i) { return i * 40503; }));
    add("zeros", made_of(50'000, [](std::size_t) { return 0; }));
    add("zeros of both signs", made_of(50'000, [&](std::size_t) { return sign(); }));
    add("NaN", made_of(40'000, [&](std::size_t) { return sign() | infinity | (1 + random.next() % (step - 1)); }));
    add("infinities", made_of(40'000, [&](std::size_t) { return sign() | infinity; }));
    add("subnormals", made_of(40'000, [&](std::size_t) { return sign() | random.next() % step; }));
    add("ones", made_of(40'000, [&](std::size_t) { return one; }));
    add("one in 700 is NaN, Inf, zero or subnormal", made_of(200'000, [&](std::size_t i) {
            const unsigned odd[] = {infinity | 1, infinity, 0, 1};
            return sign() | (i % 700 == 0 ? odd[i / 700 % 4] : one + step * (random.next() % 3) + i % step);
        }));
    add("two scales, element by element", made_of(100'000, [&](std::size_t i) {
            return sign() | (i % 2 == 0 ? one : one - 7 * step) | random.next() % step;
        }));
    add("fifteen exponents", made_of(100'000, [&](std::size_t) {
            return sign() | ((one - 14 * step + random.next() % 15 * step) | random.next() % step);
        }));
    add("a scale that wanders", made_of(300'000, [&](std::size_t i) {
            return sign() | ((i / 2000 % (bf16 ? 250 : 28)) * step + random.next() % (3 * step));
        }));
    add("highest exponents", made_of(40'000, [&](std::size_t) { return sign() | (infinity - random.next() % step); }));
    return blocks;
}

std::vector<NamedBlock> dumped_blocks(std::uint32_t dtype) {
    const char *chosen = std::getenv("UAKV_TEST_KV");
    const std::filesystem::path folder = chosen != nullptr && *chosen != '\0' ? chosen : UAKV_TEST_KV_DEFAULT;
    if (!std::filesystem::is_directory(folder)) {
        throw Skip("no dumped tensors in " + folder.string() + "; UAKV_TEST_KV names another folder");
    }
    std::vector<NamedBlock> blocks;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".json") {
            cut_into_blocks(entry.path(), dtype, blocks);
        }
    }
    CHECK_MESSAGE(!blocks.empty(), "no tensor in " + folder.string());
    return blocks;
}

Bytes frame_of(Codec codec, std::uint32_t dtype, const Bytes &block, std::size_t bytes_max) {
    Bytes frame(std::min(frame_bytes_max(block.size()), bytes_max));
    const std::uint64_t checksum = checksum_of(block.data(), block.size());
    frame.resize(encode_frame(codec, dtype, block, checksum, frame));
    return frame;
}

} // namespace uakv::test
