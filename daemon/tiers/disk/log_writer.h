// Group commit: what waits to be written becomes batches, several of which are under way at once, one behind the other
// in the log.
//
// Batches end in the order of the log, whatever order the device has: so a batch behind one that failed is never taken
// for written, and recovery, which may stop at the hole, loses nothing that was promised. A batch that failed seals its
// file; its blocks are answered for, its erasures are written again elsewhere.
#pragma once

#include "daemon/tiers/disk/backoff.h"
#include "daemon/tiers/disk/blocks.h"
#include "daemon/tiers/disk/log_files.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

namespace uakv::disk {

class LogWriter {
public:
    // Where a record came to lie.
    struct Written {
        bool ok = false;
        FileNumber file = 0;
        std::uint32_t page = 0;
        std::uint64_t sequence = 0;
    };
    using Then = std::function<void(const Written &)>;

    LogWriter(Engine &engine, Blocks &blocks, LogFiles &files);

    // ---- blocks of the store -------------------------------------------------------------------------------

    // Its space is known, it fits a file, and the catalog does not have it. The event comes later.
    void add(const DiskTier::Write &write);
    // One of this key waits or is under way already: its outcome is this one's, too.
    bool join(const DiskTier::Write &write);
    std::uint64_t waiting_bytes() const { return waiting_bytes_; }
    std::uint64_t waiting_blocks() const { return blocks_.size(); }
    // Of the store, waiting and under way.
    std::uint64_t coming_blocks() const { return names_.size(); }
    // The rest of a file can take a block of so many pages, with its header and its space.
    static constexpr std::uint64_t pages_around = 3;

    // ---- upkeep --------------------------------------------------------------------------------------------

    // What of the key is still to be written is not, or does not count. True: a record of it may reach the disk.
    bool kill(SpaceNumber space, const uakv_key &key);
    void kill_space(SpaceNumber space);
    // A tombstone or a clear; written again until it is written. Returns its number.
    std::uint64_t add_erasure(RecordKind kind, SpaceNumber space, const uakv_key &key, std::uint64_t until);
    void add_space(SpaceNumber space);
    // All of these up to this number are written.
    bool upkeep_written(std::uint64_t number) const { return outstanding_.empty() || *outstanding_.begin() > number; }
    std::uint64_t upkeep_number() const { return upkeep_number_; }
    // Somebody has its number, and may write blocks of it.
    void use_space(SpaceNumber space);
    // Its record is in this file, as this daemon wrote it; or it is in a file of an earlier one.
    bool space_lies_in(SpaceNumber space, FileNumber file) const;
    bool space_is_elsewhere(SpaceNumber space) const;

    // A copy of a block that lies elsewhere. `then` also tells when it was not written, or is not needed any more.
    void relocate(const CatalogBlock &block, PageBuffer payload, Then then);
    bool relocating() const { return !moves_.empty(); }
    void cancel_relocations(); // that are not under way

    // ---- the log -------------------------------------------------------------------------------------------

    // Everything below it is written, or failed.
    std::uint64_t oldest_under_way() const {
        return batches_.empty() ? engine_.next_sequence : batches_.front()->sequence;
    }
    LogPosition replay_from() const;
    std::uint64_t durable_sequence() const { return std::min(files_.durable_sequence(), oldest_under_way()); }
    std::uint64_t batches_under_way() const { return batches_.size(); }
    bool idle() const { return batches_.empty() && blocks_.empty() && upkeep_.empty() && moves_.empty(); }
    // Writing has failed lately: what waits fails too, until it is tried again.
    bool in_trouble() const { return backoff_.waiting(engine_.now.now_ns); }
    std::uint64_t next_try_ns() const;
    // The number of batches that failed.
    std::uint64_t failures() const { return failures_; }
    std::uint64_t log_bytes() const { return log_bytes_; } // written in batches since the start

    void sync_failed(FileNumber file);
    void note_synced();
    bool wants_sync() const { return unsynced_.size() >= unsynced_max; }

    // Begins batches. `hurry`: somebody waits, so that a small one may go. `can_reclaim`: compaction may yet make room.
    void turn(bool hurry, bool can_reclaim);
    // The blocks of the store that wait are answered with this, and not written.
    void refuse_waiting(uakv_status status);

private:
    struct Record {
        RecordKind kind{};
        CatalogBlock block; // a block: but for its place and sequence; else its key and space
        std::uint64_t until = 0;
        std::span<const std::byte> payload;
        std::uint64_t number = 0; // of upkeep
        DiskTier::Tag tag = 0;
        std::vector<DiskTier::Tag> joined;
        bool of_store = false;
        bool assigned = false; // to a batch
        bool killed = false;
        PageBuffer memory;
        Then then;
    };
    using RecordRef = std::unique_ptr<Record>;
    struct Batch {
        FileNumber file = 0;
        std::uint32_t page = 0;
        std::uint32_t pages = 1;
        std::uint64_t sequence = 0;
        std::vector<RecordRef> records;
        PageBuffer header;
        std::vector<BlockDevice::Piece> pieces; // what is still to be written
        std::uint64_t bytes_done = 0;
        std::uint32_t fruitless = 0;
        bool done = false;
        int error = 0;
    };
    struct Unsynced {
        RecordKind kind{};
        SpaceNumber space = 0;
        uakv_key key{};
        std::uint64_t until = 0;
        FileNumber file = 0;
        std::uint64_t sequence = 0;
    };
    static constexpr std::size_t unsynced_max = 4096;

    RecordRef make_upkeep(RecordKind kind, SpaceNumber space, const uakv_key &key, std::uint64_t until);
    RecordRef make_space(SpaceNumber space);

    // log_batch.cc: how a batch is put together
    bool due(bool hurry) const;
    bool begin_batch();
    void collect(Batch &batch);
    bool fits(const Batch &batch, Purpose purpose, const Record &record) const;
    void take(Batch &batch, RecordRef record);
    void skip_what_is_gone();
    void describe(Batch &batch);

    void write(Batch &batch);
    void wrote(Batch &batch, const IoQueue::Done &done);
    void settle();
    void settle_good(Batch &batch);
    void settle_good(Record &record, const Written &written);
    void settle_failed(Batch &batch);
    void settle_failed(RecordRef record, const Batch &batch);
    void answer(const Record &record, uakv_status status, uakv_status joined);
    void forget_name(const Record &record);

    Engine &engine_;
    Blocks &known_;
    LogFiles &files_;
    std::deque<RecordRef> upkeep_;
    std::deque<RecordRef> blocks_; // of the store
    std::deque<RecordRef> moves_;
    std::uint64_t waiting_bytes_ = 0; // of blocks_
    std::deque<std::unique_ptr<Batch>> batches_;
    std::unordered_map<BlockName, Record *, BlockNameHash> names_; // of the store, waiting or under way
    std::unordered_map<SpaceNumber, FileNumber> space_files_;      // where the record of a space lies; `none`: nowhere
    std::set<std::uint64_t> outstanding_;                          // upkeep that is not written
    std::uint64_t upkeep_number_ = 0;
    std::deque<Unsynced> unsynced_;
    Backoff backoff_;
    std::uint64_t failures_ = 0;
    std::uint64_t log_bytes_ = 0;
};

} // namespace uakv::disk
