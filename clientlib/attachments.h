// The client's attachments: the current one, and those to daemons that are gone, as long as somebody uses their memory.
//
// Who may use an attachment's memory:
//   a view      its lease word names the attachment (Leases::open);
//   a retrieve  has claimed a lease word before it asks for current(), and the word names none yet;
//   a visit     counts in Attachment::visits.
// The memory goes once the attachment is not current and none of the three is left. Claiming a word or counting a
// visit comes before the look at current(), and the change of current() before the look at words and visits, all
// sequentially consistent: either the user sees the new attachment or the sweep sees the user.
//
// Reconnecting happens within the calls that are made anyway. A host process wants no thread of ours. A new attachment
// becomes current when all is ready for it: its spaces are open, and, where its daemon goes on with the same index,
// all segments are mapped that were before. So whoever retrieves a block that stays in memory notices nothing.
#pragma once

#include "clientlib/attachment.h"
#include "clientlib/leases.h"
#include "ipc/clock.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace uakv {

class Attachments;

// How long a call that nobody has heard of waits for a daemon that is being replaced, where its caller would wait as
// long.
constexpr std::uint64_t reconnect_ns_max = ns_per_s;

// Keeps an attachment's memory in place.
class Visit {
public:
    Visit() = default;
    Visit(Visit &&other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), attachment_(std::exchange(other.attachment_, nullptr)) {}
    Visit &operator=(Visit &&other) noexcept {
        std::swap(owner_, other.owner_);
        std::swap(attachment_, other.attachment_);
        return *this;
    }
    Visit(const Visit &) = delete;
    Visit &operator=(const Visit &) = delete;
    ~Visit();

    Visit again() const; // one more of the same
    Attachment &operator*() const {
        UAKV_ASSERT(attachment_ != nullptr);
        return *attachment_;
    }
    bool valid() const { return attachment_ != nullptr; }
    Attachment *operator->() const { return attachment_; }

private:
    friend class Attachments;
    Visit(Attachments &owner, Attachment &attachment) : owner_(&owner), attachment_(&attachment) {}

    Attachments *owner_ = nullptr;
    Attachment *attachment_ = nullptr;
};

class Attachments {
public:
    // `prepare` does with an attachment what must be done before anybody uses it, and fails only where its daemon is
    // gone (UAKV_ERR_DISCONNECTED) or slow (UAKV_ERR_TIMEOUT; it is called again). `changed` is told when one
    // attachment takes the place of another (null at first).
    using Prepare = std::function<Result<void>(Attachment &next, std::uint64_t deadline_ns)>;
    using Changed = std::function<void(Attachment *before, Attachment &now)>;
    Attachments(Target target, const Leases &leases, Prepare prepare, Changed changed);

    // The first connection.
    Result<void> attach(std::uint64_t deadline_ns);

    // For a thread that has claimed a lease word.
    Attachment &current() const { return *current_.load(std::memory_order_seq_cst); }

    Visit visit();

    // The same for what needs the daemon: connects anew first when it is known to be gone.
    Result<Visit> visit_daemon(std::uint64_t deadline_ns);

    // Called now and then by retrieves, and by stores, which would otherwise never notice that the daemon was replaced.
    // Cheap; at most every 100 ms it asks the kernel. The caller must not hold a claimed word.
    void look_after();

    // For ending what was begun on an attachment, a reserved slot: where its daemon is gone, and another one goes on
    // with the same index, the current one; else the same again. Connects anew first where need be, as visit_daemon().
    Result<Visit> visit_successor(const Visit &begun, std::uint64_t deadline_ns);

    // The one of this number, which something of the caller's keeps in place.
    Attachment &numbered(std::uint32_t number);

    // look(attachment) for each that has its memory still.
    template <typename Look> void for_each(Look look) {
        const std::scoped_lock lock(all_mutex_);
        for (const auto &attachment : all_) {
            if (attachment->has_memory()) {
                look(*attachment);
            }
        }
    }

    // Ends a lease on an attachment that is not the current one. When the daemon had taken it back: why.
    std::optional<std::string> end_old_lease(std::uint32_t number, std::uint32_t word);

    // The daemon keeps nothing in place any longer that is read through the current attachment, and has hung up: makes
    // a new one. The caller must not hold a claimed word.
    Result<void> leave_revoked(std::uint64_t deadline_ns);

    // Waits until the current attachment has a daemon. The caller must not hold a claimed word.
    Result<void> await_daemon(std::uint64_t deadline_ns);

    // Frees the memory of old attachments that nobody uses any more.
    void sweep();

    const Target &target() const { return target_; }
    void close_for_all();
    void abandon();

private:
    Result<void> reconnect(std::uint64_t deadline_ns);
    Result<void> replace(std::uint64_t deadline_ns);
    Result<void> prepare_next(std::uint64_t deadline_ns);
    bool in_use(const Attachment &attachment) const;

    const Target target_;
    const Leases &leases_;
    const Prepare prepare_;
    const Changed changed_;
    std::atomic<Attachment *> current_{nullptr};
    std::atomic<std::uint64_t> looked_ms_{0};
    std::atomic<bool> sweepable_{false}; // old attachments still have memory

    std::mutex reconnect_mutex_; // one thread reconnects; the others do not wait for it
    std::uint64_t next_attempt_ns_ = 0;
    std::uint64_t delay_ns_ = 0;
    std::string failure_;
    std::unique_ptr<Attachment> next_; // not ready yet: the daemon has not answered

    bool abandoned_ = false; // in a forked child
    std::mutex all_mutex_;
    std::vector<std::unique_ptr<Attachment>> all_; // shells stay, for visit() may look at one that was just replaced
};

} // namespace uakv
