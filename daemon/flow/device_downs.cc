#include "daemon/flow/device_downs.h"

#include "ipc/hashing.h"

#include <algorithm>

namespace uakv::flow {
namespace {

// Enough to keep the link busy while the next copies are put together; and so little that what is held and granted
// keeps neither side from its memory.
constexpr std::uint64_t window_bytes_max = 64ULL << 20;
constexpr std::uint64_t window_parts_of_memory = 8;
constexpr std::size_t copies_max = 64;

constexpr std::uint32_t steps_per_turn = 256;
constexpr std::size_t queue_slack = 1024;

// As the Cleaner has it: from when on those that leave next come first, how many of a class, and how often.
constexpr double pressed_part = 1.0 / 8;
constexpr std::uint32_t ahead_part = 8;
constexpr std::uint32_t ahead_max = 256;
constexpr std::uint32_t changes_part = 4;

constexpr std::uint64_t later_pause_ns = ns_per_ms;
constexpr std::uint64_t no_room_pause_ns = 20 * ns_per_ms;

} // namespace

// The copier is gone, and the workers have given back all jobs.
DeviceDowns::~DeviceDowns() {
    for (auto &[tag, down] : downs_) {
        context_.host.give_back(down.slot);
        if (down.held) {
            context_.arena.let_go(down.entry);
        }
    }
}

void DeviceDowns::stored(EntryId entry) {
    changed(context_.arena.size_class_of_block(entry));
    queue_.emplace_back(entry, context_.arena.index().entry(entry).generation);
}

bool DeviceDowns::has_room(std::uint64_t bytes) const {
    const std::uint64_t memory = std::min(memory_bytes_of(context_.arena), memory_bytes_of(context_.host));
    const std::uint64_t window = std::min(window_bytes_max, memory / window_parts_of_memory);
    return downs_.size() < copies_max && (bytes_ == 0 || bytes_ + bytes <= window);
}

bool DeviceDowns::host_takes(const BlockDescription &block, SpaceId host_space) const {
    return block.length <= context_.host.segment_bytes() &&
           block.length <= context_.host.spaces().find(host_space)->block_bytes;
}

DeviceDowns::Begun DeviceDowns::begin(EntryId entry, Waiter waiter) {
    Store &arena = context_.arena;
    const Generation generation = arena.index().entry(entry).generation;
    if (!is_live(generation)) {
        return Begun::there;
    }
    Down down;
    down.description = arena.index().describe(entry);
    const BlockDescription &block = down.description;
    if (!ttl_left_ms(block.expires_ms) || context_.spaces.is_clearing(block.space)) {
        return Begun::there;
    }
    const BlockKey key{block.space, block.key};
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
        Down &other = downs_.at(known->second);
        if (other.forgotten || other.generation != generation) {
            return Begun::not_now;
        }
        if (waiter != nobody) {
            other.waiters.push_back(waiter);
        }
        return Begun::under_way;
    }
    const auto host_space = context_.spaces.to_host(block.space);
    if (!host_space || !host_takes(block, *host_space)) {
        return Begun::not_at_all;
    }
    if (context_.host.find(*host_space, block.key)) {
        return Begun::there;
    }
    if (context_.copier.has_failed()) {
        return Begun::not_at_all;
    }
    if (!has_room(block.length)) {
        return Begun::not_now;
    }
    const Store::Grant grant = context_.host.grant(block.length, 0);
    if (grant.outcome != Store::GrantOutcome::granted) {
        const bool none = grant.outcome == Store::GrantOutcome::none;
        context_.statistics.down_no_room += none ? 1U : 0U;
        refused_pause_ns_ = none ? no_room_pause_ns : later_pause_ns;
        return Begun::not_now;
    }
    down.entry = entry;
    down.generation = generation;
    down.block = key;
    down.host_space = *host_space;
    down.slot = grant.slot;
    if (waiter != nobody) {
        down.waiters.push_back(waiter);
    }
    arena.hold(entry);
    bytes_ += block.length;
    const BlockCopier::Tag tag = context_.next_copy++;
    by_key_[key] = tag;
    context_.copier.begin(
        {BlockCopier::Way::down, place_of(arena, entry), place_of(context_.host, grant.slot), block.length, tag});
    downs_.emplace(tag, std::move(down));
    return Begun::yes;
}

void DeviceDowns::copied(BlockCopier::Tag tag, uakv_status status) {
    Down &down = downs_.at(tag);
    context_.arena.let_go(down.entry);
    down.held = false;
    if (status != UAKV_OK) {
        ++context_.statistics.errors;
        finish(tag, status);
    } else if (down.forgotten) {
        finish(tag, UAKV_OK);
    } else {
        hash(tag, down);
    }
}

// Nobody has seen the bytes yet: a client of the host checks them by this.
void DeviceDowns::hash(BlockCopier::Tag tag, Down &down) {
    const auto bytes = context_.host.bytes_of(down.slot).first(down.description.length);
    context_.run([&down, bytes] { down.checksum = checksum_of(bytes.data(), bytes.size()); },
                 [this, tag] { finish(tag, commit(downs_.at(tag))); });
}

// UAKV_ERR_NO_SPACE: the host has no place for it in its index.
uakv_status DeviceDowns::commit(const Down &down) {
    const auto ttl_ms = ttl_left_ms(down.description.expires_ms);
    if (down.forgotten || !ttl_ms) {
        return UAKV_OK;
    }
    Store::CommitRequest request;
    request.space = down.host_space;
    request.key = down.block.key;
    request.parent = down.description.parent;
    request.length = down.description.length;
    request.checksum = down.checksum;
    request.ttl_ms = *ttl_ms;
    const uakv_status status = context_.host.commit(down.slot, request);
    if (status == UAKV_OK) {
        ++context_.statistics.down;
        context_.statistics.bytes_down += request.length;
    }
    return status;
}

// What is not the host's by now goes back.
void DeviceDowns::finish(BlockCopier::Tag tag, uakv_status status) {
    const auto found = downs_.find(tag);
    const Down down = std::move(found->second);
    downs_.erase(found);
    by_key_.erase(down.block);
    bytes_ -= down.description.length;
    if (context_.host.slots().is_granted(down.slot.segment, down.slot.index)) {
        context_.host.give_back(down.slot);
    }
    for (const Waiter waiter : down.waiters) {
        ended_.push_back({waiter, status == UAKV_EXISTS ? UAKV_OK : status});
    }
}

void DeviceDowns::forgotten(const BlockKey &block) {
    if (const auto known = by_key_.find(block); known != by_key_.end()) {
        downs_.at(known->second).forgotten = true;
    }
}

void DeviceDowns::forgotten(SpaceId space) {
    for (auto &[tag, down] : downs_) {
        down.forgotten = down.forgotten || down.block.space == space;
    }
}

std::uint64_t DeviceDowns::turn(std::uint64_t now_ns) {
    if (now_ns < again_ns_) {
        return queue_.empty() ? UINT64_MAX : again_ns_ - now_ns;
    }
    prune();
    refused_pause_ns_ = 0;
    const bool all = begin_coldest() && begin_queued();
    if (refused_pause_ns_ != 0) {
        again_ns_ = now_ns + refused_pause_ns_;
        return refused_pause_ns_;
    }
    return all && !queue_.empty() ? 0 : UINT64_MAX; // otherwise a copy that ends brings us here
}

// Blocks that are stored and leave again faster than they can be copied leave their places in the queue behind.
void DeviceDowns::prune() {
    if (queue_.size() <= 2 * context_.arena.counters().blocks + queue_slack) {
        return;
    }
    std::erase_if(queue_, [this](const auto &one) { return !context_.arena.is_live(one.first, one.second); });
}

// False: some have to wait.
bool DeviceDowns::begin_coldest() {
    for (SizeClass size_class = 0; size_class < size_classes; ++size_class) {
        const std::uint32_t total = context_.arena.slots().total_slots(size_class);
        if (changes_[size_class] == 0 || total == 0) {
            continue;
        }
        const std::uint32_t ahead = std::clamp(total / ahead_part, 1U, ahead_max);
        if (changes_[size_class] < std::max(1U, ahead / changes_part) ||
            !context_.arena.is_pressed(size_class, pressed_part)) {
            continue;
        }
        coldest_.clear();
        context_.arena.policy().next_to_leave(size_class, ahead, coldest_);
        for (const EntryId entry : coldest_) {
            if (begin(entry) == Begun::not_now) {
                return false;
            }
        }
        changes_[size_class] = 0;
    }
    return true;
}

// False: some have to wait. True also where there are more than one turn's.
bool DeviceDowns::begin_queued() {
    for (std::uint32_t step = 0; step < steps_per_turn && !queue_.empty(); ++step, queue_.pop_front()) {
        const auto [entry, generation] = queue_.front();
        if (context_.arena.is_live(entry, generation) && begin(entry) == Begun::not_now) {
            return false;
        }
    }
    return true;
}

} // namespace uakv::flow
