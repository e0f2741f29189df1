// Makes the log durable: rounds of syncs of the files that were written to, joined by all who want one.
//
// A sync that failed may have lost what it was to save, and a later one would not tell. So its file is never synced
// again: it is sealed, emptied by compaction and removed, and until then no flush is good.
#pragma once

#include "daemon/tiers/disk/log_files.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace uakv::disk {

class Syncer {
public:
    Syncer(Engine &engine, LogFiles &files) : engine_(engine), files_(files) {}

    // The next round that begins, and its number.
    std::uint64_t request() {
        wanted_ = true;
        return begun_ + 1;
    }
    // With the next round that begins: an errno, or 0: all that was written before is on stable storage.
    void sync(std::function<void(int)> then);

    std::uint64_t completed() const { return completed_; }
    std::uint64_t last_failed() const { return last_failed_; } // 0: none

    // Told of each file whose sync failed, before anybody else is.
    std::function<void(FileNumber)> on_failure;

    void turn();

private:
    void begin();
    void end_file(FileNumber number, std::uint64_t covered, int error);
    void end_round();

    Engine &engine_;
    LogFiles &files_;
    bool wanted_ = false;
    std::uint64_t begun_ = 0;
    std::uint64_t completed_ = 0;
    std::uint64_t last_failed_ = 0;
    std::size_t under_way_ = 0; // files of this round
    int error_ = 0;
    std::vector<std::function<void(int)>> joining_; // the next round
    std::vector<std::function<void(int)>> waiting_; // for this one
};

} // namespace uakv::disk
