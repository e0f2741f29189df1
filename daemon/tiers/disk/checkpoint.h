// Writes the catalog into a checkpoint file, a step at a time, while blocks come and go.
//
// What it holds is not the catalog of any one moment: a block that comes after it was begun may be in it or not, one
// that leaves or moves meanwhile may be there as it was. The log from `replay` on tells both, and a reader reads it
// after the checkpoint. All that is in it was written before the log was made durable for it, and the header's page,
// without which it counts for nothing, is written when all else is durable.
#pragma once

#include "daemon/tiers/disk/catalog.h"
#include "daemon/tiers/disk/io_queue.h"
#include "daemon/tiers/disk/page_buffer.h"

#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

namespace uakv::disk {

struct LogPosition {
    FileNumber file = 0;
    std::uint32_t page = 0;
};

class Checkpointer {
public:
    // Stays until what it has begun is finished.
    Checkpointer(IoQueue &io, const Catalog &catalog, StoreId store) : io_(io), catalog_(catalog), store_(store) {}
    Checkpointer(const Checkpointer &) = delete;
    Checkpointer &operator=(const Checkpointer &) = delete;

    struct Plan {
        std::uint32_t number = 0;
        LogPosition replay; // the oldest batch that is not written yet, or where the next one goes
        std::uint64_t next_sequence = 0;
        std::uint64_t wall_ms = 0;
    };

    // Whether one is being made.
    bool running() const { return stage_ != Stage::idle; }
    bool creating() const { return stage_ == Stage::creating; }
    // The last one failed, and the device did not let its file be removed.
    bool left_file() const { return left_file_; }

    // How many bytes the file of a checkpoint takes that is begun now.
    std::uint64_t bytes_wanted() const;

    // Begins one; none is running. `sync_log` is asked to make all durable that the catalog names by then, and calls
    // back with an errno or 0. `finished` gets an errno, or 0: then it counts, and older ones may be removed. One that
    // fails leaves no file, if the device lets it be removed.
    void begin(const Plan &plan, std::function<void(std::function<void(int)>)> sync_log,
               std::function<void(int)> finished);

    // Copies some blocks more; from each turn of the tier. Bounded work: about a millisecond at most.
    void step();

private:
    enum class Stage : std::uint8_t { idle, creating, copying, ending };
    struct Chunk {
        PageBuffer buffer;
        bool writing = false;
    };

    BlockDevice::FileName name() const { return {BlockDevice::FileKind::checkpoint, plan_.number}; }
    void copy_spaces();
    Chunk *free_chunk();
    void open_chunk(Chunk &chunk, ChunkKind kind);
    void write_chunk();
    void chunk_written(Chunk &chunk, int error);
    void sync_all();
    void write_header();
    void fail(int error);
    void end(int error);

    IoQueue &io_;
    const Catalog &catalog_;
    StoreId store_;

    Stage stage_ = Stage::idle;
    Plan plan_;
    std::function<void(std::function<void(int)>)> sync_log_;
    std::function<void(int)> finished_;

    // As they are when it is begun: a block with a number or in a space that comes later is in the log behind `replay`.
    BlockNumber numbers_ = 0;
    std::vector<CheckpointSpace> spaces_;
    std::unordered_map<SpaceNumber, std::uint64_t> layouts_;

    std::size_t next_space_ = 0;
    BlockNumber next_block_ = 0;
    std::array<Chunk, 4> chunks_;
    Chunk *open_ = nullptr; // being filled
    std::uint32_t place_ = 0;
    std::uint64_t pages_ = 1;
    std::uint64_t blocks_ = 0;
    std::uint32_t writes_under_way_ = 0;
    int error_ = 0;
    bool left_file_ = false;
    PageBuffer header_;
};

} // namespace uakv::disk
