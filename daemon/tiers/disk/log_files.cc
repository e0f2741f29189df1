#include "daemon/tiers/disk/log_files.h"

#include "daemon/tiers/disk/whole_io.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace uakv::disk {
void LogFiles::adopt(const Recovered &found) {
    for (const auto &[number, known] : found.files) {
        File file;
        file.bytes = known.bytes;
        file.first_sequence = known.first_sequence;
        file.next_page = static_cast<std::uint32_t>(file.pages());
        file.written_sequence = file.synced_sequence = found.next_sequence;
        file.erasures = true;
        files_[number] = file;
        log_bytes_ += file.bytes;
    }
    next_number_ = found.next_file;
    for (const FileNumber number : found.tail_files) {
        File &file = files_.at(number);
        file.dirty = true;
        file.synced_sequence = std::max(file.first_sequence, found.durable_sequence);
        unsettled_.insert(number);
    }
}

const LogFiles::File *LogFiles::find(FileNumber number) const {
    const auto found = files_.find(number);
    return found == files_.end() ? nullptr : &found->second;
}

// ---- appending ---------------------------------------------------------------------------------------------

LogPosition LogFiles::end() const {
    if (open_) {
        return {*open_, files_.at(*open_).next_page};
    }
    return {next_ ? *next_ : creating() ? creating_ : next_number_, 1};
}

std::uint64_t LogFiles::pages_left(Purpose purpose) const {
    if (!open_) {
        return 0;
    }
    const File &file = files_.at(*open_);
    const std::uint64_t left = file.pages() - file.next_page;
    if (purpose == Purpose::upkeep || next_ || creating() || !tight()) {
        return left;
    }
    return left > relocation_pages() ? left - relocation_pages() : 0;
}

bool LogFiles::advance(Purpose purpose) {
    if (!next_ || (purpose == Purpose::store && tight())) {
        want();
        return false;
    }
    seal_open();
    open_ = std::exchange(next_, std::nullopt);
    wanted_ = false;
    return true;
}

void LogFiles::seal_open() {
    if (open_) {
        files_.at(*open_).sealed = true;
        open_.reset();
    }
}

std::optional<uakv_status> LogFiles::hopeless(bool can_reclaim) const {
    if (next_ && !tight()) {
        return std::nullopt;
    }
    if (create_error_ != 0 && create_error_ != ENOSPC && backoff_.waiting(engine_.now.now_ns)) {
        return UAKV_ERR_IO;
    }
    const bool blocked = tight() || backoff_.waiting(engine_.now.now_ns);
    const bool reclaim = can_reclaim && (tight() || reclaim_helps_);
    return blocked && !creating() && !reclaim ? std::optional(UAKV_ERR_NO_SPACE) : std::nullopt;
}

void LogFiles::begin_batch(std::uint32_t pages, bool erasures) {
    File &file = files_.at(*open_);
    UAKV_ASSERT(file.next_page + pages <= file.pages());
    file.next_page += pages;
    file.erasures = file.erasures || erasures;
    ++file.batches;
}

void LogFiles::end_batch(FileNumber number, std::uint64_t sequence_after) {
    File &file = files_.at(number);
    UAKV_ASSERT(file.batches > 0);
    --file.batches;
    if (sequence_after > 0) {
        file.written_sequence = sequence_after;
        file.dirty = true;
        unsettled_.insert(number);
    }
}

void LogFiles::fail(FileNumber number, std::uint64_t sequence) {
    File &file = files_.at(number);
    file.lost_from = std::min(file.lost_from, sequence);
    unsettled_.insert(number);
    if (open_ == number) {
        seal_open();
    }
    if (next_ == number) {
        next_.reset();
        file.sealed = true;
    }
}

// ---- syncing -----------------------------------------------------------------------------------------------

void LogFiles::begin_sync(FileNumber number) {
    files_.at(number).dirty = false;
}

void LogFiles::end_sync(FileNumber number, std::uint64_t covered, int error) {
    File &file = files_.at(number);
    if (error == 0) {
        file.synced_sequence = std::max(file.synced_sequence, covered);
        if (!file.dirty && !file.doomed()) {
            unsettled_.erase(number);
        }
        return;
    }
    // The kernel tells of a failure once: a later sync may be good although the bytes never arrived.
    file.dirty = false;
    file.sync_failed = true;
    fail(number, file.synced_sequence);
}

bool LogFiles::any_sync_failed() const {
    return std::ranges::any_of(unsettled_, [this](FileNumber number) { return files_.at(number).sync_failed; });
}

std::uint64_t LogFiles::durable_sequence() const {
    std::uint64_t durable = engine_.next_sequence;
    for (const FileNumber number : unsettled_) {
        const File &file = files_.at(number);
        durable = std::min(durable, file.lost_from);
        if (file.written_sequence > file.synced_sequence) {
            durable = std::min(durable, file.synced_sequence);
        }
    }
    return durable;
}

// ---- room --------------------------------------------------------------------------------------------------

std::uint64_t LogFiles::total_bytes() const {
    std::uint64_t total = creating_bytes_ + log_bytes_;
    for (const auto &[number, bytes] : checkpoints_) {
        total += bytes;
    }
    return total;
}

bool LogFiles::tight(std::uint64_t bytes_leaving) const {
    return total_bytes() - bytes_leaving + checkpoint_reserve_ + file_bytes_ > engine_.options.bytes_max;
}

bool LogFiles::may_create(std::uint64_t bytes) {
    return total_bytes() + bytes <= engine_.options.bytes_max &&
           engine_.io.device().free_bytes() >=
               bytes + creating_bytes_ + checkpoint_creating_ + engine_.options.free_floor_bytes;
}

bool LogFiles::next_wanted() const {
    if (next_ || creating()) {
        return false;
    }
    if (!open_) {
        return wanted_;
    }
    const File &file = files_.at(*open_);
    return wanted_ || (file.next_page >= file.pages() / 2 && !engine_.closing);
}

bool LogFiles::room_needed(std::uint64_t bytes_leaving) const {
    if (total_bytes() - bytes_leaving > engine_.options.bytes_max) {
        return true; // the cap was lowered
    }
    const bool blocked = create_error_ == ENOSPC && reclaim_helps_ && bytes_leaving == 0 && next_wanted();
    if (!tight(bytes_leaving)) {
        return blocked;
    }
    const bool half_full = open_ && files_.at(*open_).next_page >= files_.at(*open_).pages() / 2;
    return wanted_ || next_wanted() || (next_ && half_full);
}

void LogFiles::turn() {
    if (next_wanted() && !tight() && !backoff_.waiting(engine_.now.now_ns)) {
        create();
    }
}

std::uint64_t LogFiles::next_try_ns() const {
    return next_wanted() && !tight() && backoff_.waiting(engine_.now.now_ns) ? backoff_.until_ns() : UINT64_MAX;
}

void LogFiles::create() {
    if (!may_create(file_bytes_)) {
        creation_failed(ENOSPC, "the file system would have less free than the floor");
        return;
    }
    const FileNumber number = creating_ = next_number_++;
    creating_bytes_ = file_bytes_;
    engine_.io.create(log_file(number), file_bytes_, [this, number, bytes = file_bytes_](const IoQueue::Done &done) {
        created(number, bytes, done.error);
    });
}

void LogFiles::created(FileNumber number, std::uint64_t bytes, int error) {
    if (error != 0) {
        creating_bytes_ = 0;
        creation_failed(error, std::strerror(error));
        return;
    }
    File file;
    file.bytes = bytes;
    file.first_sequence = engine_.next_sequence;
    file.written_sequence = file.synced_sequence = engine_.next_sequence;
    file.sealed = false;
    files_[number] = file;
    log_bytes_ += bytes;
    creating_bytes_ = 0;
    write_header(number);
}

void LogFiles::write_header(FileNumber number) {
    const File &file = files_.at(number);
    const auto page = std::make_shared<PageBuffer>(engine_.pages.take());
    fill(page->at<FileHeader>(0), number, file.bytes, file.first_sequence, engine_.now.wall_ms, engine_.store);
    files_.at(number).leaving = true; // nobody's, until it has its header
    header_under_way_ = true;
    write_whole(engine_.io, log_file(number), 0, page->bytes(), [this, number, page](int error, std::uint64_t bytes) {
        header_under_way_ = false;
        engine_.pages.give_back(std::move(*page));
        engine_.counts.bytes_written += bytes;
        if (error != 0) {
            ++engine_.counts.errors_write;
            creation_failed(error, "its header could not be written");
            files_.at(number).leaving = false;
            files_.at(number).sealed = true;
            fail(number, engine_.next_sequence); // compaction removes it
            return;
        }
        backoff_.worked();
        create_error_ = 0;
        reclaim_helps_ = true;
        File &made = files_.at(number);
        made.leaving = false;
        made.dirty = true;
        unsettled_.insert(number);
        next_ = number;
    });
}

void LogFiles::creation_failed(int error, const char *what) {
    create_error_ = error == EDQUOT ? ENOSPC : error;
    backoff_.failed(engine_.now.now_ns);
    if (engine_.room_trouble.due(engine_.now.now_ns)) {
        log_warn("disk tier: no new log file of {} MiB: {}; fewer blocks are kept until there is room",
                 file_bytes_ >> 20, what);
    }
}

void LogFiles::remove(FileNumber number, std::function<void(int)> then) {
    files_.at(number).leaving = true;
    engine_.io.remove(log_file(number), [this, number, then = std::move(then)](const IoQueue::Done &done) {
        if (done.error == 0) {
            log_bytes_ -= files_.at(number).bytes;
            files_.erase(number);
            unsettled_.erase(number);
            if (create_error_ == ENOSPC) {
                backoff_.try_now();
                reclaim_helps_ = false; // once for each file that is wanted, or all would go for nothing
            }
        }
        then(done.error);
    });
}

void LogFiles::remove_next() {
    if (next_ && engine_.io.under_way_of(log_file(*next_)) == 0) {
        unsettled_.erase(*next_);
        remove(*std::exchange(next_, std::nullopt), [](int) {});
    }
}

} // namespace uakv::disk
