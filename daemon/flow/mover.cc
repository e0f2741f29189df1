#include "daemon/flow/mover.h"

#include "daemon/base/log.h"
#include "daemon/flow/cleaner.h"
#include "daemon/flow/context.h"
#include "daemon/flow/fetches.h"
#include "daemon/flow/flushes.h"
#include "daemon/flow/last_writes.h"
#include "daemon/flow/warmer.h"
#include "daemon/flow/writes.h"
#include "daemon/store/random_word.h"
#include "ipc/clock.h"

#include <algorithm>

namespace uakv {

using flow::BlockKey;

struct Mover::State {
    State(Store &store, disk::DiskTier &disk, Workers &workers, const Options &options,
          std::function<disk::Moment()> clock, flow::IoBuffers buffers)
        : context{store, disk, workers, options, std::move(clock), std::move(buffers), flow::SpaceMap(store, disk),
                  {},    {},   0},
          writes(context, random_word()), cleaner(context, writes), fetches(context, random_word()),
          flushes(context, writes), warmer(context, fetches) {}

    void restore();
    void take_over_memory();
    bool restore_block(const disk::CatalogBlock &stored, std::uint64_t wall_ms, std::uint64_t now_ms);
    void take(const disk::DiskTier::Event &event);
    void dropped(const disk::DiskTier::Event &event);
    bool take_writes();

    flow::Context context;
    flow::Writes writes;
    flow::Cleaner cleaner;
    flow::Fetches fetches;
    flow::Flushes flushes;
    flow::Warmer warmer;
    std::vector<disk::DiskTier::Event> events; // scratch
};

Result<std::unique_ptr<Mover>> Mover::create(Store &store, disk::DiskTier &disk, Workers &workers,
                                             const Options &options, std::function<disk::Moment()> clock) {
    auto buffers = flow::IoBuffers::make(options.buffer_bytes);
    if (!buffers.ok()) {
        return buffers.take_error();
    }
    std::unique_ptr<Mover> mover(new Mover(
        std::make_unique<State>(store, disk, workers, options, std::move(clock), std::move(buffers.value()))));
    mover->state_->restore();
    store.set_below(mover.get());
    return mover;
}

Mover::Mover(std::unique_ptr<State> state) : state_(std::move(state)) {}

// Workers may still read and write what is ours. The disk is not asked any more: it may be gone.
Mover::~Mover() {
    flow::Context &context = state_->context;
    context.ending = true;
    while (context.jobs > 0) {
        context.workers.wait();
        context.workers.take_done();
    }
    context.store.set_below(nullptr);
}

void Mover::reconfigure(const Options &options) {
    const std::uint64_t buffer_bytes = state_->context.options.buffer_bytes;
    state_->context.options = options;
    state_->context.options.buffer_bytes = buffer_bytes;
}

// ---- what the disk has at start ---------------------------------------------------------------------------------

void Mover::State::restore() {
    const disk::Catalog &catalog = context.disk.catalog();
    for (const auto &[number, space] : catalog.spaces()) {
        if (space.blocks == 0) {
            continue;
        }
        if (auto restored = context.spaces.restore(number, space.description); !restored.ok()) {
            log_warn("{} blocks on disk stay there unused until their room is wanted: {}", space.blocks,
                     restored.error().detail);
        }
    }
    const std::uint64_t wall_ms = context.clock().wall_ms;
    const std::uint64_t now_ms = boot_ms();
    std::uint64_t left_out = 0;
    for (disk::BlockNumber number = 0; number < catalog.numbers(); ++number) {
        const disk::CatalogBlock &stored = catalog.block(number);
        left_out += stored.live && !restore_block(stored, wall_ms, now_ms) ? 1U : 0U;
    }
    if (left_out > 0) {
        log_warn("{} blocks on disk cannot be found until uakvd is started again: the index has no room for them",
                 left_out);
    }
    take_over_memory();
}

// Blocks that have outlived the daemon before in memory, and that the disk does not have, are as if just stored.
void Mover::State::take_over_memory() {
    const IndexWriter &index = context.store.index();
    for (EntryId id = 0; id < index.entries_used(); ++id) {
        const IndexEntry &entry = index.entry(id);
        if (is_live(entry.generation) && (home_of(entry).flags & entry_on_disk) == 0) {
            cleaner.stored(id);
        }
    }
}

// False: there is no room in the index.
bool Mover::State::restore_block(const disk::CatalogBlock &stored, std::uint64_t wall_ms, std::uint64_t now_ms) {
    const auto space = context.spaces.space_of(stored.space);
    if (!space || stored.block_bytes == 0 || stored.block_bytes > context.store.spaces().find(*space)->block_bytes) {
        return true; // of no use to anybody
    }
    if (const auto there = context.store.find_even_expired(*space, stored.key)) { // it has outlived the daemon before
        const BlockDescription block = context.store.index().describe(*there);
        if (block.length == stored.block_bytes && block.checksum == stored.checksum) {
            context.store.set_on_disk(*there, true);
        } else {
            context.disk.erase(stored.space, stored.key);
        }
        return true;
    }
    BlockDescription block;
    block.space = *space;
    block.key = stored.key;
    if (stored.has_parent) {
        block.parent = stored.parent;
    }
    block.length = stored.block_bytes;
    block.checksum = stored.checksum;
    block.expires_ms = flow::to_boot_ms(stored.expires_ms, wall_ms, now_ms);
    return context.store.publish_cold(block).ok();
}

// ---- what clients and operators ask -----------------------------------------------------------------------------

void Mover::load(const Load &load) {
    state_->fetches.begin(load);
}

void Mover::cancel(Tag tag) {
    if (!state_->fetches.cancel(tag)) {
        state_->flushes.cancel(tag);
    }
}

void Mover::prefetch(SpaceId space, const uakv_key &key) {
    state_->warmer.hint({space, key});
}

void Mover::flush(SpaceId space, Tag tag) {
    state_->flushes.begin(space, tag);
}

std::vector<Mover::Answer> Mover::take_answers() {
    return std::exchange(state_->context.answers, {});
}

void Mover::warm(std::optional<SpaceId> space, std::uint64_t count) {
    state_->warmer.warm(space, count);
}

Mover::Statistics Mover::statistics() const {
    Statistics statistics = state_->context.statistics;
    statistics.warm_left = state_->warmer.left();
    return statistics;
}

disk::DiskTier &Mover::disk() {
    return state_->context.disk;
}

const disk::DiskTier &Mover::disk() const {
    return state_->context.disk;
}

std::span<std::byte> Mover::buffers() const {
    return state_->context.buffers.memory();
}

// ---- what the store tells ---------------------------------------------------------------------------------------

void Mover::stored(EntryId entry) {
    state_->cleaner.stored(entry);
}

bool Mover::evicted(EntryId entry) {
    flow::Context &context = state_->context;
    const IndexEntry &block = context.store.index().entry(entry);
    const SpaceId space = home_of(block).space;
    state_->cleaner.changed(context.store.size_class_of_block(entry));
    if ((home_of(block).flags & entry_on_disk) != 0 && has(entry)) {
        return true;
    }
    if (!state_->writes.left_memory({space, block.key}) && !context.spaces.is_clearing(space)) {
        ++context.statistics.unsaved;
        context.statistics.kept_off += state_->cleaner.admits(entry) ? 0U : 1U;
        context.spaces.note_unsaved(space);
    }
    return false;
}

bool Mover::has(EntryId entry) const {
    const flow::Context &context = state_->context;
    return !context.spaces.is_clearing(home_of(context.store.index().entry(entry)).space);
}

void Mover::forgotten(SpaceId space, const uakv_key &key, Departure /*why*/) {
    state_->writes.forgotten(BlockKey{space, key});
    state_->writes.erase({space, key});
}

void Mover::used(EntryId entry, std::uint32_t times) {
    flow::Context &context = state_->context;
    const IndexEntry &block = context.store.index().entry(entry);
    if ((home_of(block).flags & entry_on_disk) == 0) {
        return;
    }
    if (const auto number = context.spaces.number_of(home_of(block).space)) {
        context.disk.note_use(*number, block.key, times);
    }
}

void Mover::clear_begun(SpaceId space) {
    flow::Context &context = state_->context;
    context.spaces.clear_begun(space);
    state_->writes.forgotten(space);
    if (const auto number = context.spaces.number_of(space)) {
        context.disk.clear(*number);
    }
}

void Mover::clear_ended(SpaceId space) {
    state_->context.spaces.clear_ended(space);
}

// ---- turns ------------------------------------------------------------------------------------------------------

void Mover::State::take(const disk::DiskTier::Event &event) {
    switch (event.kind) {
    case disk::DiskTier::Event::Kind::written:
        writes.written(event.tag, event.status);
        break;
    case disk::DiskTier::Event::Kind::read:
        fetches.read(event.tag, event.status);
        break;
    case disk::DiskTier::Event::Kind::flushed:
        flushes.flushed(event.tag, event.status);
        break;
    case disk::DiskTier::Event::Kind::dropped:
        dropped(event);
        break;
    case disk::DiskTier::Event::Kind::verified:
        break;
    }
}

// While its space is cleared the disk has nothing of it: what the entry says is of no account, and goes soon.
void Mover::State::dropped(const disk::DiskTier::Event &event) {
    const auto space = context.spaces.space_of(event.space);
    const auto entry = space ? context.store.find_even_expired(*space, event.key) : std::nullopt;
    if (!entry || context.spaces.is_clearing(*space)) {
        return;
    }
    if (context.store.is_cold(*entry)) {
        context.store.drop_cold(*entry, Departure::dropped);
        return;
    }
    context.store.set_on_disk(*entry, false);
    cleaner.changed(context.store.size_class_of_block(*entry));
}

// True when somebody heard of one.
bool Mover::State::take_writes() {
    const auto ended = writes.take_ended();
    for (const auto &write : ended) {
        flushes.written(write);
    }
    return !ended.empty();
}

std::uint64_t Mover::turn() {
    State &state = *state_;
    bool more = state.context.workers.take_done();
    const disk::Moment now = state.context.clock();
    std::uint64_t next = state.fetches.turn(now.now_ns);
    more = state.flushes.turn() || more;
    next = std::min(next, state.cleaner.turn(now.now_ns));
    more = state.warmer.turn() || more;
    state.events.clear();
    next = std::min(next, state.context.disk.turn(now, state.events));
    for (const disk::DiskTier::Event &event : state.events) {
        state.take(event);
    }
    more = state.take_writes() || !state.events.empty() || !state.context.answers.empty() || more;
    return more ? 0 : next;
}

void Mover::stop(std::uint64_t timeout_ns, const std::function<void()> &wait) {
    State &state = *state_;
    flow::Context &context = state.context;
    const std::uint64_t end_ns = context.clock().now_ns + timeout_ns;
    flow::LastWrites last(context, state.writes, state.cleaner);
    if (timeout_ns != 0) {
        last.choose();
    }
    for (;;) {
        const bool more = last.turn();
        const std::uint64_t next = turn();
        const std::uint64_t now_ns = context.clock().now_ns;
        if ((!more && !state.writes.any()) || now_ns >= end_ns) {
            break;
        }
        if (next != 0) {
            wait();
        }
    }
    const std::uint64_t now_ns = context.clock().now_ns;
    context.disk.close(end_ns - std::min(end_ns, now_ns));
}

} // namespace uakv
