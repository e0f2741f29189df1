// One call after another through the ring: what each step submits, and what follows when it is done.
#include "daemon/io/uring_device_calls.h"

#include "daemon/base/log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <utility>

namespace uakv {
namespace {

constexpr std::size_t bytes_per_call_max = 1ULL << 30; // more comes back short

} // namespace

void UringDevice::prepare(CallId id, io_uring_sqe &submission) {
    Call &call = calls_[id];
    const int slot = static_cast<int>(call.slot);
    const int directory = directory_.fd().get();
    constexpr int open_flags = O_RDWR | O_CREAT | O_EXCL | O_DIRECT;
    bool of_slot = true; // the file is named by its place in the ring's table
    switch (call.step) {
    case Step::read:
    case Step::write:
        prepare_transfer(call, submission);
        break;
    case Step::sync:
        ::io_uring_prep_fsync(&submission, slot, IORING_FSYNC_DATASYNC);
        break;
    case Step::create_sync:
        ::io_uring_prep_fsync(&submission, slot, 0);
        break;
    case Step::create_allocate:
        ::io_uring_prep_fallocate(&submission, slot, 0, 0, static_cast<off_t>(call.bytes));
        break;
    case Step::create_open:
        ::io_uring_prep_openat_direct(&submission, directory, call.text.data(), open_flags, 0600, call.slot);
        of_slot = false;
        break;
    case Step::undo_close:
    case Step::remove_close:
        ::io_uring_prep_close_direct(&submission, call.slot);
        of_slot = false;
        break;
    case Step::undo_unlink:
    case Step::remove_unlink:
        ::io_uring_prep_unlinkat(&submission, directory, call.text.data(), 0);
        of_slot = false;
        break;
    case Step::create_sync_directory:
    case Step::remove_sync_directory:
        ::io_uring_prep_fsync(&submission, directory, 0);
        of_slot = false;
        break;
    }
    submission.flags = static_cast<__u8>(submission.flags | (of_slot ? IOSQE_FIXED_FILE : 0U));
    submission.user_data = id;
}

void UringDevice::prepare_transfer(const Call &call, io_uring_sqe &submission) {
    const int slot = static_cast<int>(call.slot);
    if (call.pieces.size() > 1) {
        ::io_uring_prep_writev(&submission, slot, call.pieces.data(), static_cast<unsigned>(call.pieces.size()),
                               call.offset);
        return;
    }
    void *memory = call.pieces[0].iov_base;
    const auto bytes = static_cast<unsigned>(std::min(call.pieces[0].iov_len, bytes_per_call_max));
    const auto known = memory_.find({static_cast<const std::byte *>(memory), bytes});
    if (call.step == Step::read && known) {
        ::io_uring_prep_read_fixed(&submission, slot, memory, bytes, call.offset, static_cast<int>(*known));
    } else if (call.step == Step::read) {
        ::io_uring_prep_read(&submission, slot, memory, bytes, call.offset);
    } else if (known) {
        ::io_uring_prep_write_fixed(&submission, slot, memory, bytes, call.offset, static_cast<int>(*known));
    } else {
        ::io_uring_prep_write(&submission, slot, memory, bytes, call.offset);
    }
}

void UringDevice::step_done(CallId id, int outcome) {
    if (ending_) {
        return;
    }
    const Call &call = calls_[id];
    if (outcome == -EINTR || outcome == -EAGAIN) {
        ready_.push_back(id);
    } else if (call.step == Step::read || call.step == Step::write) {
        finish(id, outcome < 0 ? -outcome : 0, outcome < 0 ? 0 : static_cast<std::uint64_t>(outcome));
    } else if (call.step == Step::sync) {
        finish(id, -outcome);
    } else if (call.step < Step::remove_close) {
        create_step_done(id, outcome);
    } else {
        remove_step_done(id, outcome);
    }
}

void UringDevice::create_step_done(CallId id, int outcome) {
    Call &call = calls_[id];
    switch (call.step) {
    case Step::create_open:
        if (outcome == -EEXIST) { // not ours
            call.error = EEXIST;
            create_undone(id);
        } else if (outcome < 0) { // it may be there even so
            call.error = -outcome;
            next(id, Step::undo_unlink);
        } else {
            next(id, Step::create_allocate);
        }
        return;
    case Step::undo_unlink:
        create_undone(id);
        return;
    case Step::undo_close:
        next(id, Step::undo_unlink);
        return;
    default:
        break;
    }
    if (outcome < 0) { // such as ENOSPC: and there is none
        call.error = -outcome;
        next(id, Step::undo_close);
    } else if (call.step == Step::create_allocate) {
        next(id, Step::create_sync);
    } else if (call.step == Step::create_sync) {
        next(id, Step::create_sync_directory);
    } else {
        files_[call.file].made = true;
        finish(id, 0);
    }
}

void UringDevice::create_undone(CallId id) {
    free_slots_.push_back(calls_[id].slot);
    files_.erase(calls_[id].file);
    finish(id, calls_[id].error);
}

// A file that cannot be removed stays, closed: what else is asked of it gives EIO, and it may be removed again.
void UringDevice::remove_step_done(CallId id, int outcome) {
    Call &call = calls_[id];
    if (call.step == Step::remove_close) {
        free_slots_.push_back(call.slot);
        files_[call.file].slot = no_slot;
        next(id, Step::remove_unlink);
    } else if (call.step == Step::remove_unlink && (outcome == 0 || outcome == -ENOENT)) {
        next(id, Step::remove_sync_directory);
    } else {
        if (outcome == 0) {
            files_.erase(call.file);
        }
        finish(id, -outcome);
    }
}

void UringDevice::next(CallId id, Step step) {
    calls_[id].step = step;
    ready_.push_back(id);
}

void UringDevice::finish(CallId id, int error, std::uint64_t bytes) {
    done_.push_back({calls_[id].ticket, error, bytes});
    free_calls_.push_back(id);
    --under_way_;
}

} // namespace uakv
