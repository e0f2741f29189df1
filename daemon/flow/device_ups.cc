#include "daemon/flow/device_ups.h"

#include <algorithm>

namespace uakv::flow {
namespace {

// As for loads from disk: how long a block waits for room, and how often it is tried again.
constexpr std::uint64_t patience_ns = 20 * ns_per_ms;
constexpr std::uint64_t retry_ns = ns_per_ms;
constexpr std::size_t refusals_per_turn = 16; // each may look at all leases

// Slots that are being filled are of no use to others meanwhile.
constexpr std::uint64_t parts_of_memory = 4;
constexpr std::size_t copies_max = 64;
constexpr std::size_t unasked_max = 64;
constexpr std::uint64_t prefetch_ns_max = ns_per_s; // the host's disk may take so long for a hint

constexpr Mover::Tag number_mask = (1ULL << DeviceMover::tags_shift) - 1;

} // namespace

// The copier is gone.
DeviceUps::~DeviceUps() {
    for (auto &[number, up] : ups_) {
        if (up.stage == Stage::copying) {
            context_.host.let_go(up.from);
            context_.arena.give_back(up.slot);
        }
    }
}

void DeviceUps::begin(const DeviceMover::Load &load) {
    const BlockKey block{load.space, load.key};
    const auto answer = [&](uakv_status status) { context_.answers.push_back({load.tag, status}); };
    if (context_.arena.find(block.space, block.key)) {
        answer(UAKV_OK);
        return;
    }
    if (const auto known = by_key_.find(block); known != by_key_.end()) {
        ++context_.statistics.load_joins;
        wait(known->second, {load.tag, load.deadline_ns});
        return;
    }
    const auto host_space = context_.spaces.to_host(block.space);
    if (!host_space || context_.spaces.is_clearing(block.space) || !context_.host.find(*host_space, block.key)) {
        answer(UAKV_MISS);
        return;
    }
    if (context_.clock() >= load.deadline_ns) {
        ++context_.statistics.load_late;
        answer(UAKV_MISS);
        return;
    }
    const Number number = insert(block, *host_space);
    wait(number, {load.tag, load.deadline_ns});
    if (waiting_.empty()) {
        start_or_wait(number);
    } else {
        waiting_.push_back(number);
    }
}

bool DeviceUps::prefetch(const BlockKey &block) {
    if (by_key_.count(block) != 0) {
        return true;
    }
    const auto host_space = context_.spaces.to_host(block.space);
    if (!host_space || context_.arena.find(block.space, block.key) || context_.spaces.is_clearing(block.space) ||
        !context_.host.find(*host_space, block.key) || ups_.size() >= unasked_max || !waiting_.empty()) {
        return false;
    }
    const Number number = insert(block, *host_space);
    switch (start(number)) {
    case Started::yes:
        return true;
    case Started::ended:
        return false;
    case Started::later:
    case Started::no_room:
        finish(number, UAKV_MISS);
    }
    return false;
}

DeviceUps::Number DeviceUps::insert(const BlockKey &block, SpaceId host_space) {
    const Number number = next_++;
    by_key_[block] = number;
    Up &up = ups_[number];
    up.block = block;
    up.host_space = host_space;
    up.since_ns = context_.clock();
    return number;
}

void DeviceUps::wait(Number number, const Waiter &waiter) {
    ups_.at(number).waiters.push_back(waiter);
    by_tag_[waiter.tag] = number;
    deadlines_.emplace(waiter.deadline_ns, waiter.tag);
}

// Takes the waiter off what it waits for; which that was.
DeviceUps::Number DeviceUps::take_off(DeviceMover::Tag tag) {
    const auto found = by_tag_.find(tag);
    const Number number = found->second;
    by_tag_.erase(found);
    Up &up = ups_.at(number);
    const auto waiter =
        std::find_if(up.waiters.begin(), up.waiters.end(), [&](const Waiter &each) { return each.tag == tag; });
    deadlines_.erase({waiter->deadline_ns, tag});
    up.waiters.erase(waiter);
    return number;
}

bool DeviceUps::cancel(DeviceMover::Tag tag) {
    if (by_tag_.count(tag) == 0) {
        return false;
    }
    const Number number = take_off(tag);
    const Up &up = ups_.at(number);
    if (up.waiters.empty() && up.stage == Stage::waiting) {
        finish(number, UAKV_MISS); // nobody hears it
    }
    return true;
}

std::uint64_t DeviceUps::last_deadline(const Up &up) const {
    std::uint64_t last = 0;
    for (const Waiter &waiter : up.waiters) {
        last = std::max(last, waiter.deadline_ns);
    }
    return up.waiters.empty() ? up.since_ns + prefetch_ns_max : last;
}

void DeviceUps::start_or_wait(Number number) {
    const Started started = start(number);
    if (started == Started::later || started == Started::no_room) {
        waiting_.push_back(number);
    }
}

// Looks where the block is now, and begins what brings it here.
DeviceUps::Started DeviceUps::start(Number number) {
    Up &up = ups_.at(number);
    up.stage = Stage::waiting;
    const auto entry = context_.host.find(up.host_space, up.block.key);
    if (!entry || context_.spaces.is_clearing(up.block.space)) {
        finish(number, UAKV_MISS);
        return Started::ended;
    }
    const BlockDescription there = context_.host.index().describe(*entry);
    if (there.cold || there.stored_bytes != 0) {
        return load_from_disk(number, up);
    }
    if (context_.copier.has_failed()) {
        finish(number, UAKV_ERR_GPU);
        return Started::ended;
    }
    if (there.length > context_.arena.segment_bytes()) {
        finish(number, UAKV_MISS);
        return Started::ended;
    }
    const std::uint64_t window = memory_bytes_of(context_.arena) / parts_of_memory;
    if (by_copy_.size() >= copies_max || (bytes_ != 0 && bytes_ + there.length > window)) {
        return Started::later;
    }
    const Store::Grant grant = context_.arena.grant(there.length, 0);
    if (grant.outcome != Store::GrantOutcome::granted) {
        return grant.outcome == Store::GrantOutcome::later ? Started::later : Started::no_room;
    }
    context_.host.hold(*entry);
    up.stage = Stage::copying;
    up.from = *entry;
    up.description = there;
    up.slot = grant.slot;
    up.copy = context_.next_copy++;
    by_copy_[up.copy] = number;
    bytes_ += there.length;
    context_.copier.begin({BlockCopier::Way::up, place_of(context_.arena, grant.slot), place_of(context_.host, *entry),
                           there.length, up.copy});
    return Started::yes;
}

// The block itself has to be in memory, for the device knows no frames.
DeviceUps::Started DeviceUps::load_from_disk(Number number, Up &up) {
    if (context_.host_mover == nullptr) {
        finish(number, UAKV_MISS);
        return Started::ended;
    }
    up.stage = Stage::loading;
    up.deadline_ns = last_deadline(up);
    context_.host_mover->load({up.host_space, up.block.key, up.deadline_ns, false, tags_ | number});
    return Started::yes;
}

// In memory by now: it is looked for again. It could not be had in the time that there was: others may have more.
void DeviceUps::host_answered(Mover::Tag tag, uakv_status status) {
    const auto found = ups_.find(tag & number_mask);
    if (found == ups_.end() || found->second.stage != Stage::loading) {
        return;
    }
    Up &up = found->second;
    const Number number = found->first;
    up.stage = Stage::waiting;
    const bool more_time = !up.waiters.empty() && last_deadline(up) > up.deadline_ns;
    if (up.forgotten) {
        look_again(number);
    } else if (status == UAKV_OK || (status == UAKV_MISS && more_time)) {
        start_or_wait(number);
    } else {
        finish(number, status);
    }
}

void DeviceUps::copied(BlockCopier::Tag copy, uakv_status status) {
    const Number number = by_copy_.at(copy);
    Up &up = ups_.at(number);
    if (status != UAKV_OK) {
        ++context_.statistics.errors;
        finish(number, status);
    } else if (up.forgotten) {
        look_again(number);
    } else {
        finish(number, publish(up));
    }
}

// UAKV_OK: it is in the arena, by this or by somebody else.
uakv_status DeviceUps::publish(Up &up) {
    const auto ttl_ms = ttl_left_ms(up.description.expires_ms);
    if (!ttl_ms) {
        return UAKV_MISS;
    }
    Store::CommitRequest request;
    request.space = up.block.space;
    request.key = up.block.key;
    request.parent = up.description.parent;
    request.length = up.description.length;
    request.checksum = up.description.checksum;
    request.ttl_ms = *ttl_ms;
    const uakv_status status = context_.arena.commit(up.slot, request);
    if (status == UAKV_ERR_NO_SPACE) {
        ++context_.statistics.load_no_room;
        return UAKV_MISS;
    }
    if (status == UAKV_OK) {
        ++context_.statistics.up;
        context_.statistics.bytes_up += request.length;
    }
    return UAKV_OK;
}

// What is not the arena's by now goes back.
void DeviceUps::stop_copying(Up &up) {
    context_.host.let_go(up.from);
    if (context_.arena.slots().is_granted(up.slot.segment, up.slot.index)) {
        context_.arena.give_back(up.slot);
    }
    by_copy_.erase(up.copy);
    bytes_ -= up.description.length;
    up.stage = Stage::waiting;
}

// It was removed, and perhaps stored again since.
void DeviceUps::look_again(Number number) {
    const Up &up = ups_.at(number);
    const BlockKey block = up.block;
    const std::vector<Waiter> waiters = up.waiters;
    for (const Waiter &waiter : waiters) {
        take_off(waiter.tag);
    }
    finish(number, UAKV_MISS);
    for (const Waiter &waiter : waiters) {
        begin({block.space, block.key, waiter.deadline_ns, waiter.tag});
    }
}

void DeviceUps::finish(Number number, uakv_status status) {
    const auto found = ups_.find(number);
    Up up = std::move(found->second);
    ups_.erase(found);
    by_key_.erase(up.block);
    if (up.stage == Stage::copying) {
        stop_copying(up);
        try_ns_ = 0;
    }
    for (const Waiter &waiter : up.waiters) {
        by_tag_.erase(waiter.tag);
        deadlines_.erase({waiter.deadline_ns, waiter.tag});
        context_.answers.push_back({waiter.tag, status});
    }
}

void DeviceUps::forgotten(const BlockKey &block) {
    if (const auto known = by_key_.find(block); known != by_key_.end()) {
        ups_.at(known->second).forgotten = true;
    }
}

void DeviceUps::forgotten(SpaceId space) {
    for (auto &[number, up] : ups_) {
        up.forgotten = up.forgotten || up.block.space == space;
    }
}

std::uint64_t DeviceUps::turn(std::uint64_t now_ns) {
    expire(now_ns);
    if (!waiting_.empty() && now_ns >= try_ns_) {
        start_waiting(now_ns);
        try_ns_ = now_ns + retry_ns;
    }
    std::uint64_t next = waiting_.empty() ? UINT64_MAX : try_ns_;
    if (!deadlines_.empty()) {
        next = std::min(next, std::get<0>(*deadlines_.begin()));
    }
    return next == UINT64_MAX ? next : next - std::min(next, now_ns);
}

void DeviceUps::expire(std::uint64_t now_ns) {
    while (!deadlines_.empty() && std::get<0>(*deadlines_.begin()) <= now_ns) {
        const DeviceMover::Tag tag = std::get<1>(*deadlines_.begin());
        cancel(tag);
        ++context_.statistics.load_late;
        context_.answers.push_back({tag, UAKV_MISS});
    }
}

void DeviceUps::start_waiting(std::uint64_t now_ns) {
    std::deque<Number> waiting = std::exchange(waiting_, {});
    std::size_t refusals = 0;
    for (const Number number : waiting) {
        const auto found = ups_.find(number);
        if (found == ups_.end()) {
            continue; // nobody waited for it any more
        }
        if (refusals == refusals_per_turn) {
            waiting_.push_back(number);
            continue;
        }
        if (found->second.forgotten) {
            look_again(number);
            continue;
        }
        const std::uint64_t since_ns = found->second.since_ns;
        const Started started = start(number);
        if (started == Started::no_room && now_ns - since_ns >= patience_ns) {
            ++context_.statistics.load_no_room;
            finish(number, UAKV_MISS);
            ++refusals;
        } else if (started == Started::later || started == Started::no_room) {
            waiting_.push_back(number);
            ++refusals;
        }
    }
}

} // namespace uakv::flow
