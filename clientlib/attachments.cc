#include "clientlib/attachments.h"

#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace uakv {
namespace {

constexpr std::uint64_t delay_ns_min = 10 * ns_per_ms;
constexpr std::uint64_t delay_ns_max = ns_per_s;
constexpr std::uint64_t look_every_ms = 100;
// How long a call that does not need the daemon, or could not have it a moment ago, is held up by a new one that is
// slow to say welcome: one that has not started yet, perhaps. The next goes on from there.
constexpr std::uint64_t look_patience_ns = 5 * ns_per_ms;
constexpr auto pause_between_tries = std::chrono::microseconds(200);

// Up to a quarter more, so that the clients of a daemon do not all come back at the same moment.
std::uint64_t with_jitter(std::uint64_t delay_ns) {
    return delay_ns + now_ns() % (delay_ns / 4);
}

} // namespace

Visit::~Visit() {
    if (attachment_ == nullptr) {
        return;
    }
    const bool last = attachment_->visits.fetch_sub(1) == 1;
    if (last && attachment_->lost()) {
        owner_->sweep();
    }
}

Visit Visit::again() const {
    attachment_->visits.fetch_add(1);
    return {*owner_, *attachment_};
}

Attachments::Attachments(Target target, const Leases &leases, Prepare prepare, Changed changed)
    : target_(std::move(target)), leases_(leases), prepare_(std::move(prepare)), changed_(std::move(changed)) {}

Result<void> Attachments::attach(std::uint64_t deadline_ns) {
    return replace(deadline_ns);
}

Visit Attachments::visit() {
    for (;;) {
        Attachment &attachment = *current_.load();
        attachment.visits.fetch_add(1);
        Visit visit(*this, attachment);
        if (current_.load() == &attachment) {
            return visit;
        }
    }
}

// A call that finds its answer in shared memory (the block is stored already) would not notice a daemon that is gone.
Result<Visit> Attachments::visit_daemon(std::uint64_t deadline_ns) {
    look_after();
    Visit found = visit();
    if (!found->lost()) [[likely]] {
        return found;
    }
    if (auto done = reconnect(deadline_ns); !done.ok()) {
        return done.take_error();
    }
    return visit();
}

Result<Visit> Attachments::visit_successor(const Visit &begun, std::uint64_t deadline_ns) {
    auto found = visit_daemon(deadline_ns);
    if (!found.ok() || &*found.value() == &*begun) {
        return found;
    }
    const bool succeeds = found.value()->succeeds(*begun) && !begun->connection().was_ended();
    return succeeds ? std::move(found) : begun.again();
}

void Attachments::look_after() {
    const std::uint64_t now_ms = coarse_ms();
    std::uint64_t looked = looked_ms_.load(std::memory_order_relaxed);
    if (now_ms - looked < look_every_ms ||
        !looked_ms_.compare_exchange_strong(looked, now_ms, std::memory_order_relaxed)) {
        return;
    }
    Visit found = visit();
    std::string why;
    if (found->lost() || found->connection().lost(why)) {
        // Where there is no new daemon yet, the old one's blocks can still be read.
        static_cast<void>(reconnect(now_ns() + look_patience_ns));
    }
    if (sweepable_.load(std::memory_order_relaxed)) {
        sweep();
    }
}

Result<void> Attachments::reconnect(std::uint64_t deadline_ns) {
    const std::unique_lock lock(reconnect_mutex_, std::try_to_lock);
    if (!lock.owns_lock()) {
        return error(UAKV_ERR_DISCONNECTED, "the daemon at %s is gone; another thread is connecting anew",
                     target_.socket_path.c_str());
    }
    if (!current_.load()->lost()) {
        return {}; // another thread was faster
    }
    const std::uint64_t now = now_ns();
    const bool due = now >= next_attempt_ns_;
    if (due || next_ != nullptr) {
        auto replaced = replace(due ? deadline_ns : std::min(deadline_ns, now + look_patience_ns));
        if (replaced.ok()) {
            delay_ns_ = 0;
            next_attempt_ns_ = 0;
            return {};
        }
        failure_ = replaced.error().detail;
        if (due) {
            delay_ns_ = std::clamp(2 * delay_ns_, delay_ns_min, delay_ns_max);
            next_attempt_ns_ = now_ns() + with_jitter(delay_ns_);
        }
    }
    return error(UAKV_ERR_DISCONNECTED, "the daemon is gone, and there is no other yet (%s); the client keeps trying",
                 failure_.c_str());
}

// The caller holds the mutex, or is the first.
Result<void> Attachments::prepare_next(std::uint64_t deadline_ns) {
    if (next_ == nullptr) {
        const std::scoped_lock lock(all_mutex_);
        next_ = std::make_unique<Attachment>(static_cast<std::uint32_t>(all_.size()) + 1);
        all_.reserve(all_.size() + 1);
    }
    Attachment &next = *next_;
    if (!next.has_memory()) {
        if (auto attached = next.attach(target_, deadline_ns); !attached.ok()) {
            return attached;
        }
        UAKV_SEQUENCE_POINT(attachment_made);
        if (Attachment *before = current_.load(); before != nullptr && next.has_same_index(*before)) {
            next.segments().share(before->segments());
        }
    }
    return prepare_(next, deadline_ns);
}

Result<void> Attachments::replace(std::uint64_t deadline_ns) {
    if (auto prepared = prepare_next(deadline_ns); !prepared.ok()) {
        if (prepared.error().status != UAKV_ERR_TIMEOUT) {
            next_.reset();
        }
        return prepared;
    }
    Attachment &attachment = *next_;
    Attachment *before = nullptr;
    {
        const std::scoped_lock lock(all_mutex_);
        all_.push_back(std::move(next_));
        before = current_.exchange(&attachment);
    }
    UAKV_SEQUENCE_POINT(attachment_exchanged);
    changed_(before, attachment);
    UAKV_SEQUENCE_POINT(attachment_announced);
    if (before != nullptr) {
        sweepable_.store(true, std::memory_order_relaxed);
        sweep();
    }
    return {};
}

Attachment &Attachments::numbered(std::uint32_t number) {
    if (Attachment &now = current(); now.number() == number) [[likely]] {
        return now;
    }
    const std::scoped_lock lock(all_mutex_);
    return *all_[number - 1];
}

std::optional<std::string> Attachments::end_old_lease(std::uint32_t number, std::uint32_t word) {
    const std::scoped_lock lock(all_mutex_);
    Attachment &attachment = *all_[number - 1]; // its word has kept the memory in place
    std::optional<std::string> why;
    if (lease_revoked(attachment.session())) {
        why = attachment.why_lost();
    }
    lease_end(attachment.session(), word);
    UAKV_SEQUENCE_POINT(old_lease_ended);
    return why;
}

// Another thread may be about to connect; for it too, the old attachment is of no use.
Result<void> Attachments::leave_revoked(std::uint64_t deadline_ns) {
    for (auto done = Result<void>();;) {
        {
            const Visit found = visit();
            if (!lease_revoked(found->session())) {
                return {};
            }
            static_cast<void>(found->why_lost()); // notes that it is
        }
        if (now_ns() >= deadline_ns) {
            return done.ok() ? error(UAKV_ERR_DISCONNECTED, "the daemon has ended this session, but not hung up")
                             : done;
        }
        done = reconnect(deadline_ns);
        if (!done.ok()) {
            std::this_thread::sleep_for(pause_between_tries);
        }
    }
}

Result<void> Attachments::await_daemon(std::uint64_t deadline_ns) {
    for (;;) {
        if (visit()->why_lost().empty()) {
            return {};
        }
        auto done = reconnect(deadline_ns);
        if (!done.ok() && now_ns() >= deadline_ns) {
            return done;
        }
        if (!done.ok()) {
            std::this_thread::sleep_for(pause_between_tries);
        }
    }
}

void Attachments::sweep() {
    if (abandoned_) {
        return;
    }
    const std::scoped_lock lock(all_mutex_);
    const Attachment *current = current_.load();
    bool left = false;
    for (const auto &attachment : all_) {
        if (attachment.get() == current || !attachment->has_memory()) {
            continue;
        }
        if (in_use(*attachment)) {
            left = true;
        } else {
            attachment->release_memory();
            UAKV_SEQUENCE_POINT(attachment_released);
        }
    }
    sweepable_.store(left, std::memory_order_relaxed);
}

bool Attachments::in_use(const Attachment &attachment) const {
    return attachment.visits.load() != 0 || leases_.may_use(attachment.number());
}

void Attachments::close_for_all() {
    const std::scoped_lock lock(all_mutex_);
    for (const auto &attachment : all_) {
        if (attachment->has_memory()) {
            attachment->end_for_all();
        }
    }
    if (next_ != nullptr) {
        next_->end_for_all();
    }
}

// Takes no lock: a thread that the child does not have may hold it.
void Attachments::abandon() {
    abandoned_ = true;
    for (const auto &attachment : all_) {
        attachment->abandon();
    }
    if (const std::unique_lock lock(reconnect_mutex_, std::try_to_lock); !lock.owns_lock()) {
        static_cast<void>(next_.release()); // half made, by a thread that the child does not have
    } else if (next_ != nullptr) {
        next_->abandon();
    }
}

} // namespace uakv
