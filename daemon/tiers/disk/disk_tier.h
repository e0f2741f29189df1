// The disk tier of a tenant: a log of blocks that survives the daemon and the machine. docs/disk-format.md draws what
// lies on disk, docs/disk.md tells how it behaves.
//
// Nothing here waits but open() and close(). What was asked for is answered by an event, in a later turn. For the
// reactor's thread alone.
#pragma once

#include "daemon/base/workers.h"
#include "daemon/tiers/disk/catalog.h"
#include "daemon/tiers/disk/io_queue.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uakv::disk {

struct DiskOptions {
    std::uint64_t bytes_max = 0;                  // of all files together
    std::uint64_t free_floor_bytes = 0;           // that the file system keeps
    std::uint64_t file_bytes = 256ULL << 20;      // of a log file
    std::uint64_t blocks_max = UINT64_MAX;        // that are known at once
    std::uint64_t write_bytes_per_second = 0;     // 0: no limit
    std::uint64_t write_bytes_per_day = 0;        // 0: no limit
    std::uint64_t checkpoint_bytes = 4ULL << 30;  // of log, after which there is a new checkpoint
    std::uint64_t checkpoint_ns = 60'000'000'000; // or so long after a change
    std::uint64_t stall_ns = 10'000'000'000;      // a request that takes longer opens the breaker
    std::uint32_t reads_in_flight_max = 64;
    std::uint64_t batch_bytes_max = 8ULL << 20; // a group commit
    std::uint32_t batches_in_flight_max = 4;
};

struct DiskStatistics {
    std::uint64_t files = 0;
    std::uint64_t bytes_files = 0;  // what they take
    std::uint64_t bytes_live = 0;   // of it, payloads that count
    std::uint64_t bytes_blocks = 0; // what those decode to
    std::uint64_t blocks = 0;
    std::uint64_t writes = 0;        // blocks written for the store
    std::uint64_t bytes_written = 0; // all that went to the device: payloads, headers, relocation, checkpoints
    std::uint64_t bytes_written_today = 0;
    std::uint64_t bytes_relocated = 0;
    std::uint64_t reads = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t dropped = 0; // blocks that left for want of room
    std::uint64_t expired = 0;
    std::uint64_t refused_budget = 0; // writes over a limit of bytes
    std::uint64_t refused_room = 0;   // no file could be made: cap, floor, ENOSPC
    std::uint64_t refused_breaker = 0;
    std::uint64_t errors_read = 0;
    std::uint64_t errors_write = 0;
    std::uint64_t corruptions = 0;
    std::uint64_t flushes = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t checkpoint_wall_ms = 0;     // of the last one; 0: none
    std::uint64_t write_bytes_per_second = 0; // lately
    bool breaker_open = false;
    std::uint64_t bytes_max = 0;         // what the files may take
    std::uint64_t writes_per_second = 0; // bytes that may be written; 0: no limit
    std::uint64_t writes_per_day = 0;
    bool day_used_up = false; // of writes_per_day
    int create_error = 0;     // an errno, where no log file could be made when it was tried last
};

class DiskTier {
public:
    // With less there is no tier: checkpoints alone may take most of it.
    static constexpr std::uint64_t bytes_min = 8ULL << 20;
    // A log file has a power of two of bytes, at most an eighth of bytes_max, and a block that does not fit a file is
    // not saved. Settings ask for more; simulations want small ones.
    static constexpr std::uint64_t file_bytes_min = 128ULL << 10;

    // Recovers what the directory holds: waits for it. The device and the workers outlive the tier; `clock` tells the
    // time.
    static Result<std::unique_ptr<DiskTier>> open(BlockDevice &device, Workers &workers, const DiskOptions &options,
                                                  std::uint64_t seed, std::function<Moment()> clock);
    ~DiskTier();
    DiskTier(const DiskTier &) = delete;
    DiskTier &operator=(const DiskTier &) = delete;

    // Takes what may change while it serves: the caps, the limits of writing, the checkpoints.
    void reconfigure(const DiskOptions &options);

    // What recovery found, in a sentence, for the log.
    std::string describe() const;

    // ---- what there is -----------------------------------------------------------------------------------

    // May show for a while what does not count any more: blocks whose time is over, and those of a space that is being
    // cleared. A read of one is a miss.
    const Catalog &catalog() const;
    // The number of the space in the log; the first time that it is asked for, a record of it goes ahead of its blocks.
    SpaceNumber space_number(const SpaceDescription &description);

    // ---- blocks ------------------------------------------------------------------------------------------

    using Tag = std::uint64_t; // chosen by the caller, given back unread

    struct Write {
        SpaceNumber space = 0;
        uakv_key key{};
        std::optional<uakv_key> parent;
        std::uint64_t block_bytes = 0;
        std::uint64_t checksum = 0;            // of the block
        std::uint64_t payload_checksum = 0;    // of the payload; with codec none the same
        std::uint64_t expires_ms = UINT64_MAX; // wall clock
        std::uint32_t uses = 0;
        std::uint8_t codec = 0;
        bool wanted = false; // by a flush: no budget holds it up
        // Begins at a page, and the memory to the end of its last page may be read. Stays as it is until the event.
        std::span<const std::byte> payload;
        Tag tag = 0;
    };
    // Event `written`: UAKV_OK: it is in the catalog and can be read; durable with the next flush. UAKV_EXISTS: it was
    // there, or came with another write. UAKV_MISS: it was erased meanwhile. UAKV_ERR_NO_SPACE (cap, floor, full disk,
    // too large for a file), UAKV_ERR_BUSY (over budget, breaker open, stopping), UAKV_ERR_IO.
    void write(const Write &write);

    // Whether a write has a chance now: the breaker is closed, and less than `batches_in_flight_max` batches wait.
    bool accepts_writes() const;

    struct Read {
        SpaceNumber space = 0;
        uakv_key key{};
        std::span<std::byte> target; // begins at a page, whole pages, room for stored_bytes
        Tag tag = 0;
    };
    // Event `read`: UAKV_OK: the payload is in `target`, and verified. UAKV_MISS: it has left, or the breaker is open.
    // UAKV_ERR_IO. UAKV_ERR_CORRUPT: it was dropped, which another event tells, too.
    void read(const Read &read);

    // How long a read of so many bytes would take that is begun now; UINT64_MAX with the breaker open.
    std::uint64_t predicted_ns(std::uint64_t bytes) const;

    // It is used, also while it is in memory: it is kept rather than others.
    void note_use(SpaceNumber space, const uakv_key &key, std::uint32_t uses);

    // Gone at once; for good with the next flush. Nothing where there is none. No event.
    void erase(SpaceNumber space, const uakv_key &key);
    void clear(SpaceNumber space);

    // Event `flushed`: all writes whose event was UAKV_OK before the call, and all erasures before it, are on stable
    // storage. UAKV_ERR_IO.
    void flush(Tag tag);

    // Reads everything, a bounded part at a time, and drops what is damaged. Event `verified`. One at a time: false.
    bool verify(Tag tag);
    struct VerifyProgress {
        bool running = false;
        std::uint64_t checked = 0;
        std::uint64_t of = 0;
        std::uint64_t bytes = 0;
        std::uint64_t dropped = 0;
    };
    VerifyProgress verify_progress() const;

    // ---- turns -------------------------------------------------------------------------------------------

    struct Event {
        enum class Kind : std::uint8_t { written, read, flushed, verified, dropped } kind{};
        uakv_status status = UAKV_OK;
        Tag tag = 0;
        SpaceNumber space = 0; // dropped: a block that the tier has let go of by itself (room, time, damage)
        uakv_key key{};
    };

    // Goes on with everything; bounded work. Appends what happened. Returns when it wants to be called again at the
    // latest (ns from now), beside when the device's or the workers' event is readable; 0: at once. Whoever drives it
    // calls Workers::take_done(), too.
    std::uint64_t turn(Moment now, std::vector<Event> &events);

    // Writes what waits, makes it durable, and makes a checkpoint; waits for it, `timeout_ns` at most. False: not all
    // of it. Turns may follow, for the events. The destructor waits for what is still under way.
    bool close(std::uint64_t timeout_ns);

    DiskStatistics statistics(Moment now) const;

private:
    struct State; // the parts of the tier, put together in disk_tier.cc
    explicit DiskTier(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

} // namespace uakv::disk
