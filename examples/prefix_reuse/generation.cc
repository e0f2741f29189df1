#include "generation.h"

#include "transformer.h"

#include <algorithm>
#include <cassert>

namespace prefix_reuse {
namespace {

std::span<const float> step(Transformer &transformer, std::uint32_t token, std::size_t position, PagedKv &kv) {
    if (position / kv.shape().tokens == kv.blocks())
        kv.append_own();
    return transformer.forward(token, position, kv);
}

std::uint32_t most_likely(std::span<const float> logits) {
    return static_cast<std::uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

} // namespace

Generation generate(const Model &model, std::span<const std::uint32_t> prompt, PagedKv &kv, std::size_t count,
                    std::size_t logits_from, Clock::time_point start) {
    const std::size_t cached = kv.blocks() * kv.shape().tokens;
    const std::size_t positions = prompt.size() + count - 1; // the last token that is generated is not read
    assert(count > 0 && cached < prompt.size() && cached <= logits_from && logits_from < prompt.size());
    assert(positions <= model.config().positions_max);

    Generation result;
    const std::size_t vocabulary = model.config().vocabulary;
    result.logits.resize((positions - logits_from) * vocabulary);
    const auto logits_of = [&](std::size_t position) {
        return std::span(result.logits).subspan((position - logits_from) * vocabulary, vocabulary);
    };

    // Like any engine this asks for logits only where a token is generated; the others come after the clock.
    std::vector<std::vector<float>> hidden;
    Transformer transformer(model);
    for (std::size_t position = cached; position < positions; ++position) {
        const bool generated = position >= prompt.size();
        const std::uint32_t token = generated ? result.tokens[position - prompt.size()] : prompt[position];
        const std::span<const float> state = step(transformer, token, position, kv);
        if (position + 1 >= prompt.size()) {
            transformer.logits(state, logits_of(position));
            result.tokens.push_back(most_likely(logits_of(position)));
        } else if (position >= logits_from) {
            hidden.emplace_back(state.begin(), state.end());
        }
        if (position + 1 == prompt.size())
            result.first_token_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    }
    for (std::size_t i = 0; i < hidden.size(); ++i)
        transformer.logits(hidden[i], logits_of(logits_from + i));
    return result;
}

} // namespace prefix_reuse
