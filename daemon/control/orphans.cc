#include "daemon/control/orphans.h"

#include "daemon/base/log.h"
#include "ipc/clock.h"
#include "ipc/kept_slots.h"
#include "ipc/lease_table.h"
#include "ipc/process_handle.h"
#include "ipc/wakeup.h"

#include <fmt/format.h>
#include <utility>

namespace uakv {

Orphan::Orphan(Cache &cache, LeftSession left, KeptSession kept, const std::vector<SlotRef> &slots)
    : cache_(cache), left_(std::move(left)), kept_(std::move(kept)) {
    for (const SlotRef slot : slots) {
        slots_.insert(key_of(slot));
    }
    cache_.attach(*this);
}

Orphan::~Orphan() {
    cache_.detach(*this);
    if (!leases_taken_) {
        cache_.store().leases().detach(layout());
    }
    if (left_behind_) {
        return;
    }
    std::vector<SlotRef> slots;
    for (const std::uint64_t key : slots_) {
        slots.push_back({static_cast<SegmentId>(key >> 32), static_cast<std::uint32_t>(key)});
    }
    if (cache_.is_device()) {
        cache_.quarantine().add(std::move(slots), std::move(left_.process), std::move(kept_), now_ns());
        return;
    }
    for (const SlotRef slot : slots) {
        cache_.store().give_back(slot);
    }
}

std::string Orphan::name() const {
    const pid_t pid = left_.process.valid() ? pid_of_process(left_.process) : 0;
    return fmt::format("client {} of a daemon before (pid {}, tenant {})", number(), pid, cache_.tenant().name());
}

bool Orphan::is_over() const {
    return is_let_go(left_.rope) || (left_.process.valid() && has_died(left_.process));
}

bool Orphan::is_of(const Session &session) const {
    return left_.process.valid() && session.process.valid() && !has_died(left_.process) &&
           is_same_process(left_.process, session.process);
}

void Orphan::pass_on(SlotRef slot, Session &session) {
    UAKV_ASSERT(&session.cache() == &cache_);
    slots_.erase(key_of(slot));
    session.take_hold(slot);
    cache_.store().pass_on(slot, session.number());
}

void Orphan::reclaim(std::vector<SlotRef> &reclaimed) {
    reclaim_kept(
        layout(),
        [this](SegmentId segment, std::uint32_t slot) {
            return holds({segment, slot});
        },
        [&](SegmentId segment, std::uint32_t slot) {
            slots_.erase(key_of({segment, slot}));
            cache_.store().give_back({segment, slot});
            reclaimed.push_back({segment, slot});
        });
}

void Orphan::take_leases_back() {
    UAKV_ASSERT(!leases_taken_);
    leases_taken_ = true;
    void_leases(layout());
    cache_.store().leases().detach(layout());
    cache_.count_revocation();
}

Orphans::~Orphans() {
    for (auto &[number, orphan] : orphans_) {
        unwatch(*orphan);
        orphan->leave();
    }
}

Result<void> Orphans::adopt(Cache &cache, std::vector<LeftSession> left) {
    UAKV_ASSERT(keeper_ != nullptr || left.empty());
    for (LeftSession &one : left) {
        const std::uint32_t number = one.number;
        auto orphan = std::make_unique<Orphan>(cache, std::move(one), KeptSession(*keeper_, cache, number),
                                               cache.store().slots_of_former(number));
        Orphan &adopted = *orphan;
        if (!orphans_.emplace(number, std::move(orphan)).second) {
            return error(UAKV_ERR_INTERNAL, "two sessions that were left have the number %u", number);
        }
        if (auto watched = watch(adopted); !watched.ok()) {
            return watched;
        }
        std::vector<SlotRef> reclaimed; // what nobody fills yet need not wait for the end
        adopted.reclaim(reclaimed);
    }
    return {};
}

Result<void> Orphans::watch(Orphan &orphan) {
    const auto handler = [this, number = orphan.number()] { look_at(number); };
    auto rope = loop_.watch(orphan.rope(), handler);
    if (!rope.ok()) {
        return rope.take_error();
    }
    orphan.rope_watch = rope.value();
    if (!orphan.process().valid()) {
        return {};
    }
    auto process = loop_.watch(orphan.process(), handler);
    if (!process.ok()) {
        return process.take_error();
    }
    orphan.process_watch = process.value();
    return {};
}

// A rope is always readable, for nothing comes in there.
void Orphans::look_at(std::uint32_t number) {
    const auto found = orphans_.find(number);
    UAKV_ASSERT(found != orphans_.end()); // its watches end with it
    if (found->second->is_over()) {
        end(number);
    }
}

void Orphans::end(std::uint32_t number) {
    const auto found = orphans_.find(number);
    unwatch(*found->second);
    before_end_(*found->second);
    log_debug("{} is through", found->second->name());
    orphans_.erase(found);
}

void Orphans::unwatch(Orphan &orphan) {
    for (EventLoop::WatchId *watch : {&orphan.rope_watch, &orphan.process_watch}) {
        if (*watch != 0) {
            loop_.unwatch(std::exchange(*watch, 0));
        }
    }
}

} // namespace uakv
