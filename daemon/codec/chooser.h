// Which codec the blocks of a space are encoded with: learned from the blocks themselves, for what a tensor is made of
// does not show in its layout. The first blocks of a space are all tried; where that saves less than a tenth, encoding
// is switched off, and every so many blocks one is tried again, for contents change.
//
// Only sums, in the reactor: who encodes asks choose() before and calls note() after, in any order for several blocks.
#pragma once

#include "ipc/codec/codec.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace uakv {

class CodecChooser {
public:
    // A frame is kept only if it has at most this many bytes: give encode_frame() no more room.
    static constexpr std::size_t frame_bytes_kept_max(std::size_t block_bytes) { return block_bytes / 10 * 9; }

    static constexpr std::uint32_t tries_first = 16; // blocks of a space before anything is decided
    static constexpr std::uint32_t try_every = 64;   // while it is off

    // What to encode the next block of a space with; none: leave it as it is.
    Codec choose(std::uint32_t space, std::uint32_t dtype);

    // What it chose last for the space could not be done now: the block will be asked for again.
    void take_back(std::uint32_t space);

    // How it went: frame_bytes is what encode_frame() returned, 0 for a block that was not worth it.
    void note(std::uint32_t space, Codec codec, std::uint64_t block_bytes, std::uint64_t frame_bytes);

    // The space is gone; its number may be another one's next.
    void forget(std::uint32_t space) { spaces_.erase(space); }

    // For reports: what is chosen, and stored bytes per byte of the blocks that were tried lately (1 before there are
    // any).
    struct View {
        Codec codec = Codec::none;
        double ratio = 1;
    };
    View view(std::uint32_t space) const;

private:
    struct Space {
        Codec candidate = Codec::none;
        bool on = true;
        std::uint32_t tries = 0;   // up to tries_first
        std::uint32_t skipped = 0; // since the last try
        double block_bytes = 0;    // of what was tried; the longer ago, the less it counts
        double stored_bytes = 0;
    };

    std::unordered_map<std::uint32_t, Space> spaces_;
};

} // namespace uakv
