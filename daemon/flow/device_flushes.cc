#include "daemon/flow/device_flushes.h"

namespace uakv::flow {
namespace {

constexpr std::uint32_t entries_per_turn = 4096;

// The host has no room, and nothing ends that would make some: a flush does not wait for that for ever.
constexpr std::uint64_t patience_ns = ns_per_s;
constexpr std::uint64_t retry_ns = ns_per_ms;

} // namespace

void DeviceFlushes::begin(SpaceId space, DeviceMover::Tag tag) {
    Flush flush;
    flush.space = space;
    flush.tag = tag;
    flush.end = context_.arena.index().entries_used();
    flushes_.emplace(next_++, flush);
}

bool DeviceFlushes::cancel(DeviceMover::Tag tag) {
    for (auto &[number, flush] : flushes_) {
        if (flush.tag == tag) {
            flush.tag.reset();
            return true;
        }
    }
    return false;
}

void DeviceFlushes::fail(Flush &flush) const {
    flush.status = context_.copier.has_failed() ? UAKV_ERR_GPU : UAKV_ERR_NO_SPACE;
}

void DeviceFlushes::ended(const DeviceDowns::Ended &ended) {
    Flush &flush = flushes_.at(ended.waiter);
    --flush.waits_for;
    flush.blocked_ns = 0;
    if (ended.status != UAKV_OK) {
        flush.status = ended.status;
    }
}

std::uint64_t DeviceFlushes::turn(std::uint64_t now_ns) {
    std::uint64_t next = UINT64_MAX;
    for (auto each = flushes_.begin(); each != flushes_.end();) {
        auto &[number, flush] = *each;
        const Walked walked = walk(number, flush, now_ns);
        if (walked != Walked::all) {
            next = std::min(next, walked == Walked::some ? 0 : retry_ns);
            ++each;
        } else if (flush.waits_for > 0) {
            ++each; // a copy that ends brings us here
        } else {
            if (flush.tag) {
                context_.answers.push_back({*flush.tag, flush.status});
            }
            each = flushes_.erase(each);
        }
    }
    return next;
}

// Begins what is to be copied, as fast as there is room for it.
DeviceFlushes::Walked DeviceFlushes::walk(std::uint64_t number, Flush &flush, std::uint64_t now_ns) {
    const IndexWriter &index = context_.arena.index();
    for (std::uint32_t step = 0; flush.cursor < flush.end; ++step, ++flush.cursor) {
        if (step == entries_per_turn) {
            return Walked::some;
        }
        const IndexEntry &entry = index.entry(flush.cursor);
        if (!is_live(entry.generation) || home_of(entry).space != flush.space) {
            continue;
        }
        switch (downs_.begin(flush.cursor, number)) {
        case DeviceDowns::Begun::yes:
        case DeviceDowns::Begun::under_way:
            ++flush.waits_for;
            break;
        case DeviceDowns::Begun::there:
            break;
        case DeviceDowns::Begun::not_at_all:
            fail(flush);
            break;
        case DeviceDowns::Begun::not_now:
            flush.blocked_ns = flush.blocked_ns == 0 ? now_ns : flush.blocked_ns;
            if (now_ns - flush.blocked_ns < patience_ns || flush.waits_for > 0) {
                return Walked::blocked;
            }
            fail(flush);
            flush.cursor = flush.end;
            return Walked::all;
        }
        flush.blocked_ns = 0;
    }
    return Walked::all;
}

} // namespace uakv::flow
