#include "daemon/tiers/disk/checkpoint.h"

#include "daemon/tiers/disk/records.h"
#include "daemon/tiers/disk/whole_io.h"
#include "ipc/assertion.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace uakv::disk {
namespace {

// Looked at in a step, whether they live or not; those that a chunk holds take about half a millisecond.
constexpr BlockNumber numbers_per_step = 2 * blocks_per_chunk;

constexpr std::uint64_t chunks_for(std::uint64_t items, std::uint64_t per_chunk) {
    return (items + per_chunk - 1) / per_chunk;
}

} // namespace

std::uint64_t Checkpointer::bytes_wanted() const {
    const std::uint64_t chunks =
        chunks_for(catalog_.spaces().size(), spaces_per_chunk) + chunks_for(catalog_.numbers(), blocks_per_chunk);
    return page_bytes + chunks * chunk_bytes;
}

void Checkpointer::begin(const Plan &plan, std::function<void(std::function<void(int)>)> sync_log,
                         std::function<void(int)> finished) {
    UAKV_ASSERT(!running());
    stage_ = Stage::creating;
    plan_ = plan;
    sync_log_ = std::move(sync_log);
    finished_ = std::move(finished);
    numbers_ = catalog_.numbers();
    copy_spaces();
    next_space_ = 0;
    next_block_ = 0;
    open_ = nullptr;
    place_ = 0;
    pages_ = 1;
    blocks_ = 0;
    error_ = 0;
    left_file_ = false;
    io_.create(name(), bytes_wanted(), [this](const IoQueue::Done &done) {
        if (done.error != 0) {
            end(done.error);
            return;
        }
        stage_ = Stage::copying;
        header_ = PageBuffer(page_bytes);
        for (Chunk &chunk : chunks_) {
            chunk = {PageBuffer(chunk_bytes), false};
            error_ = chunk.buffer.empty() || header_.empty() ? ENOMEM : error_;
        }
    });
}

void Checkpointer::copy_spaces() {
    spaces_.clear();
    layouts_.clear();
    for (const auto &[number, space] : catalog_.spaces()) {
        spaces_.push_back({number, 0, space.sequence, space.description});
        layouts_[number] = layout_of(space.description);
    }
}

// ---- copying ------------------------------------------------------------------------------------------------

void Checkpointer::step() {
    if (stage_ != Stage::copying || error_ != 0) {
        if (stage_ == Stage::copying && writes_under_way_ == 0) {
            fail(error_);
        }
        return;
    }
    BlockNumber looked_at = 0;
    while (next_space_ < spaces_.size() || next_block_ < numbers_) {
        const bool of_spaces = next_space_ < spaces_.size();
        if (open_ == nullptr) {
            Chunk *chunk = free_chunk();
            if (chunk == nullptr || looked_at > 0) {
                return; // one chunk in a step
            }
            open_chunk(*chunk, of_spaces ? ChunkKind::spaces : ChunkKind::blocks);
        }
        auto &head = open_->buffer.at<CheckpointChunk>(0);
        const std::size_t at = sizeof head + head.count * std::size_t{head.item_bytes};
        if (of_spaces) {
            open_->buffer.at<CheckpointSpace>(at) = spaces_[next_space_++];
            ++head.count;
        } else {
            const CatalogBlock &block = catalog_.block(next_block_++);
            const auto layout = block.live ? layouts_.find(block.space) : layouts_.end();
            if (layout != layouts_.end()) {
                open_->buffer.at<CheckpointBlock>(at) = {record_of(block, layout->second), block.sequence, block.file,
                                                         0};
                ++head.count;
                ++blocks_;
            }
        }
        const bool full = of_spaces ? head.count == spaces_per_chunk || next_space_ == spaces_.size()
                                    : head.count == blocks_per_chunk || next_block_ == numbers_;
        if (full) {
            write_chunk();
        }
        if (++looked_at == numbers_per_step) {
            return;
        }
    }
    if (writes_under_way_ == 0) {
        stage_ = Stage::ending;
        sync_all();
    }
}

Checkpointer::Chunk *Checkpointer::free_chunk() {
    const auto found = std::find_if(chunks_.begin(), chunks_.end(), [](const Chunk &chunk) { return !chunk.writing; });
    return found == chunks_.end() ? nullptr : &*found;
}

void Checkpointer::open_chunk(Chunk &chunk, ChunkKind kind) {
    open_ = &chunk;
    auto &head = chunk.buffer.at<CheckpointChunk>(0);
    head = {};
    head.magic = chunk_magic;
    head.checkpoint = plan_.number;
    head.place = place_;
    head.kind = kind;
    head.item_bytes = static_cast<std::uint32_t>(item_bytes_of(kind));
}

void Checkpointer::write_chunk() {
    Chunk &chunk = *std::exchange(open_, nullptr);
    auto &head = chunk.buffer.at<CheckpointChunk>(0);
    if (head.count == 0) {
        return; // none of the last blocks lives
    }
    seal(head);
    const std::size_t used = sizeof head + head.count * std::size_t{head.item_bytes};
    const std::span<std::byte> pages = chunk.buffer.first(pages_of(used) * page_bytes);
    std::ranges::fill(pages.subspan(used), std::byte{0});
    const std::uint64_t offset = page_bytes + place_ * chunk_bytes;
    pages_ = pages_of(offset + used);
    ++place_;
    chunk.writing = true;
    ++writes_under_way_;
    write_whole(io_, name(), offset, pages,
                [this, &chunk](int error, std::uint64_t /*bytes*/) { chunk_written(chunk, error); });
}

void Checkpointer::chunk_written(Chunk &chunk, int error) {
    chunk.writing = false;
    --writes_under_way_;
    error_ = error != 0 ? error : error_;
}

// ---- the end ------------------------------------------------------------------------------------------------

void Checkpointer::sync_all() {
    sync_log_([this](int error) {
        if (error != 0) {
            fail(error);
            return;
        }
        io_.sync(name(), [this](const IoQueue::Done &done) {
            if (done.error != 0) {
                fail(done.error);
            } else {
                write_header();
            }
        });
    });
}

void Checkpointer::write_header() {
    auto &header = header_.at<CheckpointHeader>(0);
    header = {};
    header.magic = checkpoint_magic;
    header.major = format_major;
    header.minor = format_minor;
    header.number = plan_.number;
    header.pages = pages_;
    header.blocks = blocks_;
    header.spaces = spaces_.size();
    header.next_sequence = plan_.next_sequence;
    header.replay_file = plan_.replay.file;
    header.replay_page = plan_.replay.page;
    header.created_ms = plan_.wall_ms;
    header.store = store_;
    seal(header);
    write_whole(io_, name(), 0, header_.bytes(), [this](int error, std::uint64_t /*bytes*/) {
        if (error != 0) {
            fail(error);
            return;
        }
        io_.sync(name(), [this](const IoQueue::Done &done) {
            if (done.error != 0) {
                fail(done.error);
            } else {
                end(0);
            }
        });
    });
}

void Checkpointer::fail(int error) {
    stage_ = Stage::ending;
    io_.remove(name(), [this, error](const IoQueue::Done &done) {
        left_file_ = done.error != 0;
        end(error);
    });
}

void Checkpointer::end(int error) {
    stage_ = Stage::idle;
    for (Chunk &chunk : chunks_) {
        chunk = {};
    }
    header_ = {};
    sync_log_ = nullptr;
    const auto finished = std::exchange(finished_, nullptr);
    finished(error); // may begin the next one
}

} // namespace uakv::disk
