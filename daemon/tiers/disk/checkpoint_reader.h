// Reads a checkpoint: its chunks, many at once, each checked by the workers before anything of it counts. One chunk
// that is damaged makes all of it worthless, for nobody could tell what is missing.
#pragma once

#include "daemon/base/workers.h"
#include "daemon/tiers/disk/io_queue.h"
#include "daemon/tiers/disk/merge.h"
#include "daemon/tiers/disk/page_buffer.h"
#include "daemon/tiers/disk/recovery.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace uakv::disk {

class CheckpointReader {
public:
    // The header was checked. What is read goes into `merge`, but for blocks whose file is gone, or is too short for
    // them.
    CheckpointReader(IoQueue &io, Workers &workers, const CheckpointHeader &header,
                     const std::map<FileNumber, LogFile> &files, Merge &merge)
        : io_(io), workers_(workers), header_(header), files_(files), merge_(merge) {}
    CheckpointReader(const CheckpointReader &) = delete;
    CheckpointReader &operator=(const CheckpointReader &) = delete;

    void start();
    bool running() const { return under_way_ > 0; }

    // What is wrong with it: the rest of a sentence; empty where it is whole.
    std::string problem() const;

    std::uint64_t next_sequence() const { return next_sequence_; } // behind all that is in it
    SpaceNumber next_space() const { return next_space_; }
    // Behind all files that are named in it, and may be gone.
    FileNumber next_file() const { return next_file_; }
    std::uint64_t outside() const { return outside_; } // blocks that their files are too short for

private:
    struct Chunk {
        PageBuffer buffer;
        std::uint32_t place = 0;
        Flaw flaw{};
    };
    void read_next(Chunk &chunk);
    void arrived(Chunk &chunk, int error, std::uint64_t bytes, std::uint64_t wanted);
    void checked(Chunk &chunk);
    void take_spaces(const Chunk &chunk);
    void take_blocks(const Chunk &chunk);
    std::uint64_t chunks() const;

    IoQueue &io_;
    Workers &workers_;
    CheckpointHeader header_;
    const std::map<FileNumber, LogFile> &files_;
    Merge &merge_;
    std::array<Chunk, 8> chunks_;
    std::uint32_t next_ = 0;
    std::size_t under_way_ = 0;
    std::string problem_;
    std::uint64_t blocks_ = 0;
    std::uint64_t spaces_ = 0;
    FileNumber next_file_ = 0;
    std::uint64_t outside_ = 0;
    std::uint64_t next_sequence_ = 0;
    SpaceNumber next_space_ = 0;
};

} // namespace uakv::disk
