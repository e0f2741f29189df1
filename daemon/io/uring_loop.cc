#include "daemon/io/event_loop.h"

#include <cerrno>
#include <cstring>
#include <liburing.h>
#include <poll.h>

namespace uakv {
namespace {

constexpr unsigned ring_entries = 256;
// Linux 6.15; newer than the headers of Debian 12.
constexpr unsigned feature_no_iowait = 1U << 17;
constexpr unsigned enter_no_iowait = 1U << 7;
constexpr std::uint64_t removal = 0; // completions of a removal: nobody waits for them

// Multishot polls: one submission watches a descriptor until it is removed or the kernel ends it. While a
// poll is armed the kernel delivers a completion for each wake-up of the file: edge-triggered.
class UringLoop final : public EventLoop {
public:
    static std::unique_ptr<EventLoop> create(std::string &why) {
        std::unique_ptr<UringLoop> loop(new UringLoop);
        io_uring_params params{};
        // Completions are delivered when this thread enters the kernel: no interrupts. A flag in shared memory
        // says when there are some, so that a reactor that looks without waiting makes no system call.
        params.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER;
        int outcome = ::io_uring_queue_init_params(ring_entries, &loop->ring_, &params);
        if (outcome == -EINVAL) { // before Linux 6.0
            params = {};
            outcome = ::io_uring_queue_init_params(ring_entries, &loop->ring_, &params);
        }
        if (outcome != 0) {
            why = errno_error(UAKV_ERR_UNSUPPORTED, -outcome, "io_uring").detail;
            return nullptr;
        }
        loop->made_ = true;
        return loop;
    }

    UringLoop(const UringLoop &) = delete;
    UringLoop &operator=(const UringLoop &) = delete;

    ~UringLoop() override {
        if (made_) {
            ::io_uring_queue_exit(&ring_);
        }
    }

    const char *name() const override { return "io_uring"; }

protected:
    Result<void> add(WatchId id, int fd) override {
        io_uring_sqe *submission = next_submission();
        ::io_uring_prep_poll_multishot(submission, fd, POLLIN | POLLRDHUP);
        submission->user_data = id;
        return {};
    }

    void remove(WatchId id, int) override {
        io_uring_sqe *submission = next_submission();
        ::io_uring_prep_poll_remove(submission, id);
        submission->user_data = removal;
        // At once: the descriptor is closed next, and its number may be another file's by then.
        ::io_uring_submit(&ring_);
    }

    void wait(std::uint64_t timeout_ns, std::vector<WatchId> &ready) override {
        io_uring_cqe *first = nullptr;
        if (timeout_ns == 0) {
            if (::io_uring_sq_ready(&ring_) > 0) {
                ::io_uring_submit(&ring_);
            }
            ::io_uring_peek_cqe(&ring_, &first); // enters the kernel if the flag is up
        } else if (timeout_ns == forever) {
            wait_for_ever();
        } else {
            __kernel_timespec timeout{static_cast<long long>(timeout_ns / 1'000'000'000),
                                      static_cast<long long>(timeout_ns % 1'000'000'000)};
            ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
        }
        // Errors of waiting (interrupted, timed out) are no news: what there is, is in the queue.
        unsigned head = 0;
        unsigned taken = 0;
        io_uring_cqe *completion = nullptr;
        io_uring_for_each_cqe(&ring_, head, completion) {
            ++taken;
            take(*completion, ready);
        }
        ::io_uring_cq_advance(&ring_, taken);
        rearm();
    }

private:
    UringLoop() = default;

    // Waiting in io_uring counts as waiting for a disk unless one says otherwise, and an idle daemon would look like
    // a machine with a slow disk.
    void wait_for_ever() {
        ::io_uring_submit(&ring_);
        if (::io_uring_cq_ready(&ring_) == 0) {
            const unsigned no_iowait = (ring_.features & feature_no_iowait) != 0 ? enter_no_iowait : 0;
            ::io_uring_enter(static_cast<unsigned>(ring_.ring_fd), 0, 1, IORING_ENTER_GETEVENTS | no_iowait, nullptr);
        }
    }

    io_uring_sqe *next_submission() {
        io_uring_sqe *submission = ::io_uring_get_sqe(&ring_);
        if (submission == nullptr) {
            ::io_uring_submit(&ring_);
            submission = ::io_uring_get_sqe(&ring_);
        }
        UAKV_ASSERT(submission != nullptr);
        return submission;
    }

    void take(const io_uring_cqe &completion, std::vector<WatchId> &ready) {
        const WatchId id = completion.user_data;
        if (id == removal || find(id) == nullptr) {
            return;
        }
        ready.push_back(id);
        if ((completion.flags & IORING_CQE_F_MORE) == 0) {
            ended_.push_back(id);
        }
    }

    // Polls that the kernel ended (its queue was full, say) are armed anew; that reports what is there now.
    void rearm() {
        for (const WatchId id : ended_) {
            static_cast<void>(add(id, find(id)->fd));
        }
        ended_.clear();
    }

    io_uring ring_{};
    bool made_ = false;
    std::vector<WatchId> ended_;
};

} // namespace

std::unique_ptr<EventLoop> make_uring_loop(std::string &why) {
    return UringLoop::create(why);
}

} // namespace uakv
