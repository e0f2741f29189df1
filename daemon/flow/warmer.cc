#include "daemon/flow/warmer.h"

namespace uakv::flow {
namespace {

constexpr std::size_t hints_max = 16384;
constexpr std::uint32_t blocks_per_turn = 4096;

} // namespace

void Warmer::hint(const BlockKey &block) {
    if (hints_.size() < hints_max) {
        hints_.push_back(block);
        ++context_.statistics.prefetches;
    }
}

void Warmer::warm(std::optional<SpaceId> space, std::uint64_t count) {
    of_one_space_ = space.has_value();
    space_ = space ? context_.spaces.number_of(*space) : std::nullopt;
    wanted_ = of_one_space_ && !space_ ? 0 : count;
    cursor_ = 0;
    best_ = {};
    chosen_.clear();
}

bool Warmer::turn() {
    while (!hints_.empty() && fetches_.prefetch(hints_.front(), false)) {
        hints_.pop_front();
    }
    if (wanted_ != 0) {
        choose();
        return true;
    }
    while (!chosen_.empty() && hints_.empty()) {
        if (!fetches_.prefetch(chosen_.back(), true)) {
            if (!fetches_.any() && !context_.store.memory_is_coming()) {
                chosen_.clear(); // there is no room for more
            }
            break;
        }
        chosen_.pop_back();
    }
    return false;
}

// Goes through a part of the catalog.
void Warmer::choose() {
    const disk::Catalog &catalog = context_.disk.catalog();
    for (std::uint32_t step = 0; cursor_ < catalog.numbers(); ++step, ++cursor_) {
        if (step == blocks_per_turn) {
            return;
        }
        const disk::CatalogBlock &block = catalog.block(cursor_);
        if (!block.live || (of_one_space_ && block.space != space_)) {
            continue;
        }
        best_.emplace(block.uses, cursor_);
        if (best_.size() > wanted_) {
            best_.pop();
        }
    }
    std::vector<BlockKey> chosen;
    for (; !best_.empty(); best_.pop()) { // numbers may be others' by now: what is loaded then is a block, too
        const disk::CatalogBlock &block = catalog.block(best_.top().second);
        if (const auto space = block.live ? context_.spaces.space_of(block.space) : std::nullopt) {
            chosen.push_back({*space, block.key});
        }
    }
    chosen_ = std::move(chosen);
    wanted_ = 0;
}

} // namespace uakv::flow
