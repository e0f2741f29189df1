#include "daemon/flow/flushes.h"

namespace uakv::flow {
namespace {

constexpr std::uint32_t entries_per_turn = 4096;

} // namespace

void Flushes::begin(SpaceId space, Mover::Tag tag) {
    Flush flush;
    flush.space = space;
    flush.tag = tag;
    flush.end = context_.store.index().entries_used();
    flushes_.emplace(next_++, std::move(flush));
}

// The first that goes wrong is what is told, but that something is lost before all.
void Flushes::fail(Flush &flush, uakv_status status) {
    if (flush.status == UAKV_OK || status == UAKV_ERR_NO_SPACE) {
        flush.status = status;
    }
}

bool Flushes::cancel(Mover::Tag tag) {
    for (auto &[number, flush] : flushes_) {
        if (flush.tag == tag) {
            flush.tag.reset();
            return true;
        }
    }
    return false;
}

bool Flushes::turn() {
    bool more = false;
    for (auto &[number, flush] : flushes_) {
        if (!flush.walked) {
            const Walked walked = walk(number, flush);
            more = more || walked == Walked::some;
            flush.walked = walked == Walked::all;
            if (walked == Walked::blocked && !writes_.any() &&
                context_.disk.statistics(context_.clock()).breaker_open) {
                fail(flush, UAKV_ERR_IO);
                flush.again.clear();
                flush.walked = true;
            }
        }
        if (flush.walked && !flush.flushing && flush.waits_for == 0) {
            flush.flushing = true;
            context_.disk.flush(number);
        }
    }
    return more;
}

// Begins what is to be written, as fast as the disk takes it.
Flushes::Walked Flushes::walk(std::uint64_t number, Flush &flush) {
    const IndexWriter &index = context_.store.index();
    const auto write = [&](EntryId entry) {
        const Writes::Begun begun = writes_.begin(entry, true, number);
        flush.waits_for += begun == Writes::Begun::yes || begun == Writes::Begun::under_way ? 1 : 0;
        return begun != Writes::Begun::not_now;
    };
    for (; !flush.again.empty(); flush.again.pop_front()) {
        const auto [entry, generation] = flush.again.front();
        if (context_.store.is_live(entry, generation) && !write(entry)) {
            return Walked::blocked;
        }
    }
    for (std::uint32_t step = 0; flush.cursor < flush.end; ++step, ++flush.cursor) {
        if (step == entries_per_turn) {
            return Walked::some;
        }
        const IndexEntry &entry = index.entry(flush.cursor);
        if (is_live(entry.generation) && home_of(entry).space == flush.space && !write(flush.cursor)) {
            return Walked::blocked;
        }
    }
    if (context_.spaces.is_clearing(flush.space)) {
        flush.cursor = 0; // what was stored since the clear began could not be written: once more when that is over
        return Walked::blocked;
    }
    return Walked::all;
}

void Flushes::written(const Writes::Ended &ended) {
    const auto found = flushes_.find(ended.waiter);
    UAKV_ASSERT(found != flushes_.end());
    Flush &flush = found->second;
    --flush.waits_for;
    if (ended.status == UAKV_ERR_BUSY) { // the cleaner had begun it, and it was over a limit
        flush.again.emplace_back(ended.entry, ended.generation);
        flush.walked = false;
    } else if (ended.status != UAKV_OK && ended.status != UAKV_EXISTS && ended.status != UAKV_MISS) {
        fail(flush, ended.status);
    }
}

void Flushes::flushed(disk::DiskTier::Tag tag, uakv_status status) {
    const auto found = flushes_.find(tag);
    UAKV_ASSERT(found != flushes_.end());
    Flush &flush = found->second;
    if (status != UAKV_OK) {
        fail(flush, status);
    }
    if (flush.tag) {
        if (context_.spaces.take_unsaved(flush.space)) {
            fail(flush, UAKV_ERR_NO_SPACE);
        }
        context_.answers.push_back({*flush.tag, flush.status});
    }
    flushes_.erase(found);
}

} // namespace uakv::flow
