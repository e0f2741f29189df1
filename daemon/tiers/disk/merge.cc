#include "daemon/tiers/disk/merge.h"

#include "daemon/tiers/disk/records.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <tuple>
#include <utility>

namespace uakv::disk {
namespace {

// The same record may be found twice: in a checkpoint and in the log. Which of two stays does not depend on the order.
bool newer(const CatalogBlock &block, const CatalogBlock &than) {
    return std::tie(block.sequence, block.file, block.page) > std::tie(than.sequence, than.file, than.page);
}

} // namespace

bool Merge::Kill::operator==(const Kill &other) const {
    return space == other.space && std::memcmp(&key, &other.key, sizeof key) == 0;
}

void Merge::add(const RecordDescriptor &record, std::uint64_t sequence, FileNumber file) {
    switch (static_cast<RecordKind>(record.kind)) {
    case RecordKind::block:
        add_block(block_of(record, sequence, file), record.layout);
        return;
    case RecordKind::tombstone:
        add_tombstone(record);
        return;
    case RecordKind::clear: {
        Space &space = spaces_[record.space];
        space.until_sequence = std::max(space.until_sequence, record.until_sequence);
        space.clear_sequence = std::max(space.clear_sequence, sequence);
        return;
    }
    case RecordKind::space:
        return; // its payload has to be read first
    }
}

void Merge::add_space(SpaceNumber number, const SpaceDescription &description, std::uint64_t sequence) {
    Space &space = spaces_[number];
    if (!space.description || sequence > space.description_sequence) {
        space.description = description;
        space.description_sequence = sequence;
    }
}

bool Merge::killed(SpaceNumber space, const uakv_key &key, std::uint64_t sequence) const {
    const auto cleared = spaces_.find(space);
    if (cleared != spaces_.end() && sequence < cleared->second.until_sequence) {
        return true;
    }
    if (tombstones_.empty()) {
        return false;
    }
    const auto found = tombstones_.find({space, key});
    return found != tombstones_.end() && sequence < found->second;
}

bool Merge::would_count(const RecordDescriptor &record, std::uint64_t sequence) const {
    const auto known = catalog_.find(record.space, record.key);
    return !killed(record.space, record.key, sequence) && (!known || catalog_.block(*known).sequence < sequence);
}

void Merge::add_block(const CatalogBlock &block, std::uint64_t layout) {
    if (killed(block.space, block.key, block.sequence)) {
        return;
    }
    Space &space = spaces_[block.space];
    if (!space.layout) {
        space.layout = layout;
        catalog_.put_space(block.space, {}, 0);
    }
    if (layout == *space.layout) {
        put_newer(block);
    } else {
        space.waiting.push_back({block, layout});
    }
}

void Merge::put_newer(const CatalogBlock &block) {
    const auto known = catalog_.find(block.space, block.key);
    if (!known || newer(block, catalog_.block(*known))) {
        catalog_.put(block);
    }
}

void Merge::add_tombstone(const RecordDescriptor &record) {
    std::uint64_t &until = tombstones_[{record.space, record.key}];
    until = std::max(until, record.until_sequence);
    const auto known = catalog_.find(record.space, record.key);
    if (known && catalog_.block(*known).sequence < until) {
        catalog_.erase(*known);
    }
}

Catalog Merge::finish(std::vector<std::string> &remarks) {
    // Clears may have come behind what they clear, and so may the records of spaces.
    std::unordered_map<SpaceNumber, bool> left_out;
    for (auto &[number, space] : spaces_) {
        left_out[number] = !space.description || (space.layout && *space.layout != layout_of(*space.description));
    }
    for (BlockNumber i = 0; i < catalog_.numbers(); ++i) {
        const CatalogBlock &block = catalog_.block(i);
        if (block.live && (left_out[block.space] || block.sequence < spaces_[block.space].until_sequence)) {
            catalog_.erase(i);
        }
    }
    finish_spaces(remarks);
    return std::move(catalog_);
}

void Merge::finish_spaces(std::vector<std::string> &remarks) {
    for (auto &[number, space] : spaces_) {
        if (!space.description) {
            if (space.layout) {
                remarks.push_back(fmt::format("the record of space {} is lost: its blocks are left out", number));
                catalog_.erase_space(number);
            }
            continue;
        }
        const std::uint64_t layout = layout_of(*space.description);
        catalog_.put_space(number, *space.description, std::max(space.description_sequence, space.clear_sequence));
        if (space.layout && (*space.layout != layout || !space.waiting.empty())) {
            remarks.push_back(
                fmt::format("space {} has blocks that were written for another space: they are left out", number));
        }
        for (const Waiting &one : space.waiting) {
            if (one.layout == layout && !killed(number, one.block.key, one.block.sequence)) {
                put_newer(one.block);
            }
        }
    }
}

} // namespace uakv::disk
