#include "daemon/store/soundness.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "ipc/clock.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace uakv {
namespace {

constexpr std::uint32_t entries_per_look = 16384;

} // namespace

bool is_sound(std::span<const std::byte> stored, const BlockDescription &block) {
    SoundnessCheck check(stored, block);
    for (std::uint64_t room = UINT64_MAX; !check.go_on(room);) {
    }
    return check.sound();
}

SoundnessCheck::SoundnessCheck(std::span<const std::byte> stored, const BlockDescription &block)
    : stored_(stored), length_(block.length), checksum_(block.checksum), is_frame_(block.stored_bytes != 0) {
    if (is_frame_) {
        const auto info = read_frame_info(stored);
        sound_ = info && info->block_bytes == block.length;
    }
}

bool SoundnessCheck::go_on(std::uint64_t &room) {
    if (sound_ && is_frame_) {
        return go_on_with_frame(room);
    }
    if (!sound_) {
        return true;
    }
    const std::uint64_t piece = std::min(room, stored_.size() - position_.in_block);
    room -= piece;
    if (piece == stored_.size()) { // the usual case, and faster
        sound_ = checksum_of(stored_.data(), stored_.size()) == checksum_;
        return true;
    }
    const auto next = stored_.subspan(position_.in_block, piece);
    position_.in_block += piece;
    return note_piece(next, position_.in_block == stored_.size());
}

bool SoundnessCheck::go_on_with_frame(std::uint64_t &room) {
    constexpr std::uint64_t piece_bytes_max = Suspects::bytes_per_look; // however much room there is
    static_assert(piece_bytes_max % frame_piece_bytes == 0);
    const std::uint64_t wanted =
        std::clamp<std::uint64_t>(room / frame_piece_bytes * frame_piece_bytes, frame_piece_bytes, piece_bytes_max);
    const std::uint64_t piece = std::min(wanted, length_ - position_.in_block);
    room -= std::min(room, piece);
    const std::unique_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[piece]);
    if (!bytes) {
        return true;
    }
    sound_ = decode_frame_piece(stored_, position_, {bytes.get(), piece});
    if (!sound_) {
        return true;
    }
    return note_piece({bytes.get(), piece}, position_.in_block == length_);
}

bool SoundnessCheck::note_piece(std::span<const std::byte> piece, bool last) {
    if (!hash_) {
        hash_.emplace();
    }
    hash_->add(piece.data(), piece.size());
    sound_ = !last || hash_->value() == checksum_;
    return last;
}

Suspects::Suspects(std::string title, EntryId end) : title_(std::move(title)), end_(end), began_ns_(now_ns()) {}

std::vector<EntryId> Suspects::look(const IndexWriter &index, std::span<const MadeSegment> segments) {
    std::vector<EntryId> unsound;
    const EntryId last = std::min(end_, next_ + entries_per_look);
    std::uint64_t room = bytes_per_look;
    while (room > 0 && (current_ || next_ < last)) {
        if (!current_) {
            begin_next(index, segments);
        } else if (index.entry(current_->entry).generation != current_->generation) { // it has left meanwhile
            current_.reset();
        } else if (current_->check.go_on(room)) {
            if (!current_->check.sound()) {
                unsound.push_back(current_->entry);
            }
            current_.reset();
        }
    }
    unsound_ += unsound.size();
    if (!any()) {
        report();
    }
    return unsound;
}

void Suspects::begin_next(const IndexWriter &index, std::span<const MadeSegment> segments) {
    const EntryId entry = next_++;
    const Generation generation = index.entry(entry).generation;
    if (!is_live(generation)) {
        return;
    }
    const BlockDescription block = index.describe(entry);
    const std::uint64_t stored = block.stored_bytes != 0 ? block.stored_bytes : block.length;
    ++blocks_;
    bytes_ += stored;
    current_.emplace(Current{entry, generation,
                             SoundnessCheck({segments[block.segment].mapping.data() + block.offset, stored}, block)});
}

void Suspects::report() const {
    const std::uint64_t took_ms = (now_ns() - began_ns_) / ns_per_ms;
    if (unsound_ == 0) {
        log_info("{}: all {} blocks ({}) of the daemon before are as they were stored, seen in {} ms", title_, blocks_,
                 format_size(bytes_), took_ms);
    } else {
        log_warn("{}: {} of the {} blocks ({}) of the daemon before were not as they were stored, and are "
                 "dropped",
                 title_, unsound_, blocks_, format_size(bytes_));
    }
}

} // namespace uakv
