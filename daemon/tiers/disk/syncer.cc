#include "daemon/tiers/disk/syncer.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace uakv::disk {

void Syncer::sync(std::function<void(int)> then) {
    joining_.push_back(std::move(then));
    wanted_ = true;
}

void Syncer::turn() {
    if (completed_ != begun_) {
        return;
    }
    for (const FileNumber number : files_.unsettled()) {
        const LogFiles::File &file = files_.all().at(number);
        wanted_ = wanted_ || (file.dirty && file.sealed && file.batches == 0 && file.next_page > 1 &&
                              !file.sync_failed && !file.leaving);
    }
    if (wanted_) {
        begin();
    }
}

void Syncer::begin() {
    wanted_ = false;
    ++begun_;
    error_ = 0;
    waiting_ = std::exchange(joining_, {});
    std::vector<FileNumber> dirty;
    for (const FileNumber number : files_.unsettled()) {
        const LogFiles::File &file = files_.all().at(number);
        if (file.dirty && !file.sync_failed && !file.leaving) {
            dirty.push_back(number);
        }
    }
    under_way_ = dirty.size();
    for (const FileNumber number : dirty) {
        files_.begin_sync(number);
        engine_.io.sync(log_file(number), [this, number, covered = files_.all().at(number).written_sequence](
                                              const IoQueue::Done &done) { end_file(number, covered, done.error); });
    }
    if (dirty.empty()) {
        end_round();
    }
}

void Syncer::end_file(FileNumber number, std::uint64_t covered, int error) {
    files_.end_sync(number, covered, error);
    if (error != 0) {
        error_ = error;
        ++engine_.counts.errors_write;
        if (engine_.write_trouble.due(engine_.now.now_ns)) {
            log_warn("disk tier: syncing log file {} failed: {}; flushes fail until its blocks are written again",
                     number, std::strerror(error));
        }
        if (on_failure) {
            on_failure(number);
        }
    }
    if (--under_way_ == 0) {
        end_round();
    }
}

void Syncer::end_round() {
    completed_ = begun_;
    if (error_ != 0) {
        last_failed_ = completed_;
    }
    const int error = error_ != 0 ? error_ : files_.any_sync_failed() ? EIO : 0;
    for (const auto &then : std::exchange(waiting_, {})) {
        then(error);
    }
}

} // namespace uakv::disk
