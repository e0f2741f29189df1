// The calls that nobody waits for: begun by the *_submit functions, moved on by uakv_poll in whatever thread calls it,
// and ended as completions in a queue.
//
// The descriptor of uakv_event_fd is readable while completions wait, or answers from which completions may come:
// before anybody may sleep on it, settle() looks at everything once more.
#pragma once

#include "clientlib/call.h"
#include "clientlib/event_queue.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>

namespace uakv {

class AsyncCalls {
public:
    explicit AsyncCalls(Attachments &attachments);
    ~AsyncCalls();
    AsyncCalls(const AsyncCalls &) = delete;
    AsyncCalls &operator=(const AsyncCalls &) = delete;

    // Takes the call on and begins it: UAKV_PENDING, or UAKV_ERR_BUSY when too many are on their way. A call that was
    // not taken on has not begun, and is left to the caller.
    uakv_status launch(std::unique_ptr<Call> &call, std::uint32_t kind, std::uint64_t user_data);

    // One that was over at once.
    void complete(const uakv_completion &completion);

    Result<int> event_descriptor();
    std::size_t poll(std::span<uakv_completion> out, std::uint64_t timeout_ns);

    // The client has a new attachment.
    void attach(Attachment *before, Attachment &now);

private:
    struct Running;

    void start_lane(Running &running, std::size_t lane);
    void send(Running &running, std::size_t lane, const Submission &submission);
    void step(const Submitter::Arrival &arrival);
    void take_step(Running &running, const Submitter::Arrival &arrival);
    void note_if_replaced(const Running &running);
    void note_left_behind();
    void end_those_left_behind();
    bool is_over(const Running &running) const;
    void finish(Running &running);
    void push(const uakv_completion &completion);
    void give_up(Running &running, const Error &why);
    template <typename Wanted> void give_up_where(Wanted wanted, const Error &why);
    void collect(Attachment &attachment);
    void advance();
    void end_those_due();
    std::size_t take(std::span<uakv_completion> out);
    Result<void> make_queue();
    void settle();

    Attachments &attachments_;
    std::mutex mutex_; // of what follows; not held while a call takes a step
    std::unordered_map<Running *, std::shared_ptr<Running>> running_;
    std::deque<uakv_completion> finished_;
    std::optional<EventQueue> queue_;
    bool bell_heard_ = false; // perhaps: something happened, and the bell was not hushed since
    bool signalled_ = false;
    bool left_behind_ = false;               // calls may be left at a daemon that was replaced
    std::uint64_t next_due_ns_ = UINT64_MAX; // no call's deadline is earlier
    std::uint64_t timer_ns_ = UINT64_MAX;
    std::atomic<std::uint64_t> looked_ms_{0};
};

} // namespace uakv
