#include "tensors.h"

#include "blocks.h"
#include "failure.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace uakv::bench {
namespace {

constexpr std::size_t token_bytes_min = 512; // of one layer's keys

std::string read_file(const std::filesystem::path &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw Failure("cannot read the tensor " + path.string());
    }
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// "shape": [layers, 2, tokens, heads, channels]
std::vector<std::size_t> shape_of(const std::filesystem::path &json_path) {
    const std::string json = read_file(json_path);
    const std::size_t name = json.find("\"shape\""), begin = json.find('[', name), end = json.find(']', begin);
    if (name == std::string::npos || end == std::string::npos) {
        throw Failure(json_path.string() + " has no shape");
    }
    std::string list = json.substr(begin + 1, end - begin - 1);
    std::replace(list.begin(), list.end(), ',', ' ');
    std::istringstream words(list);
    const std::vector<std::size_t> shape{std::istream_iterator<std::size_t>(words), {}};
    if (shape.size() != 5 || shape[1] != 2) {
        throw Failure(json_path.string() + " has the shape [" + list +
                      "]; expected [layers, 2, tokens, heads, channels]");
    }
    return shape;
}

void cut(const std::filesystem::path &json_path, const char *extension, std::size_t tokens, TensorBlocks &result) {
    const auto shape = shape_of(json_path);
    const std::size_t token_bytes = shape[3] * shape[4] * 2, parts = shape[0] * shape[1];
    const std::size_t block_bytes = parts * tokens * token_bytes;
    if (token_bytes < token_bytes_min || (result.block_bytes != 0 && result.block_bytes != block_bytes)) {
        return;
    }
    std::filesystem::path path = json_path;
    path.replace_extension(extension);
    const std::string data = read_file(path);
    if (data.size() != parts * shape[2] * token_bytes) {
        throw Failure(path.string() + " has not the length that its shape says");
    }
    result.block_bytes = block_bytes;
    for (std::size_t token = 0; token + tokens <= shape[2]; token += tokens) {
        std::vector<std::byte> block(block_bytes);
        for (std::size_t part = 0; part < parts; ++part) {
            std::memcpy(block.data() + part * tokens * token_bytes,
                        data.data() + (part * shape[2] + token) * token_bytes, tokens * token_bytes);
        }
        result.blocks.push_back(std::move(block));
    }
}

// A normal distribution for each channel, of scales that lie a few octaves apart, other ones in each layer.
TensorBlocks made_up(bool bf16, std::size_t tokens) {
    constexpr std::size_t layers = 12, channels = 384, count = 64;
    Random random(1);
    const auto uniform = [&] { return (static_cast<double>(random.next() >> 12) + 0.5) / 0x1p52; };
    const auto normal = [&] { return std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform()); };
    std::vector<float> scales(layers * channels);
    for (std::size_t i = 0; i < scales.size(); ++i) {
        scales[i] = static_cast<float>(std::exp2(0.6 * normal() - static_cast<double>(i / channels % 2)));
    }
    TensorBlocks result{"made up: there is no folder of dumped ones", layers * tokens * channels * 2, {}};
    for (std::size_t block = 0; block < std::max<std::size_t>(1, count / tokens); ++block) {
        std::vector<std::byte> bytes(result.block_bytes);
        for (std::size_t i = 0; i < bytes.size() / 2; ++i) {
            const std::size_t layer = i / (tokens * channels);
            const auto value = static_cast<float>(normal()) * scales[layer * channels + i % channels];
            const auto bits = std::bit_cast<std::uint32_t>(value);
            auto half = static_cast<std::uint16_t>(bits >> 16);
            if (!bf16) { // normal numbers of both formats only: no scale is near the ends of f16
                half = static_cast<std::uint16_t>((bits >> 16 & 0x8000) |
                                                  (((bits >> 13) - ((127U - 15U) << 10)) & 0x7FFF));
            }
            std::memcpy(bytes.data() + 2 * i, &half, sizeof half);
        }
        result.blocks.push_back(std::move(bytes));
    }
    return result;
}

} // namespace

TensorBlocks tensor_blocks(const std::string &folder, std::uint32_t dtype, std::size_t tokens) {
    const bool bf16 = dtype == UAKV_DTYPE_BF16;
    TensorBlocks result{folder, 0, {}};
    if (std::filesystem::is_directory(folder)) {
        for (const auto &entry : std::filesystem::directory_iterator(folder)) {
            if (entry.path().extension() == ".json") {
                cut(entry.path(), bf16 ? "bf16.bin" : "fp16.bin", tokens, result);
            }
        }
    }
    return result.blocks.empty() ? made_up(bf16, tokens) : result;
}

} // namespace uakv::bench
