#include "transformer.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace prefix_reuse {
namespace {

// Eight sums side by side, which the compiler may keep in vector registers without changing the order.
float dot(const float *a, const float *b, std::size_t n) {
    constexpr std::size_t lanes = 8;
    float sums[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane)
            sums[lane] += a[i + lane] * b[i + lane];
    float sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (; i < n; ++i)
        sum += a[i] * b[i];
    return sum;
}

// out = matrix x, with as many rows as out has numbers.
void multiply(const float *matrix, std::span<const float> x, std::span<float> out) {
    for (std::size_t row = 0; row < out.size(); ++row)
        out[row] = dot(matrix + row * x.size(), x.data(), x.size());
}

void rms_norm(std::span<const float> x, const float *weight, std::span<float> out) {
    const float mean_square = dot(x.data(), x.data(), x.size()) / static_cast<float>(x.size());
    const float scale = 1.0F / std::sqrt(mean_square + 1e-5F);
    for (std::size_t i = 0; i < x.size(); ++i)
        out[i] = weight[i] * (scale * x[i]);
}

void add(std::span<float> x, std::span<const float> y) {
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] += y[i];
}

void softmax(std::span<float> x) {
    const float largest = *std::max_element(x.begin(), x.end());
    float sum = 0.0F;
    for (float &value : x) {
        value = std::exp(value - largest);
        sum += value;
    }
    for (float &value : x)
        value /= sum;
}

} // namespace

Transformer::Transformer(const Model &model)
    : config_(model.config()), weights_(model.weights()), frequencies_(config_.head_size() / 2),
      cosines_(frequencies_.size()), sines_(frequencies_.size()), hidden_(config_.dim), normed_(config_.dim),
      query_(config_.dim), attended_(config_.dim), projected_(config_.dim), gate_(config_.hidden_dim),
      up_(config_.hidden_dim), scores_(config_.positions_max) {
    for (std::size_t pair = 0; pair < frequencies_.size(); ++pair) {
        const float exponent = static_cast<float>(2 * pair) / static_cast<float>(config_.head_size());
        frequencies_[pair] = 1.0F / std::pow(10000.0F, exponent);
    }
}

std::span<const float> Transformer::forward(std::uint32_t token, std::size_t position, PagedKv &kv) {
    assert(token < config_.vocabulary && position < config_.positions_max);
    std::copy_n(weights_.token_embedding + token * config_.dim, config_.dim, hidden_.begin());
    set_angles(position);
    for (std::size_t layer = 0; layer < config_.layers; ++layer) {
        attention(layer, position, kv);
        feed_forward(layer);
    }
    rms_norm(hidden_, weights_.final_norm, normed_);
    return normed_;
}

void Transformer::logits(std::span<const float> hidden, std::span<float> out) const {
    assert(hidden.size() == config_.dim && out.size() == config_.vocabulary);
    multiply(weights_.classifier, hidden, out);
}

void Transformer::set_angles(std::size_t position) {
    for (std::size_t pair = 0; pair < frequencies_.size(); ++pair) {
        const float angle = static_cast<float>(position) * frequencies_[pair];
        cosines_[pair] = std::cos(angle);
        sines_[pair] = std::sin(angle);
    }
}

void Transformer::rotate(std::span<float> heads) const {
    for (std::size_t i = 0; i < heads.size(); i += 2) {
        const std::size_t pair = (i / 2) % frequencies_.size();
        const float x = heads[i];
        const float y = heads[i + 1];
        heads[i] = x * cosines_[pair] - y * sines_[pair];
        heads[i + 1] = x * sines_[pair] + y * cosines_[pair];
    }
}

void Transformer::attention(std::size_t layer, std::size_t position, PagedKv &kv) {
    const std::size_t dim = config_.dim;
    const std::size_t kv_dim = config_.kv_dim();
    rms_norm(hidden_, weights_.attention_norm + layer * dim, normed_);
    multiply(weights_.query + layer * dim * dim, normed_, query_);
    rotate(query_);

    // Keys and values are computed where they are kept: in a slot of the cache, nobody copies them.
    const std::span<float> key(kv.row_to_fill(layer, Kv::key, position), kv_dim);
    const std::span<float> value(kv.row_to_fill(layer, Kv::value, position), kv_dim);
    multiply(weights_.key + layer * kv_dim * dim, normed_, key);
    multiply(weights_.value + layer * kv_dim * dim, normed_, value);
    rotate(key);

    attend(layer, position, kv);
    multiply(weights_.attention_out + layer * dim * dim, attended_, projected_);
    add(hidden_, projected_);
}

// Walks the blocks in place: inside one, the rows of a layer's tokens follow each other.
void Transformer::attend(std::size_t layer, std::size_t position, const PagedKv &kv) {
    const std::size_t size = config_.head_size();
    const std::size_t row = kv.shape().row();
    const std::size_t heads_per_kv_head = config_.heads / config_.kv_heads;
    const float scale = 1.0F / std::sqrt(static_cast<float>(size));
    const std::span<float> scores = std::span(scores_).first(position + 1);
    std::fill(attended_.begin(), attended_.end(), 0.0F);
    for (std::size_t head = 0; head < config_.heads; ++head) {
        const float *query = query_.data() + head * size;
        float *attended = attended_.data() + head * size;
        const std::size_t channel = head / heads_per_kv_head * size; // where the head begins in a row
        for (std::size_t first = 0; first <= position; first += kv.shape().tokens) {
            const float *keys = kv.row(layer, Kv::key, first) + channel;
            const std::size_t tokens = std::min(kv.shape().tokens, position + 1 - first);
            for (std::size_t t = 0; t < tokens; ++t)
                scores[first + t] = dot(query, keys + t * row, size) * scale;
        }
        softmax(scores);
        for (std::size_t first = 0; first <= position; first += kv.shape().tokens) {
            const float *values = kv.row(layer, Kv::value, first) + channel;
            const std::size_t tokens = std::min(kv.shape().tokens, position + 1 - first);
            for (std::size_t t = 0; t < tokens; ++t)
                for (std::size_t i = 0; i < size; ++i)
                    attended[i] += scores[first + t] * values[t * row + i];
        }
    }
}

void Transformer::feed_forward(std::size_t layer) {
    const std::size_t dim = config_.dim;
    const std::size_t hidden_dim = config_.hidden_dim;
    rms_norm(hidden_, weights_.ffn_norm + layer * dim, normed_);
    multiply(weights_.gate + layer * hidden_dim * dim, normed_, gate_);
    multiply(weights_.up + layer * hidden_dim * dim, normed_, up_);
    for (std::size_t i = 0; i < hidden_dim; ++i)
        gate_[i] *= up_[i] / (1.0F + std::exp(-gate_[i])); // SiLU(gate) * up
    multiply(weights_.down + layer * dim * hidden_dim, gate_, projected_);
    add(hidden_, projected_);
}

} // namespace prefix_reuse
