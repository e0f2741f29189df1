#include "clientlib/async_calls.h"

#include "clientlib/errors.h"
#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <vector>

namespace uakv {
namespace {

// How often a caller who only polls finds out that the daemon has gone.
constexpr std::uint64_t look_every_ms = 20;

} // namespace

struct AsyncCalls::Running {
    struct Lane {
        Submitter::Number number = 0;
        bool waiting = false; // for an answer
    };

    std::mutex mutex; // of the steps of the call
    std::unique_ptr<Call> call;
    std::uint32_t kind = 0;
    std::uint64_t user_data = 0;
    std::vector<Lane> lanes;
    std::size_t next_part = 0;
    std::size_t in_flight = 0;

    Submitter &submitter() const { return call->attachment().submitter(); }
};

AsyncCalls::AsyncCalls(Attachments &attachments) : attachments_(attachments) {}

AsyncCalls::~AsyncCalls() = default;

// ---- calls on their way -----------------------------------------------------------------------------------

uakv_status AsyncCalls::launch(std::unique_ptr<Call> &call, std::uint32_t kind, std::uint64_t user_data) {
    auto running = std::make_shared<Running>();
    Submitter &submitter = call->attachment().submitter();
    const std::size_t wanted = std::min(call->lanes(), call->parts());
    while (running->lanes.size() < wanted) {
        const auto number = submitter.reserve(running.get());
        if (!number) {
            break;
        }
        running->lanes.push_back({*number, false});
    }
    if (wanted > 0 && running->lanes.empty()) {
        return fail(UAKV_ERR_BUSY,
                    "%u calls are on their way, which is all that can be; take completions with "
                    "uakv_poll, then try again",
                    limits::submissions);
    }
    running->kind = kind;
    running->user_data = user_data;
    running->call = std::move(call);
    {
        const std::scoped_lock lock(mutex_);
        running_.emplace(running.get(), running);
        if (queue_) {
            submitter.want_bell(); // settle() may have found nothing on its way
        }
        next_due_ns_ = std::min(next_due_ns_, running->call->deadline_ns());
    }
    UAKV_SEQUENCE_POINT(call_launched);
    {
        const std::scoped_lock lock(running->mutex);
        for (std::size_t lane = 0; lane < running->lanes.size(); ++lane) {
            start_lane(*running, lane);
        }
        if (is_over(*running)) {
            finish(*running);
        }
    }
    note_if_replaced(*running);
    return UAKV_PENDING;
}

void AsyncCalls::complete(const uakv_completion &completion) {
    const std::scoped_lock lock(mutex_);
    push(completion);
}

// Begins parts until one has something to wait for. The caller holds the call's mutex.
void AsyncCalls::start_lane(Running &running, std::size_t lane) {
    while (running.next_part < running.call->parts()) {
        Submission submission{};
        if (running.call->begin(running.next_part++, lane, submission)) {
            send(running, lane, submission);
            return;
        }
    }
    running.submitter().release(running.lanes[lane].number);
}

void AsyncCalls::send(Running &running, std::size_t lane, const Submission &submission) {
    running.lanes[lane].waiting = true;
    ++running.in_flight;
    running.submitter().submit_reserved(running.lanes[lane].number, submission);
}

void AsyncCalls::step(const Submitter::Arrival &arrival) {
    std::shared_ptr<Running> running;
    {
        const std::scoped_lock lock(mutex_);
        running = running_.at(static_cast<Running *>(arrival.owner)); // it waits for this
    }
    take_step(*running, arrival);
    note_if_replaced(*running);
}

void AsyncCalls::take_step(Running &running, const Submitter::Arrival &arrival) {
    const std::scoped_lock lock(running.mutex);
    const auto found = std::find_if(running.lanes.begin(), running.lanes.end(), [&](const Running::Lane &lane) {
        return lane.waiting && lane.number == arrival.number;
    });
    UAKV_ASSERT(found != running.lanes.end());
    const auto lane = static_cast<std::size_t>(found - running.lanes.begin());
    found->waiting = false;
    --running.in_flight;
    Submission next{};
    if (running.call->go_on(lane, arrival.completion, next)) {
        send(running, lane, next);
    } else {
        start_lane(running, lane);
    }
    if (is_over(running)) {
        finish(running);
    }
}

// A call that began or went on where another daemon has come meanwhile: attach() may have been before.
void AsyncCalls::note_if_replaced(const Running &running) {
    if (&running.call->attachment() != &attachments_.current()) {
        const std::scoped_lock lock(mutex_);
        note_left_behind();
    }
}

// Only noted, for this may come from within a step of one of these calls. The caller holds the mutex.
void AsyncCalls::note_left_behind() {
    left_behind_ = true;
    if (queue_ && !std::exchange(signalled_, true)) {
        queue_->signal();
    }
}

bool AsyncCalls::is_over(const Running &running) const {
    return running.in_flight == 0 && running.next_part == running.call->parts();
}

// The caller holds the call's mutex, and a reference to it.
void AsyncCalls::finish(Running &running) {
    running.call->record_latency();
    uakv_completion completion{};
    completion.user_data = running.user_data;
    completion.status = running.call->status();
    completion.kind = running.kind;
    running.call->give_result(completion);
    const std::scoped_lock lock(mutex_);
    running_.erase(&running);
    push(completion);
    UAKV_SEQUENCE_POINT(call_finished);
}

void AsyncCalls::push(const uakv_completion &completion) {
    finished_.push_back(completion);
    if (queue_ && !std::exchange(signalled_, true)) {
        queue_->signal();
    }
}

// Ends the call without its answers. What has arrived already still takes its step.
void AsyncCalls::give_up(Running &running, const Error &why) {
    const std::scoped_lock lock(running.mutex);
    if (is_over(running)) {
        return; // another thread has just finished it
    }
    for (std::size_t lane = 0; lane < running.lanes.size(); ++lane) {
        if (running.lanes[lane].waiting && running.submitter().take_back(running.lanes[lane].number)) {
            running.lanes[lane].waiting = false;
            --running.in_flight;
            running.call->fail(lane, why, Call::Sent::yes);
        }
    }
    for (; running.next_part < running.call->parts(); ++running.next_part) {
        running.call->skip(running.next_part, why);
    }
    if (is_over(running)) {
        finish(running);
    }
}

template <typename Wanted> void AsyncCalls::give_up_where(Wanted wanted, const Error &why) {
    std::vector<std::shared_ptr<Running>> chosen;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto &[address, running] : running_) {
            if (wanted(*running->call)) {
                chosen.push_back(running);
            }
        }
    }
    for (const auto &running : chosen) {
        give_up(*running, why);
    }
}

// ---- moving on --------------------------------------------------------------------------------------------

void AsyncCalls::attach(Attachment *before, Attachment &now) {
    if (before == nullptr) {
        return;
    }
    const std::scoped_lock lock(mutex_);
    if (queue_) {
        queue_->remove(before->bell(), before->connection().socket());
        static_cast<void>(queue_->add(now.bell(), now.connection().socket())); // without it, timeouts remain
    }
    note_left_behind();
}

// Ends the calls to a daemon that another one has replaced, but for those that it has answered.
void AsyncCalls::end_those_left_behind() {
    std::vector<std::shared_ptr<Running>> chosen;
    {
        const std::scoped_lock lock(mutex_);
        if (!std::exchange(left_behind_, false)) {
            return;
        }
        for (const auto &[address, running] : running_) {
            if (&running->call->attachment() != &attachments_.current()) {
                chosen.push_back(running);
            }
        }
    }
    for (const auto &running : chosen) {
        collect(running->call->attachment());
        give_up(*running, error(UAKV_ERR_DISCONNECTED, "the daemon went away before it answered"));
    }
}

void AsyncCalls::collect(Attachment &attachment) {
    std::vector<Submitter::Arrival> arrivals;
    attachment.submitter().collect(arrivals);
    for (const Submitter::Arrival &arrival : arrivals) {
        step(arrival);
    }
}

// Takes every step that can be taken.
void AsyncCalls::advance() {
    const Visit current = attachments_.visit();
    collect(*current);
    end_those_left_behind();
    const std::uint64_t now_ms = coarse_ms();
    if (now_ms - looked_ms_.load(std::memory_order_relaxed) >= look_every_ms) {
        looked_ms_.store(now_ms, std::memory_order_relaxed);
        std::string why;
        if (current->connection().lost(why)) {
            collect(*current); // its last words
            give_up_where([&](const Call &call) { return &call.attachment() == &*current; },
                          error(UAKV_ERR_DISCONNECTED, "%s", why.c_str()));
        }
    }
    end_those_due();
}

void AsyncCalls::end_those_due() {
    const std::uint64_t now = now_ns();
    {
        const std::scoped_lock lock(mutex_);
        if (now < next_due_ns_) {
            return;
        }
        next_due_ns_ = UINT64_MAX;
        for (const auto &[address, running] : running_) {
            if (running->call->deadline_ns() > now) {
                next_due_ns_ = std::min(next_due_ns_, running->call->deadline_ns());
            }
        }
    }
    give_up_where([now](const Call &call) { return call.deadline_ns() <= now; },
                  error(UAKV_ERR_TIMEOUT, "the daemon did not answer in time; is it stopped or overloaded?"));
}

// ---- completions ------------------------------------------------------------------------------------------

std::size_t AsyncCalls::poll(std::span<uakv_completion> out, std::uint64_t timeout_ns) {
    const std::uint64_t deadline_ns = now_ns() + timeout_ns;
    for (bool looked = false;; looked = true) {
        advance();
        if (const std::size_t count = take(out); count > 0 || timeout_ns == 0 || now_ns() >= deadline_ns) {
            settle();
            return count;
        }
        if (!looked) {
            attachments_.visit()->submitter().look_a_while();
            continue;
        }
        if (auto made = make_queue(); !made.ok()) {
            fail(made.error());
            return 0;
        }
        settle();
        const std::uint64_t now = now_ns();
        const bool happened = queue_->take(now < deadline_ns ? deadline_ns - now : 0);
        if (happened) {
            looked_ms_.store(0, std::memory_order_relaxed); // perhaps it was the hang-up
        }
        const std::scoped_lock lock(mutex_);
        signalled_ = false;
        bell_heard_ = bell_heard_ || happened;
    }
}

std::size_t AsyncCalls::take(std::span<uakv_completion> out) {
    const std::scoped_lock lock(mutex_);
    const std::size_t count = std::min(out.size(), finished_.size());
    std::copy_n(finished_.begin(), count, out.begin());
    finished_.erase(finished_.begin(), finished_.begin() + static_cast<std::ptrdiff_t>(count));
    if (count > 0) {
        UAKV_SEQUENCE_POINT(completions_polled);
    }
    return count;
}

Result<int> AsyncCalls::event_descriptor() {
    if (auto made = make_queue(); !made.ok()) {
        return made.take_error();
    }
    settle();
    return queue_->descriptor();
}

Result<void> AsyncCalls::make_queue() {
    const Visit current = attachments_.visit();
    const std::scoped_lock lock(mutex_);
    if (queue_) {
        return {};
    }
    auto queue = EventQueue::create();
    if (!queue.ok()) {
        return queue.take_error();
    }
    if (auto added = queue.value().add(current->bell(), current->connection().socket()); !added.ok()) {
        return added;
    }
    queue_.emplace(std::move(queue.value()));
    return {};
}

// Makes the descriptor tell the truth before somebody sleeps on it: readable when there is something to do, and
// otherwise certain to become so.
void AsyncCalls::settle() {
    const Visit current = attachments_.visit();
    const std::scoped_lock lock(mutex_);
    if (!queue_) {
        return;
    }
    bool something = !finished_.empty();
    if (!something) {
        std::string why;
        const bool happened = queue_->take(0);
        signalled_ = false;
        if (std::exchange(bell_heard_, false) || happened) {
            hush_bell(current->bell()); // before arm_bell() looks: what was rung for is there by now
        }
        if (happened && current->connection().lost(why)) {
            looked_ms_.store(0, std::memory_order_relaxed);
            something = !running_.empty();
        }
        if (running_.empty()) {
            current->submitter().need_no_bell(); // or each waiting call would have the daemon ring it
        } else {
            something = current->submitter().arm_bell() || something;
        }
        something = next_due_ns_ <= now_ns() || left_behind_ || something;
    }
    if (something && !std::exchange(signalled_, true)) {
        queue_->signal();
    }
    const bool timer_serves = timer_ns_ <= next_due_ns_ && timer_ns_ > now_ns();
    if (!timer_serves && timer_ns_ != next_due_ns_) {
        timer_ns_ = next_due_ns_;
        queue_->set_timer(timer_ns_);
    }
}

} // namespace uakv
