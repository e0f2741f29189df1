// The weights of a llama-type transformer: read from a checkpoint in the legacy format of llama2.c, or drawn from
// a fixed seed in the same layout.
//
// A checkpoint is little-endian: a header of seven int32 (dim, hidden_dim, n_layers, n_heads, n_kv_heads,
// vocab_size, seq_len; a negative vocab_size says that the classifier has weights of its own), and then float32
// tensors, each [layer][row][column], in the order of `Weights`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace prefix_reuse {

struct ModelConfig {
    std::size_t dim;
    std::size_t hidden_dim; // of the feed-forward network
    std::size_t layers;
    std::size_t heads;
    std::size_t kv_heads;
    std::size_t vocabulary;
    std::size_t positions_max;
    bool own_classifier; // or that of the token embedding

    std::size_t head_size() const { return dim / heads; }
    std::size_t kv_dim() const { return kv_heads * head_size(); }
};

struct Weights {
    const float *token_embedding; // [vocabulary][dim]
    const float *attention_norm;  // [layers][dim]
    const float *query;           // [layers][dim][dim]
    const float *key;             // [layers][kv_dim][dim]
    const float *value;           // [layers][kv_dim][dim]
    const float *attention_out;   // [layers][dim][dim]
    const float *ffn_norm;        // [layers][dim]
    const float *gate;            // [layers][hidden_dim][dim], w1 in llama2.c
    const float *down;            // [layers][dim][hidden_dim], w2
    const float *up;              // [layers][hidden_dim][dim], w3
    const float *final_norm;      // [dim]
    const float *rotary;          // [2][positions_max][head_size / 2], not used: the angles are computed
    const float *classifier;      // [vocabulary][dim]
};

class Model {
public:
    // Throws std::runtime_error with a sentence that names the file and what is wrong with it.
    static Model load(const std::string &path);
    static Model from_seed(std::uint64_t seed);

    ~Model() = default;
    Model(Model &&) = default;
    Model(const Model &) = delete; // the weights point into the storage
    Model &operator=(const Model &) = delete;
    Model &operator=(Model &&) = delete;

    const ModelConfig &config() const { return config_; }
    const Weights &weights() const { return weights_; }
    std::span<const float> all_weights() const { return storage_; }
    const std::string &origin() const { return origin_; }

private:
    Model(const ModelConfig &config, std::vector<float> storage, std::string origin);

    ModelConfig config_;
    std::vector<float> storage_;
    Weights weights_; // into storage_, whose memory stays where it is when the model is moved
    std::string origin_;
};

} // namespace prefix_reuse
