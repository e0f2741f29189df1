#include "disk/reference.h"

#include <algorithm>

namespace uakv::test {

using namespace uakv::disk;

bool Damages::hit(std::uint32_t file, std::uint32_t page, std::size_t bytes) const {
    for (auto wrong = pages.lower_bound({file, page}); wrong != pages.end() && wrong->first.first == file; ++wrong) {
        const std::size_t offset = (wrong->first.second - page) * page_bytes;
        if (offset >= bytes) {
            return false;
        }
        if (offset + wrong->second < bytes) {
            return true;
        }
    }
    return false;
}

bool Damages::cut(std::uint32_t file, std::uint32_t end) const {
    const auto left = pages_left.find(file);
    return left != pages_left.end() && end > left->second;
}

Damages damages_of(const SimImage &before, const SimImage &after) {
    Damages damages;
    for (const auto &[name, file] : after.files) {
        const SimImage::File &was = before.files.at(name);
        if (file.bytes != was.bytes) {
            damages.pages_left[name.number] = static_cast<std::uint32_t>(file.bytes / page_bytes);
        }
        for (std::uint32_t page = 0; page < file.pages.size(); ++page) {
            const SimPage &a = bytes_of(was.pages[page]);
            const SimPage &b = bytes_of(file.pages[page]);
            const auto wrong = std::mismatch(a.begin(), a.end(), b.begin()).first;
            if (wrong != a.end()) {
                damages.pages[{name.number, page}] = static_cast<std::size_t>(wrong - a.begin());
            }
        }
    }
    return damages;
}

namespace {

struct Candidate {
    WrittenRecord record;
    bool in_checkpoint = false; // so it was durable
};

struct Surviving {
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> tombstones;
    std::map<std::uint32_t, std::uint64_t> clears;
    std::vector<Candidate> blocks;
    std::set<std::uint32_t> spaces;
    std::uint64_t durable = 0;

    bool killed(const WrittenRecord &record) const {
        const auto tombstone = tombstones.find({record.space, record.number});
        const auto clear = clears.find(record.space);
        return (tombstone != tombstones.end() && record.sequence < tombstone->second) ||
               (clear != clears.end() && record.sequence < clear->second);
    }
    bool certain(const Candidate &block) const { return block.in_checkpoint || block.record.sequence < durable; }

    void take(const WrittenRecord &record, const Damages &damages) {
        if (record.kind == RecordKind::block) {
            blocks.push_back({record});
        } else if (record.kind == RecordKind::tombstone) {
            auto &until = tombstones[{record.space, record.number}];
            until = std::max(until, record.until_sequence);
        } else if (record.kind == RecordKind::clear) {
            clears[record.space] = std::max(clears[record.space], record.until_sequence);
        } else if (!damages.hit(record.file, record.page, record.bytes)) {
            spaces.insert(record.space);
        }
    }
};

} // namespace

Expected expected_of(const std::vector<WrittenBatch> &batches, const Damages &damages, const Expected *checkpoint,
                     std::uint32_t replay_file) {
    Surviving left;
    if (checkpoint != nullptr) {
        left.spaces = checkpoint->spaces;
        for (const auto &[name, record] : checkpoint->blocks) {
            const auto pages = static_cast<std::uint32_t>(pages_of(record.bytes));
            if (!damages.cut(record.file, record.page + pages)) {
                left.blocks.push_back({record, true});
            }
        }
    }
    for (const WrittenBatch &batch : batches) {
        if (batch.file >= replay_file && !damages.hit(batch.file, batch.page, page_bytes) &&
            !damages.cut(batch.file, batch.end)) {
            left.durable = std::max(left.durable, batch.durable_sequence);
            for (const WrittenRecord &record : batch.records) {
                left.take(record, damages);
            }
        }
    }

    Expected expected;
    expected.spaces = left.spaces;
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> newest_certain;
    for (const Candidate &block : left.blocks) {
        if (left.certain(block) && !left.killed(block.record)) {
            auto &newest = newest_certain[{block.record.space, block.record.number}];
            newest = std::max(newest, block.record.sequence);
        }
    }
    for (const Candidate &block : left.blocks) {
        const WrittenRecord &record = block.record;
        if (left.killed(record) || record.sequence < newest_certain[{record.space, record.number}]) {
            continue;
        }
        if (!left.certain(block) && damages.hit(record.file, record.page, record.bytes)) {
            ++expected.torn;
            continue;
        }
        WrittenRecord &counts = expected.blocks[{record.space, record.number}];
        if (counts.sequence < record.sequence) {
            counts = record;
        }
    }
    std::erase_if(expected.blocks, [&](const auto &one) { return !expected.spaces.contains(one.first.first); });
    return expected;
}

} // namespace uakv::test
