// What the program prints.
#pragma once

#include "generation.h"
#include "model.h"
#include "paged_kv.h"
#include "prefill_process.h"

#include <cstddef>

namespace prefix_reuse {

struct CachedRun {
    std::size_t blocks_shared;
    Generation generation;
};

void print_model(const Model &model, const BlockShape &shape);
void print_prefill(const PrefillReport &report);

// Both generations keep the logits of the same positions. Returns whether blocks were shared and all is equal.
bool print_comparison(const Model &model, const BlockShape &shape, std::size_t prompt_tokens,
                      const CachedRun &with_cache, const Generation &without_cache);

} // namespace prefix_reuse
