// Whether blocks in memory are what they were when they were stored: one on which doubt is cast, and all of those that
// a daemon has left that did not end in order.
#pragma once

#include "daemon/store/index_writer.h"
#include "daemon/store/segment_maker.h"
#include "ipc/checksum_stream.h"
#include "ipc/codec/codec.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uakv {

// `stored` is the block, or a frame of it. What cannot be decoded for want of memory is not called unsound.
bool is_sound(std::span<const std::byte> stored, const BlockDescription &block);

// The same a piece at a time.
class SoundnessCheck {
public:
    SoundnessCheck(std::span<const std::byte> stored, const BlockDescription &block);

    // Looks at no more bytes of the block than `room`, but for what fills a piece of a frame, and takes them off it.
    // True: it is through.
    bool go_on(std::uint64_t &room);
    bool sound() const { return sound_; }

private:
    bool go_on_with_frame(std::uint64_t &room);
    bool note_piece(std::span<const std::byte> piece, bool last);

    std::span<const std::byte> stored_;
    std::uint64_t length_;
    std::uint64_t checksum_;
    bool is_frame_;
    bool sound_ = true;
    std::optional<ChecksumStream> hash_; // of the pieces so far
    FramePosition position_;
};

// Goes through the blocks in memory a little at a time, and through a large one in pieces. The death of a process does
// no harm to memory, so nobody waits.
class Suspects {
public:
    Suspects() = default;
    // Those of the entries below `end`.
    Suspects(std::string title, EntryId end);

    bool any() const { return next_ < end_ || current_; }

    // In one turn, a fraction of a millisecond.
    static constexpr std::uint64_t bytes_per_look = 1ULL << 20;

    // Looks a little further, and returns those that have to go. Says so in the log when it is through.
    std::vector<EntryId> look(const IndexWriter &index, std::span<const MadeSegment> segments);

private:
    struct Current {
        EntryId entry;
        Generation generation;
        SoundnessCheck check;
    };
    void begin_next(const IndexWriter &index, std::span<const MadeSegment> segments);
    void report() const;

    std::optional<Current> current_;
    std::string title_;
    EntryId next_ = 0;
    EntryId end_ = 0;
    std::uint64_t began_ns_ = 0;
    std::uint64_t blocks_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t unsound_ = 0;
};

} // namespace uakv
