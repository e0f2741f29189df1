#include "daemon/tiers/disk/blocks.h"

#include <algorithm>

namespace uakv::disk {
namespace {

constexpr std::uint64_t sweep_whole_ns = 60 * ns_per_s; // all blocks in this time
constexpr std::uint64_t sweep_pause_ns_max = 5 * ns_per_s;
constexpr std::uint64_t sweep_pause_ns_min = 10 * ns_per_ms;
constexpr BlockNumber sweep_blocks_max = 1000; // of one turn

} // namespace

bool Blocks::cleared(SpaceNumber space, std::uint64_t sequence) const {
    if (clears_.empty()) {
        return false;
    }
    const auto clear = clears_.find(space);
    return clear != clears_.end() && sequence < clear->second.until;
}

bool Blocks::counts(const CatalogBlock &block) const {
    return block.live && block.expires_ms > engine_.now.wall_ms && !cleared(block.space, block.sequence);
}

std::optional<BlockNumber> Blocks::find(SpaceNumber space, const uakv_key &key) const {
    const auto number = catalog_.find(space, key);
    return number && counts(catalog_.block(*number)) ? number : std::nullopt;
}

void Blocks::put(const CatalogBlock &block) {
    const auto before = catalog_.find(block.space, block.key);
    if (before && *before == cursor_ && catalog_.block(*before).file == walked_file_) {
        cursor_ = catalog_.block(*before).previous_in_file;
    }
    catalog_.put(block);
}

void Blocks::leave(BlockNumber number) {
    if (number == cursor_ && catalog_.block(number).file == walked_file_) {
        cursor_ = catalog_.block(number).previous_in_file;
    }
    catalog_.erase(number);
}

void Blocks::drop(BlockNumber number) {
    const CatalogBlock &block = catalog_.block(number);
    engine_.tell_dropped(block.space, block.key);
    leave(number);
}

std::optional<BlockNumber> Blocks::walk() {
    const BlockNumber next =
        cursor_ == none ? catalog_.use_of(walked_file_).first : catalog_.block(cursor_).next_in_file;
    return next == none ? std::nullopt : std::optional(next);
}

void Blocks::note_remains(FileNumber file, SpaceNumber space, const uakv_key &key) {
    const auto names = remains_.try_emplace(file, Names(0, BlockNameHash{engine_.seed})).first;
    names->second.insert({space, key});
}

bool Blocks::has_remains(SpaceNumber space, const uakv_key &key) const {
    return std::ranges::any_of(remains_, [&](const auto &file) { return file.second.contains({space, key}); });
}

void Blocks::clear(SpaceNumber space, std::uint64_t until) {
    Clear &clear = clears_[space];
    clear.until = until;
    clear.passes = swept_ == 0 ? 1 : 2; // the one that has begun did not see all
}

bool Blocks::sweeping() const {
    return std::ranges::any_of(clears_, [](const auto &clear) { return clear.second.passes > 0; });
}

void Blocks::sweep(std::uint64_t oldest_under_way) {
    if (!sweeping() && engine_.now.now_ns < next_sweep_ns_) {
        return;
    }
    const std::uint64_t steps = catalog_.numbers() / sweep_blocks_max + 1;
    next_sweep_ns_ = engine_.now.now_ns + std::clamp(sweep_whole_ns / steps, sweep_pause_ns_min, sweep_pause_ns_max);
    const BlockNumber end = std::min(swept_ + sweep_blocks_max, catalog_.numbers());
    for (; swept_ < end; ++swept_) {
        const CatalogBlock &block = catalog_.block(swept_);
        if (!block.live) {
            continue;
        }
        if (cleared(block.space, block.sequence)) {
            leave(swept_);
        } else if (block.expires_ms <= engine_.now.wall_ms) {
            ++engine_.counts.expired;
            drop(swept_);
        }
    }
    if (swept_ >= catalog_.numbers()) {
        end_pass(oldest_under_way);
    }
}

void Blocks::end_pass(std::uint64_t oldest_under_way) {
    swept_ = 0;
    for (auto clear = clears_.begin(); clear != clears_.end();) {
        clear->second.passes -= clear->second.passes > 0 ? 1U : 0U;
        // A write that is under way since before the clearing still has to find it.
        const bool over = clear->second.passes == 0 && oldest_under_way >= clear->second.until;
        clear = over ? clears_.erase(clear) : std::next(clear);
    }
}

} // namespace uakv::disk
