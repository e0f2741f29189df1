// The forward pass of a llama-type transformer on one core: RMSNorm, rotary embedding of interleaved pairs,
// grouped-query attention over paged keys and values, SwiGLU.
//
// One token at a time and each sum in one fixed order: what is computed for a position depends on the tokens up to
// it and on nothing else, not on how many of them were in the cache. Hence the same bits with and without it.
#pragma once

#include "model.h"
#include "paged_kv.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace prefix_reuse {

class Transformer {
public:
    explicit Transformer(const Model &model); // which must outlive this object

    // Runs `token` at `position`, whose block is in kv and is not a view, after all positions before it. Fills
    // that row of kv and returns the hidden state, valid until the next call.
    std::span<const float> forward(std::uint32_t token, std::size_t position, PagedKv &kv);

    // One number for each token of the vocabulary: how likely it comes next after that hidden state.
    void logits(std::span<const float> hidden, std::span<float> out) const;

private:
    void set_angles(std::size_t position);
    void rotate(std::span<float> heads) const;
    void attention(std::size_t layer, std::size_t position, PagedKv &kv);
    void attend(std::size_t layer, std::size_t position, const PagedKv &kv);
    void feed_forward(std::size_t layer);

    const ModelConfig &config_;
    const Weights &weights_;
    std::vector<float> frequencies_; // of each pair of a head
    std::vector<float> cosines_, sines_;
    std::vector<float> hidden_, normed_, query_, attended_, projected_, gate_, up_, scores_;
};

} // namespace prefix_reuse
