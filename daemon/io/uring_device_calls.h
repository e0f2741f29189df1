// The device on io_uring, as its two files see it: uring_device.cc takes calls in and gives them back, and
// uring_device_steps.cc takes each of them through the ring.
#pragma once

#include "daemon/io/disk_directory.h"
#include "daemon/io/uring.h"
#include "daemon/io/uring_device.h"
#include "daemon/io/uring_memory.h"

#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace uakv {

// A call goes through the ring in steps; each is a submission of its own, begun when the one before it is done.
enum class Step : std::uint8_t {
    read,
    write,
    sync,
    create_open,
    create_allocate,
    create_sync,
    create_sync_directory,
    undo_close, // of a creation that failed
    undo_unlink,
    remove_close, // first: so the kernel frees the file's room where it unlinks, and not in this thread
    remove_unlink,
    remove_sync_directory,
};

class UringDevice final : public BlockDevice {
public:
    static Result<std::unique_ptr<BlockDevice>> open(const UringDeviceOptions &options);
    ~UringDevice() override;
    UringDevice(const UringDevice &) = delete;
    UringDevice &operator=(const UringDevice &) = delete;

    Result<std::vector<FileInfo>> list() override;
    void register_memory(std::span<std::byte> memory) override { memory_.add(memory); }
    void create(FileName name, std::uint64_t bytes, Ticket ticket) override;
    void write(FileName name, std::uint64_t offset, std::span<const Piece> pieces, Ticket ticket) override;
    void read(FileName name, std::uint64_t offset, std::span<std::byte> target, Ticket ticket) override;
    void sync(FileName name, Ticket ticket) override;
    void remove(FileName name, Ticket ticket) override;
    void submit() override;
    void poll(std::vector<Done> &done) override;
    void wait() override;
    const Fd *event() const override { return &event_; }
    std::uint64_t free_bytes() override { return directory_.free_bytes(); }
    std::uint64_t size_bytes() override { return directory_.size_bytes(); }
    const char *name() const override { return "io_uring"; }

private:
    static constexpr std::uint32_t no_slot = UINT32_MAX;
    struct File {
        std::uint32_t slot = no_slot; // in the ring's table of files; none: it cannot be opened
        std::uint64_t bytes = 0;
        bool made = false;
    };
    struct Call {
        Step step{};
        FileName file;
        Ticket ticket = 0;
        std::uint32_t slot = no_slot;
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
        std::vector<iovec> pieces; // the kernel reads them, and the name, while it works on the call
        DiskFileName text{};
        int error = 0; // of a creation that is being undone
    };
    using CallId = std::uint32_t;

    UringDevice(DiskDirectory directory, std::unique_ptr<Uring> ring, Fd event, std::uint32_t calls_max)
        : directory_(std::move(directory)), ring_(std::move(ring)), memory_(ring_->get()), event_(std::move(event)),
          calls_max_(calls_max) {}
    Result<void> make_file_table(std::uint32_t files_max);
    Result<void> hold_lock();
    Result<File> adopt(FileName name);

    void begin(Step step, FileName file, Ticket ticket, std::uint64_t offset = 0, std::uint64_t bytes = 0,
               std::span<const Piece> pieces = {});
    void hand_over();
    void prepare(CallId id, io_uring_sqe &submission);
    void prepare_transfer(const Call &call, io_uring_sqe &submission);
    void take_completions();
    void step_done(CallId id, int outcome);
    void create_step_done(CallId id, int outcome);
    void create_undone(CallId id);
    void remove_step_done(CallId id, int outcome);
    void next(CallId id, Step step);
    void finish(CallId id, int error, std::uint64_t bytes = 0);
    std::uint32_t take_slot();

    DiskDirectory directory_;
    std::unique_ptr<Uring> ring_;
    UringMemory memory_;
    Fd event_;
    std::map<FileName, File> files_;
    std::vector<std::uint32_t> free_slots_;
    std::deque<Call> calls_; // stay where they are
    std::vector<CallId> free_calls_;
    std::vector<CallId> begun_; // since the last submit()
    std::deque<CallId> ready_;  // to go into the ring when it has room
    std::vector<Done> done_;
    std::uint32_t calls_max_;
    std::uint32_t in_ring_ = 0;
    std::uint64_t under_way_ = 0; // begun, and not in done_ yet
    bool ending_ = false;         // no step follows another
};

} // namespace uakv
