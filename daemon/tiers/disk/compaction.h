// Makes room: empties one file after another and removes it. Hot blocks are copied to the end of the log, the others
// leave the tier; what erasures and spaces still count are written again.
//
// A file goes only when everything copied from it is on stable storage and nothing of it is under way. Files of which a
// write or a sync failed are emptied first, and of those all blocks are copied.
#pragma once

#include "daemon/tiers/disk/header_walk.h"
#include "daemon/tiers/disk/log_writer.h"
#include "daemon/tiers/disk/reader.h"
#include "daemon/tiers/disk/syncer.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace uakv::disk {

class Compaction {
public:
    struct Parts {
        Blocks &blocks;
        LogFiles &files;
        LogWriter &writer;
        Reader &reader;
        Syncer &syncer;
    };
    Compaction(Engine &engine, const Parts &parts) : engine_(engine), parts_(parts), walk_(engine) {}

    // Something beside the log needs room: a checkpoint, or more blocks than there may be.
    void want_room() { wanted_ = true; }

    // There is a file that can be emptied, or one is on its way out.
    bool can_reclaim() const;
    // It waits for writes, so that a small batch may go.
    bool waits_for_writes() const { return copies_under_way_ > 0 || !leaving_.empty(); }
    // It has more to do, and nothing to wait for.
    bool busy() const { return busy_; }
    bool idle() const { return !victim_ && leaving_.empty(); }

    // In ns from now.
    std::uint64_t wants_turn_ns() const;

    void turn();

private:
    using Targets = std::map<FileNumber, std::uint64_t>; // where blocks went: up to which sequence

    // A file that nothing in the catalog is in any more.
    struct Leaving {
        FileNumber file = 0;
        std::uint64_t upkeep = 0; // has to be written before, if it needs that
        Targets targets;
        bool needs_upkeep = false;
        bool needs_sync = false;
        std::uint64_t round = 0; // of syncs, that has to be good; 0: not asked for yet
        bool under_way = false;
        Backoff backoff;
    };

    void choose();
    std::uint64_t leaving_bytes() const;
    bool better(FileNumber number) const;
    bool stuck() const;
    bool is_empty(FileNumber number) const;
    FileNumber oldest_file() const;
    void begin(FileNumber number);
    void found(const BatchHeader *header);
    void keep_record(const RecordDescriptor &record);
    void empty_victim();
    bool is_kept(const CatalogBlock &block) const;
    void copy(BlockNumber number);
    void copied(const CatalogBlock &source, const LogWriter::Written &written);
    void end_victim();
    void turn_leaving();
    bool ready(Leaving &leaving);

    Engine &engine_;
    Parts parts_;
    bool wanted_ = false;
    bool busy_ = false;

    std::optional<FileNumber> candidate_; // the best of those that were looked at
    std::optional<FileNumber> looked_at_; // the last one
    std::optional<FileNumber> oldest_;    // of those that were looked at
    std::optional<FileNumber> given_up_;  // lately

    std::optional<FileNumber> victim_;
    HeaderWalk walk_;
    bool all_kept_ = false;     // of the victim: it is emptied because it may be damaged
    bool nothing_kept_ = false; // there is no room to copy to
    bool giving_up_ = false;    // there is no room any more
    std::uint64_t pages_copied_ = 0;
    std::uint64_t copies_under_way_ = 0;
    std::uint64_t bytes_under_way_ = 0;
    std::uint32_t walks_ = 0;
    Targets targets_;
    std::map<FileNumber, Targets> targets_given_up_; // of victims that were given up half emptied
    bool upkeep_moved_ = false;
    std::vector<Leaving> leaving_;
};

} // namespace uakv::disk
