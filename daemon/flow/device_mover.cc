#include "daemon/flow/device_mover.h"

#include "daemon/flow/device_context.h"
#include "daemon/flow/device_downs.h"
#include "daemon/flow/device_flushes.h"
#include "daemon/flow/device_ups.h"
#include "daemon/store/random_word.h"

#include <algorithm>

namespace uakv {

using flow::BlockKey;

struct DeviceMover::State {
    State(Store &arena, const Host &host, BlockCopier &copier, Workers &workers, std::uint32_t tags,
          std::function<std::uint64_t()> clock)
        : context{arena,
                  host.store,
                  host.mover,
                  copier,
                  workers,
                  std::move(clock),
                  flow::DeviceSpaces(arena, host.store)},
          downs(context, random_word()), ups(context, random_word(), host_tag | Mover::Tag{tags} << tags_shift),
          flushes(context, downs) {}

    void take_over();

    flow::DeviceContext context;
    flow::DeviceDowns downs;
    flow::DeviceUps ups;
    flow::DeviceFlushes flushes;
    std::vector<BlockCopier::Done> done; // scratch
};

DeviceMover::DeviceMover(Store &arena, const Host &host, BlockCopier &copier, Workers &workers, std::uint32_t tags,
                         std::function<std::uint64_t()> clock)
    : state_(std::make_unique<State>(arena, host, copier, workers, tags, std::move(clock))) {
    UAKV_ASSERT(tags < 1U << 15);
    state_->take_over();
    arena.set_below(this);
}

// Workers may still read what lies in slots that are ours.
DeviceMover::~DeviceMover() {
    flow::DeviceContext &context = state_->context;
    context.ending = true;
    while (context.jobs > 0) {
        context.workers.wait();
        context.workers.take_done();
    }
    context.arena.set_below(nullptr);
}

// Blocks that have outlived the daemon before in the arena are as if just stored.
void DeviceMover::State::take_over() {
    const IndexWriter &index = context.arena.index();
    for (EntryId id = 0; id < index.entries_used(); ++id) {
        if (is_live(index.entry(id).generation)) {
            downs.stored(id);
        }
    }
}

// ---- what clients ask -------------------------------------------------------------------------------------------

void DeviceMover::load(const Load &load) {
    state_->ups.begin(load);
}

void DeviceMover::cancel(Tag tag) {
    if (!state_->ups.cancel(tag)) {
        state_->flushes.cancel(tag);
    }
}

bool DeviceMover::prefetch(SpaceId space, const uakv_key &key) {
    return state_->ups.prefetch({space, key});
}

void DeviceMover::flush(SpaceId space, Tag tag) {
    state_->flushes.begin(space, tag);
}

std::vector<Mover::Answer> DeviceMover::take_answers() {
    return std::exchange(state_->context.answers, {});
}

void DeviceMover::host_answered(const Mover::Answer &answer) {
    state_->ups.host_answered(answer.tag, answer.status);
}

std::optional<SpaceId> DeviceMover::host_space(SpaceId space) {
    return state_->context.spaces.to_host(space);
}

std::optional<SpaceId> DeviceMover::arena_space(SpaceId host_space, bool make) {
    return state_->context.spaces.to_arena(host_space, make);
}

// It may have left the arena while its copy down is under way: then the store has nothing to tell.
bool DeviceMover::remove(SpaceId space, const uakv_key &key) {
    forgotten(space, key, Departure::removed);
    return state_->context.arena.remove(space, key);
}

DeviceMover::Statistics DeviceMover::statistics() const {
    Statistics statistics = state_->context.statistics;
    statistics.waiting = state_->downs.waiting();
    statistics.under_way = state_->downs.under_way() + state_->ups.under_way();
    statistics.failed = state_->context.copier.has_failed();
    return statistics;
}

// ---- what the store tells ---------------------------------------------------------------------------------------

void DeviceMover::stored(EntryId entry) {
    state_->downs.stored(entry);
}

bool DeviceMover::evicted(EntryId entry) {
    flow::DeviceContext &context = state_->context;
    const IndexEntry &block = context.arena.index().entry(entry);
    const SpaceId space = home_of(block).space;
    state_->downs.changed(context.arena.size_class_of_block(entry));
    const auto host_space = context.spaces.to_host(space);
    if (!state_->downs.is_under_way({space, block.key}) &&
        (!host_space || !context.host.find(*host_space, block.key))) {
        ++context.statistics.unsaved;
    }
    return false;
}

void DeviceMover::forgotten(SpaceId space, const uakv_key &key, Departure why) {
    if (why != Departure::evicted && why != Departure::rebalanced) {
        state_->downs.forgotten(BlockKey{space, key});
        state_->ups.forgotten(BlockKey{space, key});
    }
}

void DeviceMover::clear_begun(SpaceId space) {
    state_->context.spaces.clear_begun(space);
    state_->downs.forgotten(space);
    state_->ups.forgotten(space);
}

void DeviceMover::clear_ended(SpaceId space) {
    state_->context.spaces.clear_ended(space);
}

// ---- turns ------------------------------------------------------------------------------------------------------

std::uint64_t DeviceMover::turn() {
    State &state = *state_;
    bool more = state.context.workers.take_done();
    state.done.clear();
    state.context.copier.take_done(state.done);
    for (const BlockCopier::Done &done : state.done) {
        if (state.downs.owns(done.tag)) {
            state.downs.copied(done.tag, done.status);
        } else {
            UAKV_ASSERT(state.ups.owns(done.tag));
            state.ups.copied(done.tag, done.status);
        }
    }
    for (const flow::DeviceDowns::Ended &ended : state.downs.take_ended()) {
        state.flushes.ended(ended);
        more = true;
    }
    const std::uint64_t now_ns = state.context.clock();
    std::uint64_t next = state.ups.turn(now_ns);
    next = std::min(next, state.flushes.turn(now_ns));
    next = std::min(next, state.downs.turn(now_ns));
    return more || !state.done.empty() || !state.context.answers.empty() ? 0 : next;
}

void DeviceMover::stop(std::uint64_t timeout_ns, const std::function<void()> &wait) {
    const std::uint64_t end_ns = state_->context.clock() + timeout_ns;
    for (;;) {
        const std::uint64_t next = turn();
        take_answers(); // nobody hears them any more
        if (!state_->downs.any() || state_->context.clock() >= end_ns) {
            return;
        }
        if (next != 0) {
            wait();
        }
    }
}

} // namespace uakv
