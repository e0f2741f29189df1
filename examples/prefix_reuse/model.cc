#include "model.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace prefix_reuse {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian");
static_assert(sizeof(float) == 4);

constexpr std::size_t header_words = 7;
using Header = std::array<std::int32_t, header_words>;

struct Tensor {
    std::size_t floats;
    std::size_t columns; // a row is multiplied with that many numbers; 0: not a matrix
};

// In the order of the file and of `Weights`.
using Tensors = std::array<Tensor, 13>;
static_assert(sizeof(Weights) == sizeof(Tensors) / sizeof(Tensor) * sizeof(const float *));

Tensors tensors_of(const ModelConfig &c) {
    return {{
        {c.vocabulary * c.dim, 1},
        {c.layers * c.dim, 0},
        {c.layers * c.dim * c.dim, c.dim},
        {c.layers * c.kv_dim() * c.dim, c.dim},
        {c.layers * c.kv_dim() * c.dim, c.dim},
        {c.layers * c.dim * c.dim, c.dim},
        {c.layers * c.dim, 0},
        {c.layers * c.hidden_dim * c.dim, c.dim},
        {c.layers * c.dim * c.hidden_dim, c.hidden_dim},
        {c.layers * c.hidden_dim * c.dim, c.dim},
        {c.dim, 0},
        {2 * c.positions_max * (c.head_size() / 2), 0},
        {c.own_classifier ? c.vocabulary * c.dim : 0, c.dim},
    }};
}

std::size_t floats_of(const ModelConfig &config) {
    std::size_t floats = 0;
    for (const Tensor &tensor : tensors_of(config))
        floats += tensor.floats;
    return floats;
}

Weights carve(const ModelConfig &config, const std::vector<float> &storage) {
    std::array<const float *, std::tuple_size_v<Tensors>> at{};
    const float *next = storage.data();
    const Tensors tensors = tensors_of(config);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        at[i] = next;
        next += tensors[i].floats;
    }
    Weights weights{at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8], at[9], at[10], at[11], at[12]};
    if (!config.own_classifier)
        weights.classifier = weights.token_embedding;
    return weights;
}

// splitmix64: small, and the same on every machine.
std::uint64_t next_random(std::uint64_t &state) {
    state += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

// Uniform, with variance 1 / columns, so that the numbers keep their size from layer to layer.
void fill(std::span<float> matrix, std::size_t columns, std::uint64_t &state) {
    const float scale = std::sqrt(3.0F / static_cast<float>(columns));
    for (float &weight : matrix) {
        const auto bits = static_cast<std::int32_t>(next_random(state) >> 40); // 24 bits: exact in a float
        weight = scale * (static_cast<float>(bits - (1 << 23)) / static_cast<float>(1 << 23));
    }
}

[[noreturn]] void refuse(const std::string &path, const std::string &reason) {
    throw std::runtime_error("checkpoint " + path + ": " + reason);
}

std::size_t in_range(const std::string &path, const char *name, std::int32_t value, std::int32_t max) {
    if (value < 1 || value > max)
        refuse(path, std::string(name) + " is " + std::to_string(value) + ", expected 1 to " + std::to_string(max));
    return static_cast<std::size_t>(value);
}

// The limits keep all products below 2^48, so that sizes cannot overflow.
ModelConfig config_of(const std::string &path, const Header &header) {
    const auto [dim, hidden_dim, layers, heads, kv_heads, vocabulary, positions_max] = header;
    ModelConfig config{};
    config.dim = in_range(path, "dim", dim, 1 << 15);
    config.hidden_dim = in_range(path, "hidden_dim", hidden_dim, 1 << 17);
    config.layers = in_range(path, "n_layers", layers, 1 << 10);
    config.heads = in_range(path, "n_heads", heads, 1 << 10);
    config.kv_heads = in_range(path, "n_kv_heads", kv_heads, 1 << 10);
    config.own_classifier = vocabulary < 0;
    const std::int64_t words = config.own_classifier ? -std::int64_t{vocabulary} : vocabulary;
    if (words < 2 || words > 1 << 20)
        refuse(path, "vocab_size is " + std::to_string(vocabulary) + ", expected 2 to 1048576, or that negative");
    config.vocabulary = static_cast<std::size_t>(words);
    config.positions_max = in_range(path, "seq_len", positions_max, 1 << 20);
    if (config.dim % config.heads != 0 || config.head_size() % 2 != 0)
        refuse(path,
               "dim " + std::to_string(dim) + " is not n_heads " + std::to_string(heads) + " times an even number");
    if (config.heads % config.kv_heads != 0)
        refuse(path, "n_heads " + std::to_string(heads) + " is no multiple of n_kv_heads " + std::to_string(kv_heads));
    return config;
}

void read_into(std::ifstream &file, const std::string &path, std::span<std::byte> out) {
    const auto bytes = static_cast<std::streamsize>(out.size());
    if (!file.read(reinterpret_cast<char *>(out.data()), bytes))
        refuse(path, "reading failed");
}

} // namespace

Model::Model(const ModelConfig &config, std::vector<float> storage, std::string origin)
    : config_(config), storage_(std::move(storage)), weights_(carve(config_, storage_)), origin_(std::move(origin)) {}

Model Model::from_seed(std::uint64_t seed) {
    const ModelConfig config{.dim = 320,
                             .hidden_dim = 864,
                             .layers = 6,
                             .heads = 10,
                             .kv_heads = 5,
                             .vocabulary = 4096,
                             .positions_max = 4096,
                             .own_classifier = true};
    std::vector<float> storage(floats_of(config), 1.0F); // the norms stay 1
    std::uint64_t state = seed;
    std::size_t begin = 0;
    for (const Tensor &tensor : tensors_of(config)) {
        if (tensor.columns != 0)
            fill(std::span(storage).subspan(begin, tensor.floats), tensor.columns, state);
        begin += tensor.floats;
    }
    return Model(config, std::move(storage), "weights from seed " + std::to_string(seed));
}

Model Model::load(const std::string &path) {
    std::error_code error;
    const std::uintmax_t file_bytes = std::filesystem::file_size(path, error);
    if (error)
        refuse(path, error.message());
    std::ifstream file(path, std::ios::binary);
    if (!file)
        refuse(path, "it cannot be opened for reading");
    Header header{};
    if (file_bytes < sizeof header)
        refuse(path, "it has " + std::to_string(file_bytes) + " bytes; the header alone takes 28");
    read_into(file, path, std::as_writable_bytes(std::span(header)));
    const ModelConfig config = config_of(path, header);

    // Before memory is taken for what the header claims.
    const std::uintmax_t expected_bytes = sizeof header + floats_of(config) * sizeof(float);
    if (file_bytes != expected_bytes)
        refuse(path, "it has " + std::to_string(file_bytes) + " bytes; its header asks for " +
                         std::to_string(expected_bytes) + " (is it the legacy format, with the rotary tables?)");
    std::vector<float> storage(floats_of(config));
    read_into(file, path, std::as_writable_bytes(std::span(storage)));
    for (std::size_t i = 0; i < storage.size(); ++i)
        if (!std::isfinite(storage[i]))
            refuse(path, "weight " + std::to_string(i) + " is not a finite number");
    return Model(config, std::move(storage), path);
}

} // namespace prefix_reuse
