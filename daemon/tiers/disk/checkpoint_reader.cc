#include "daemon/tiers/disk/checkpoint_reader.h"

#include "daemon/tiers/disk/whole_io.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace uakv::disk {
namespace {

// Items may be longer than we know them; they need not lie where a struct may.
template <typename Item> Item item_at(const PageBuffer &buffer, std::uint32_t number) {
    const auto &head = buffer.at<CheckpointChunk>(0);
    Item item;
    std::memcpy(&item, buffer.bytes().data() + sizeof head + std::size_t{number} * head.item_bytes, sizeof item);
    return item;
}

} // namespace

std::uint64_t CheckpointReader::chunks() const {
    return ((header_.pages - 1) * page_bytes + chunk_bytes - 1) / chunk_bytes;
}

void CheckpointReader::start() {
    next_sequence_ = header_.next_sequence;
    merge_.reserve(std::min(header_.blocks, chunks() * blocks_per_chunk));
    for (Chunk &chunk : chunks_) {
        if (next_ < chunks()) {
            chunk.buffer = PageBuffer(chunk_bytes);
            if (chunk.buffer.empty()) {
                problem_ = "there is no memory to read it";
                return;
            }
            read_next(chunk);
        }
    }
}

void CheckpointReader::read_next(Chunk &chunk) {
    if (next_ == chunks() || !problem_.empty()) {
        return;
    }
    chunk.place = next_++;
    const std::uint64_t offset = page_bytes + chunk.place * chunk_bytes;
    const std::uint64_t wanted = std::min(chunk_bytes, header_.pages * page_bytes - offset);
    ++under_way_;
    read_whole(io_, {BlockDevice::FileKind::checkpoint, header_.number}, offset, chunk.buffer.first(wanted),
               [this, &chunk, wanted](int error, std::uint64_t bytes) { arrived(chunk, error, bytes, wanted); });
}

void CheckpointReader::arrived(Chunk &chunk, int error, std::uint64_t bytes, std::uint64_t wanted) {
    if (error != 0 || bytes < wanted) {
        problem_ = error != 0 ? fmt::format("cannot be read: {}", std::strerror(error)) : "is shorter than it says";
        --under_way_;
        return;
    }
    workers_.run({[&chunk, bytes, number = header_.number] {
                      chunk.flaw = check(chunk.buffer.at<CheckpointChunk>(0), bytes, number, chunk.place);
                  },
                  [this, &chunk] { checked(chunk); }});
}

void CheckpointReader::checked(Chunk &chunk) {
    --under_way_;
    if (chunk.flaw != Flaw::none) {
        problem_ = fmt::format("has a part {} that {}", chunk.place, text_of(chunk.flaw));
        return;
    }
    switch (chunk.buffer.at<CheckpointChunk>(0).kind) {
    case ChunkKind::spaces:
        take_spaces(chunk);
        break;
    case ChunkKind::blocks:
        take_blocks(chunk);
        break;
    }
    read_next(chunk);
}

void CheckpointReader::take_spaces(const Chunk &chunk) {
    const std::uint32_t count = chunk.buffer.at<CheckpointChunk>(0).count;
    spaces_ += count;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto space = item_at<CheckpointSpace>(chunk.buffer, i);
        if (space.number <= number_max && space.sequence <= sequence_max && space_holds(space.description)) {
            merge_.add_space(space.number, space.description, space.sequence);
            next_space_ = std::max(next_space_, space.number + 1);
            next_sequence_ = std::max(next_sequence_, space.sequence + 1);
        }
    }
}

void CheckpointReader::take_blocks(const Chunk &chunk) {
    const std::uint32_t count = chunk.buffer.at<CheckpointChunk>(0).count;
    blocks_ += count;
    auto file = files_.end(); // blocks of one file often follow each other
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto block = item_at<CheckpointBlock>(chunk.buffer, i);
        if (block.file_number < number_max) {
            next_file_ = std::max(next_file_, block.file_number + 1);
        }
        if (file == files_.end() || file->first != block.file_number) {
            file = files_.find(block.file_number);
            if (file == files_.end()) {
                continue;
            }
        }
        if (block.sequence < file->second.first_sequence) {
            continue; // its file is gone, and another has the number
        }
        if (!block_holds(block, file->second.bytes / page_bytes)) {
            ++outside_;
            continue;
        }
        merge_.add(block.record, block.sequence, block.file_number);
        next_space_ = std::max(next_space_, block.record.space + 1);
        next_sequence_ = std::max(next_sequence_, block.sequence + 1);
    }
}

std::string CheckpointReader::problem() const {
    if (problem_.empty() && (blocks_ != header_.blocks || spaces_ != header_.spaces)) {
        return fmt::format("holds {} blocks and {} spaces, and says {} and {}", blocks_, spaces_, header_.blocks,
                           header_.spaces);
    }
    return problem_;
}

} // namespace uakv::disk
