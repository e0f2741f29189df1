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
// How long a retrieve, which does not need the daemon, may be held up by a new one that is slow to say welcome.
constexpr std::uint64_t look_patience_ns = 100 * ns_per_ms;

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

Attachments::Attachments(Target target, const Leases &leases, Changed changed)
    : target_(std::move(target)), leases_(leases), changed_(std::move(changed)) {}

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
    if (now_ns() >= next_attempt_ns_) {
        auto replaced = replace(deadline_ns);
        if (replaced.ok()) {
            delay_ns_ = 0;
            next_attempt_ns_ = 0;
            return {};
        }
        failure_ = replaced.error().detail;
        delay_ns_ = std::clamp(2 * delay_ns_, delay_ns_min, delay_ns_max);
        next_attempt_ns_ = now_ns() + with_jitter(delay_ns_);
    }
    return error(UAKV_ERR_DISCONNECTED, "the daemon is gone, and there is no other yet (%s); the client keeps trying",
                 failure_.c_str());
}

Result<void> Attachments::replace(std::uint64_t deadline_ns) {
    std::uint32_t number = 0;
    {
        const std::scoped_lock lock(all_mutex_);
        number = static_cast<std::uint32_t>(all_.size()) + 1;
        all_.reserve(number);
    }
    auto made = Attachment::make(target_, number, deadline_ns);
    if (!made.ok()) {
        return made.take_error();
    }
    UAKV_SEQUENCE_POINT(attachment_made);
    Attachment &attachment = *made.value();
    Attachment *before = nullptr;
    {
        const std::scoped_lock lock(all_mutex_);
        all_.push_back(std::move(made.value()));
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
            std::this_thread::sleep_for(std::chrono::microseconds(200));
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
            attachment->connection().close_for_all();
        }
    }
}

// Takes no lock: a thread that the child does not have may hold it.
void Attachments::abandon() {
    abandoned_ = true;
    for (const auto &attachment : all_) {
        attachment->abandon();
    }
}

} // namespace uakv
