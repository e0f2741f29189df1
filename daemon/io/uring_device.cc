#include "daemon/io/uring_device.h"

#include "daemon/base/log.h"
#include "daemon/io/uring_device_calls.h"
#include "ipc/wakeup.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace uakv {
namespace {

constexpr std::uint32_t files_min = 64;

} // namespace

Result<std::unique_ptr<BlockDevice>> UringDevice::open(const UringDeviceOptions &options) {
    UAKV_ASSERT(options.calls_max > 0 && options.files_max > 0);
    auto ring = Uring::open(options.calls_max);
    if (!ring.ok()) {
        return ring.take_error();
    }
    auto directory = DiskDirectory::open(options.path);
    if (!directory.ok()) {
        return directory.take_error();
    }
    auto event = create_doorbell();
    if (!event.ok()) {
        return event.take_error();
    }
    std::unique_ptr<UringDevice> device(new UringDevice(std::move(directory.value()), std::move(ring.value()),
                                                        std::move(event.value()), options.calls_max));
    if (const int failed = ::io_uring_register_eventfd(device->ring_->get(), device->event_.get()); failed != 0) {
        return errno_error(UAKV_ERR_UNSUPPORTED, -failed, "io_uring cannot tell of what is done by an eventfd");
    }
    if (auto made = device->make_file_table(options.files_max); !made.ok()) {
        return made.take_error();
    }
    if (auto held = device->hold_lock(); !held.ok()) {
        return held.take_error();
    }
    return std::unique_ptr<BlockDevice>(std::move(device));
}

// As many as were asked for, or as the limit of open files allows.
Result<void> UringDevice::make_file_table(std::uint32_t files_max) {
    std::uint32_t slots = files_max;
    int outcome = ::io_uring_register_files_sparse(ring_->get(), slots);
    while (outcome == -EMFILE && slots > files_min) {
        slots = std::max(files_min, slots / 2);
        outcome = ::io_uring_register_files_sparse(ring_->get(), slots);
    }
    if (outcome == -EINVAL) { // before Linux 5.19
        const std::vector<int> none(slots, -1);
        outcome = ::io_uring_register_files(ring_->get(), none.data(), slots);
    }
    if (outcome < 0) {
        return errno_error(UAKV_ERR_UNSUPPORTED, -outcome,
                           "io_uring cannot hold %u files open; raise RLIMIT_NOFILE (LimitNOFILE=)", slots);
    }
    if (slots < files_max) {
        log_warn("{} may have {} files instead of {}: the limit of open files is lower; raise RLIMIT_NOFILE "
                 "(LimitNOFILE=)",
                 directory_.path(), slots, files_max);
    }
    for (std::uint32_t slot = slots; slot > 0; --slot) {
        free_slots_.push_back(slot - 1);
    }
    return {};
}

// The ring, too, has the lock. The kernel takes a ring down only when all of its calls are through, also where this
// process is killed: so nobody reads and writes these files, or the memory that a kept descriptor leads to
// (daemon/base/keeper.h), while calls of a dead daemon still do.
Result<void> UringDevice::hold_lock() {
    const std::uint32_t slot = take_slot();
    const int number = directory_.locked().get();
    const int outcome = ::io_uring_register_files_update(ring_->get(), slot, &number, 1);
    return outcome == 1 ? Result<void>()
                        : errno_error(UAKV_ERR_NO_MEMORY, -outcome, "io_uring cannot hold the lock of %s",
                                      directory_.path().c_str());
}

UringDevice::~UringDevice() {
    ending_ = true;
    ready_.clear();
    while (in_ring_ > 0) {
        ::io_uring_submit_and_wait(ring_->get(), 1);
        take_completions();
    }
    directory_.unlock(); // the kernel takes the ring down when it likes
}

// ---- files that are there ---------------------------------------------------------------------------------

Result<std::vector<BlockDevice::FileInfo>> UringDevice::list() {
    auto names = directory_.names();
    if (!names.ok()) {
        return names.take_error();
    }
    std::vector<FileInfo> infos;
    for (const FileName name : names.value()) {
        if (const auto known = files_.find(name); known != files_.end() && !known->second.made) {
            continue;
        }
        if (!files_.contains(name)) {
            auto file = adopt(name);
            if (!file.ok()) {
                return file.take_error();
            }
            files_[name] = file.value();
        }
        infos.push_back({name, files_[name].bytes});
    }
    return infos;
}

// One file that cannot be opened does not keep the others from being used: what is asked of it gives EIO.
Result<UringDevice::File> UringDevice::adopt(FileName name) {
    File file{no_slot, 0, true};
    auto opened = directory_.open_file(name, file.bytes);
    if (!opened.ok()) {
        log_warn("{}; what is in it counts as lost", opened.error().detail);
        return file;
    }
    if (free_slots_.empty()) {
        return error(UAKV_ERR_NO_MEMORY,
                     "%s has more files than may be open at once (%zu); raise RLIMIT_NOFILE (LimitNOFILE=)",
                     directory_.path().c_str(), files_.size());
    }
    const std::uint32_t slot = take_slot();
    const int number = opened.value().get();
    const int outcome = ::io_uring_register_files_update(ring_->get(), slot, &number, 1);
    if (outcome != 1) {
        return errno_error(UAKV_ERR_NO_MEMORY, -outcome, "io_uring cannot hold %s/%s open", directory_.path().c_str(),
                           text_of(name).data());
    }
    file.slot = slot;
    return file;
}

std::uint32_t UringDevice::take_slot() {
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
}

// ---- calls are begun --------------------------------------------------------------------------------------

void UringDevice::create(FileName name, std::uint64_t bytes, Ticket ticket) {
    UAKV_ASSERT(bytes > 0 && bytes % limits::page_bytes == 0 && !files_.contains(name));
    files_[name] = {free_slots_.empty() ? no_slot : take_slot(), bytes, false};
    begin(Step::create_open, name, ticket, 0, bytes);
}

void UringDevice::write(FileName name, std::uint64_t offset, std::span<const Piece> pieces, Ticket ticket) {
    UAKV_ASSERT(!pieces.empty() && pieces.size() <= pieces_max);
    begin(Step::write, name, ticket, offset, 0, pieces);
}

void UringDevice::read(FileName name, std::uint64_t offset, std::span<std::byte> target, Ticket ticket) {
    const Piece piece = target;
    begin(Step::read, name, ticket, offset, 0, {&piece, 1});
}

void UringDevice::sync(FileName name, Ticket ticket) {
    begin(Step::sync, name, ticket);
}

void UringDevice::remove(FileName name, Ticket ticket) {
    begin(Step::remove_close, name, ticket);
}

void UringDevice::begin(Step step, FileName file, Ticket ticket, std::uint64_t offset, std::uint64_t bytes,
                        std::span<const Piece> pieces) {
    const auto found = files_.find(file);
    UAKV_ASSERT(found != files_.end() && (found->second.made || step == Step::create_open));
    UAKV_ASSERT(offset % limits::page_bytes == 0);
    CallId id = 0;
    if (free_calls_.empty()) {
        id = static_cast<CallId>(calls_.size());
        calls_.emplace_back();
    } else {
        id = free_calls_.back();
        free_calls_.pop_back();
    }
    Call &call = calls_[id];
    call.step = step;
    call.file = file;
    call.ticket = ticket;
    call.slot = found->second.slot;
    call.offset = offset;
    call.bytes = bytes;
    call.error = 0;
    call.pieces.clear();
    for (const Piece piece : pieces) {
        UAKV_ASSERT(!piece.empty() && piece.size() % limits::page_bytes == 0 &&
                    reinterpret_cast<std::uintptr_t>(piece.data()) % limits::page_bytes == 0);
        // The one type for both ways: what is written is not changed.
        call.pieces.push_back({const_cast<std::byte *>(piece.data()), piece.size()});
    }
    call.text = text_of(file);
    ++under_way_;
    begun_.push_back(id);
}

void UringDevice::submit() {
    for (const CallId id : begun_) {
        Call &call = calls_[id];
        if (call.slot != no_slot) {
            ready_.push_back(id);
        } else if (call.step == Step::create_open) {
            files_.erase(call.file);
            finish(id, ENFILE);
            ring_doorbell(event_);
        } else if (call.step == Step::remove_close) {
            next(id, Step::remove_unlink);
        } else {
            finish(id, EIO);
            ring_doorbell(event_);
        }
    }
    begun_.clear();
    hand_over();
}

void UringDevice::hand_over() {
    while (!ready_.empty() && in_ring_ < calls_max_) {
        io_uring_sqe *submission = ::io_uring_get_sqe(ring_->get());
        if (submission == nullptr) {
            break;
        }
        const CallId id = ready_.front();
        ready_.pop_front();
        prepare(id, *submission);
        ++in_ring_;
    }
    if (::io_uring_sq_ready(ring_->get()) > 0 && ::io_uring_submit(ring_->get()) < 0) {
        // The kernel is short of memory, or was interrupted. They stay in the ring: once more in the next turn.
        ring_doorbell(event_);
    }
}

// ---- and done ---------------------------------------------------------------------------------------------

void UringDevice::poll(std::vector<Done> &done) {
    take_completions();
    hand_over();
    done.insert(done.end(), done_.begin(), done_.end());
    done_.clear();
}

void UringDevice::wait() {
    submit();
    while (done_.empty() && under_way_ > 0) {
        ::io_uring_submit_and_wait(ring_->get(), 1);
        take_completions();
        hand_over();
    }
}

void UringDevice::take_completions() {
    io_uring_cqe *completion = nullptr;
    ::io_uring_peek_cqe(ring_->get(), &completion); // enters the kernel if it holds some back
    unsigned head = 0;
    unsigned taken = 0;
    io_uring_for_each_cqe(ring_->get(), head, completion) {
        ++taken;
        --in_ring_;
        step_done(static_cast<CallId>(completion->user_data), completion->res);
    }
    ::io_uring_cq_advance(ring_->get(), taken);
}

Result<std::unique_ptr<BlockDevice>> open_uring_device(const UringDeviceOptions &options) {
    return UringDevice::open(options);
}

} // namespace uakv
