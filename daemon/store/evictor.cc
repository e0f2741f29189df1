#include "daemon/store/evictor.h"

#include "daemon/base/log.h"
#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <algorithm>
#include <fmt/format.h>

namespace uakv {
namespace {

constexpr std::size_t drain_batch = 256;

// A class whose coldest block is this much younger than another's gets a segment of that one: it evicts
// blocks that would be hit again, while the other keeps some that were not used for longer.
constexpr std::uint64_t age_ratio = 4;

} // namespace

void Evictor::used(EntryId entry) {
    segment_used(home_of(index_.entry(entry)).segment);
}

void Evictor::segment_used(SegmentId segment) {
    if (segment >= segment_used_.size()) {
        segment_used_.resize(segment + 1);
    }
    segment_used_[segment] = policy_.now();
}

void Evictor::retire(EntryId entry, Departure departure) {
    const BlockDescription block = index_.describe(entry);
    const bool evicted = departure == Departure::evicted || departure == Departure::rebalanced;
    const bool goes_on = evicted && below_ != nullptr && below_->evicted(entry) && records_.cold.replace(entry).ok();
    records_.counters.left(block.space, block.length, departure);
    if (!goes_on) {
        records_.departures.add(block.space, block.key, departure, boot_ms());
        if (log_enabled(LogLevel::trace)) { // before it is gone: whoever misses the block finds the line
            log_trace("{} ns: block {:02x} left space {}: {}", now_ns(), fmt::join(block.key.bytes, ""), block.space,
                      name_of(departure));
        }
        index_.retire(entry);
        if (below_ != nullptr && (!evicted || block.on_disk)) {
            below_->forgotten(block.space, block.key, departure);
        }
    }
    leave(entry);
}

void Evictor::leave(EntryId entry) {
    const IndexEntry &gone = index_.entry(entry);
    if ((home_of(gone).flags & entry_expires) != 0) {
        records_.expiry.remove(gone.expires_ms, entry);
    }
    records_.pins.unpin(entry);
    policy_.removed(entry);
    limbo_.push_back(entry);
    unsettled_ = true;
}

void Evictor::let_go(EntryId entry) {
    const auto held = holds_.find(entry);
    UAKV_ASSERT(held != holds_.end());
    if (--held->second == 0) {
        holds_.erase(held);
        unsettled_ = unsettled_ || !is_live(index_.entry(entry).generation);
    }
}

void Evictor::settle() {
    unsettled_ = false;
    if (limbo_.empty()) {
        return;
    }
    mark_leased();
    std::erase_if(limbo_, [this](EntryId entry) {
        if (is_leased(entry) || is_held(entry)) {
            return false;
        }
        const IndexEntry &gone = index_.entry(entry);
        slots_.give_back(slots_.slot_at(home_of(gone).segment, gone.offset));
        UAKV_SEQUENCE_POINT(slot_freed);
        index_.release(entry);
        return true;
    });
}

// E2 and E3 of ipc/lease_table.h.
void Evictor::mark_leased() {
    ++mark_;
    marks_.resize(index_.entries_used());
    full_fence();
    UAKV_SEQUENCE_POINT(leases_fenced);
    leases_.scan([this](EntryId entry, std::uint64_t word) {
        if (entry < marks_.size() && lease_matches(word, entry, index_.entry(entry).generation)) {
            marks_[entry] = mark_;
        }
    });
}

void Evictor::make_room(SizeClass size_class, std::uint32_t wanted) {
    const auto enough = [&] { return slots_.free_slots(size_class) >= wanted || slots_.unassigned_segments() > 0; };
    settle();
    if (!evicting_ || enough()) {
        return;
    }
    mark_leased();
    if (!draining()) {
        if (const auto segment = segment_to_take(size_class)) {
            begin_drain(*segment);
        }
    }
    if (draining()) {
        continue_drain();
        if (enough()) {
            return;
        }
    }
    evict_coldest(size_class, wanted);
    settle();
}

// A leased block is in use, so it goes to the hot end; no more of them than there are blocks. One that is held is
// passed over: it is on its way to disk because it is cold.
void Evictor::evict_coldest(SizeClass size_class, std::uint32_t wanted) {
    std::uint32_t leaving = 0;
    std::optional<EntryId> passed;
    for (std::uint32_t steps = slots_.total_slots(size_class); steps > 0; --steps) {
        const auto entry = passed ? policy_.colder_than_rest(*passed) : policy_.coldest(size_class);
        if (!entry || slots_.free_slots(size_class) + leaving >= wanted) {
            break;
        }
        if (is_held(*entry)) {
            passed = entry;
        } else if (is_leased(*entry)) {
            policy_.touched(*entry);
        } else {
            retire(*entry, Departure::evicted);
            ++leaving;
        }
    }
}

// Of the segments of other classes that can be drained at once, the one that was not used for longest.
std::optional<SegmentId> Evictor::segment_to_take(SizeClass size_class) const {
    std::vector<SegmentId> others;
    for (SegmentId segment = 0; segment < slots_.segments(); ++segment) {
        const auto other = slots_.class_of(segment);
        if (other && *other != size_class && is_worth_taking(segment, size_class)) {
            others.push_back(segment);
        }
    }
    const auto last_used = [this](SegmentId segment) {
        return segment < segment_used_.size() ? segment_used_[segment] : 0;
    };
    std::sort(others.begin(), others.end(), [&](SegmentId a, SegmentId b) { return last_used(a) < last_used(b); });
    const auto found = std::find_if(others.begin(), others.end(), [this](SegmentId s) { return can_drain(s); });
    return found == others.end() ? std::nullopt : std::optional<SegmentId>(*found);
}

bool Evictor::is_worth_taking(SegmentId segment, SizeClass for_class) const {
    const auto own = policy_.coldest(for_class);
    if (!own) {
        return true; // the class starves
    }
    const std::uint64_t own_last = policy_.last_used(*own);
    if (segment < segment_used_.size() && segment_used_[segment] < own_last) {
        return true; // all of it is colder than our coldest
    }
    const auto theirs = policy_.coldest(*slots_.class_of(segment));
    return theirs && (policy_.now() - own_last) * age_ratio < policy_.now() - policy_.last_used(*theirs);
}

// Nobody reads or fills a slot of it (as of the last mark_leased), and none is pinned.
bool Evictor::can_drain(SegmentId segment) const {
    bool can = !records_.pins.any_in(segment);
    slots_.for_each_used(
        segment, [&](std::optional<EntryId> entry) { can = can && entry && !is_leased(*entry) && !is_held(*entry); });
    return can;
}

void Evictor::begin_drain(SegmentId segment) {
    slots_.for_each_used(segment, [this](std::optional<EntryId> entry) { drain_list_.push_back(*entry); });
    slots_.drain(segment);
    drain_segment_ = segment;
    UAKV_SEQUENCE_POINT(takeover_begun);
}

void Evictor::continue_drain() {
    if (!slots_.is_draining(drain_segment_)) {
        drain_list_.clear(); // its blocks left by themselves, and it may serve another class by now
        return;
    }
    for (std::size_t i = 0; i < drain_batch && !drain_list_.empty(); ++i) {
        const EntryId entry = drain_list_.back();
        drain_list_.pop_back();
        const IndexEntry &block = index_.entry(entry);
        // It may have left by itself meanwhile, and the entry may be another block's.
        if (is_live(block.generation) && home_of(block).segment == drain_segment_) {
            retire(entry, Departure::rebalanced);
            UAKV_SEQUENCE_POINT(takeover_step);
        }
    }
    settle();
}

void Evictor::spare(SegmentId segment) {
    if (!draining() || drain_segment_ != segment) {
        return;
    }
    drain_list_.clear();
    if (slots_.is_draining(segment)) {
        slots_.stop_drain(segment);
    }
}

void Evictor::set_evicting(bool evicting) {
    evicting_ = evicting;
    if (!evicting) {
        spare(drain_segment_);
    }
}

} // namespace uakv
