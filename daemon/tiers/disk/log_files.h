// The files of the log: one is open and appended to, one is made ahead of need, the others are sealed. This is where
// the cap and the floor are kept: a file is only created when all files together, those on their way in and out
// included, stay within bytes_max, and the file system keeps free_floor_bytes.
//
// One file of headroom is left for what compaction has to move: blocks of the store may begin a new file only when
// another one could be made after it.
#pragma once

#include "daemon/tiers/disk/backoff.h"
#include "daemon/tiers/disk/checkpoint.h"
#include "daemon/tiers/disk/engine.h"
#include "daemon/tiers/disk/recovery.h"

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace uakv::disk {

// Whom a batch is for.
enum class Purpose : std::uint8_t {
    store, // may not take what compaction needs
    upkeep // erasures, relocation
};

class LogFiles {
public:
    struct File {
        std::uint64_t bytes = 0;
        std::uint64_t first_sequence = 0;
        std::uint32_t next_page = 1;          // where the next batch goes
        std::uint32_t batches = 0;            // under way
        std::uint64_t written_sequence = 0;   // all of its records below it are written
        std::uint64_t synced_sequence = 0;    // and on stable storage
        std::uint64_t lost_from = UINT64_MAX; // records from here on may be damaged: a write or sync failed
        bool dirty = false;                   // written to since the last sync that was good
        bool sealed = true;
        bool sync_failed = false;
        bool leaving = false;  // compaction has emptied it
        bool erasures = false; // it may hold tombstones, clears or space records
        std::uint64_t pages() const { return bytes / page_bytes; }
        bool doomed() const { return lost_from != UINT64_MAX; } // it is to be emptied
    };

    explicit LogFiles(Engine &engine) : engine_(engine) {}

    // What recovery found. All of it is sealed.
    void adopt(const Recovered &found);

    const std::map<FileNumber, File> &all() const { return files_; }
    const File *find(FileNumber number) const;
    // Dirty or doomed.
    const std::set<FileNumber> &unsettled() const { return unsettled_; }

    // ---- appending -----------------------------------------------------------------------------------------

    std::optional<FileNumber> open() const { return open_; }
    bool has_next() const { return next_.has_value(); } // one is made ahead
    // Where the next batch goes, if none is waited for; where it may go when no file is open yet.
    LogPosition end() const;
    // How many pages of the open file this purpose may take.
    std::uint64_t pages_left(Purpose purpose) const;
    // Seals the open file, if there is one, and opens the one that was made ahead. False: there is none for it now.
    bool advance(Purpose purpose);
    // There is something to write and no room for it in the open file.
    void want() { wanted_ = true; }
    // Why no file will come soon, although one is wanted; nothing: it is worth waiting.
    std::optional<uakv_status> hopeless(bool can_reclaim) const;

    void begin_batch(std::uint32_t pages, bool erasures);
    void end_batch(FileNumber number, std::uint64_t sequence_after);
    // A write of it failed: what it holds from this sequence on may be damaged.
    void fail(FileNumber number, std::uint64_t sequence);
    void seal_open();

    // ---- syncing -------------------------------------------------------------------------------------------

    void begin_sync(FileNumber number);
    void end_sync(FileNumber number, std::uint64_t covered, int error);
    // Some file holds what could not be synced: no flush is good until it is gone.
    bool any_sync_failed() const;
    // All records below it are on stable storage, as far as the files know.
    std::uint64_t durable_sequence() const;

    // ---- room ----------------------------------------------------------------------------------------------

    // A file is wanted; and the file system has no room for it, which a file that goes may change.
    bool wanted() const { return wanted_; }
    bool disk_full() const { return create_error_ == ENOSPC && reclaim_helps_ && backoff_.waiting(engine_.now.now_ns); }
    // What a checkpoint would take that is not there yet.
    void set_checkpoint_reserve(std::uint64_t bytes) { checkpoint_reserve_ = bytes; }
    // What the file of a checkpoint takes that is being made, and may not be missing in the file system yet.
    void set_checkpoint_creating(std::uint64_t bytes) { checkpoint_creating_ = bytes; }
    void add_checkpoint(std::uint32_t number, std::uint64_t bytes) { checkpoints_[number] = bytes; }
    void remove_checkpoint(std::uint32_t number) { checkpoints_.erase(number); }
    // Whether a file of so many bytes may be made: cap and floor.
    bool may_create(std::uint64_t bytes);
    std::uint64_t total_bytes() const;
    // No further log file could be made within the cap.
    bool tight(std::uint64_t bytes_leaving = 0) const;
    // Something must leave: a file is needed soon and could not be made, even without what is leaving already.
    bool room_needed(std::uint64_t bytes_leaving) const;
    std::uint64_t file_bytes() const { return file_bytes_; }
    void set_file_bytes(std::uint64_t bytes) { file_bytes_ = bytes; }

    // Creates files ahead of need.
    void turn();
    // When creation is tried again; UINT64_MAX: nothing waits for time.
    std::uint64_t next_try_ns() const;
    // Nothing of it is under way. `then` gets an errno, or 0: it is gone.
    void remove(FileNumber number, std::function<void(int)> then);
    void set_leaving(FileNumber number) { files_.at(number).leaving = true; }
    // The file that was made ahead goes, at the end.
    void remove_next();
    // Why the last try made none, as an errno; 0: it did.
    int create_error() const { return create_error_; }
    bool creating() const { return creating_bytes_ > 0 || header_under_way_; }

private:
    void create();
    void created(FileNumber number, std::uint64_t bytes, int error);
    void write_header(FileNumber number);
    void creation_failed(int error, const char *what);
    bool next_wanted() const;
    std::uint64_t relocation_pages() const { return file_bytes_ / page_bytes * 9 / 16; }

    Engine &engine_;
    std::map<FileNumber, File> files_;
    std::map<std::uint32_t, std::uint64_t> checkpoints_;
    std::set<FileNumber> unsettled_;
    std::optional<FileNumber> open_;
    std::optional<FileNumber> next_; // ready, with its header
    FileNumber next_number_ = 1;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t log_bytes_ = 0; // of files_
    std::uint64_t creating_bytes_ = 0;
    FileNumber creating_ = 0; // the last one that was
    std::uint64_t checkpoint_reserve_ = 0;
    std::uint64_t checkpoint_creating_ = 0;
    bool header_under_way_ = false;
    bool wanted_ = false;
    Backoff backoff_;
    int create_error_ = 0;      // of the last try
    bool reclaim_helps_ = true; // after ENOSPC or below the floor: one file may go for the one that is wanted
};

} // namespace uakv::disk
