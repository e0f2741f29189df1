#include "sim/tier_model.h"

#include <algorithm>

namespace uakv::test {

TierModel::States TierModel::after(States states, Kind kind) {
    switch (kind) {
    case Kind::begun: // it may be written already, although nobody was told
        return states | there;
    case Kind::written:
        return there;
    case Kind::refused: // what was written of it may be found
        return states;
    case Kind::erased:
        return missing;
    case Kind::dropped: // without a record: it is there as long as its file is
        return states | missing;
    }
    return either;
}

void TierModel::change(SimKey number, Kind kind) {
    constexpr const char *letters = "bwred";
    Key &key = keys_[number];
    key.changes.push_back({++order_, kind});
    key.story += letters[static_cast<std::size_t>(kind)];
}

void TierModel::write_begun(SimKey number, std::uint64_t expires_ms) {
    Key &key = keys_[number];
    change(number, Kind::begun);
    ++key.writing;
    key.now |= there;
    key.expires_first = std::min(key.expires_first, expires_ms);
    key.expires_last = std::max(key.expires_last, expires_ms);
}

void TierModel::write_done(SimKey number, uakv_status status) {
    Key &key = keys_[number];
    --key.writing;
    if (key.killed) {
        key.killed = false;
        change(number, Kind::refused);
        return;
    }
    change(number, status == UAKV_OK ? Kind::written : Kind::refused);
    if (status == UAKV_OK) {
        key.now = there;
    } else if (status != UAKV_EXISTS && key.now == either) {
        key.now = missing;
    }
}

void TierModel::erased(SimKey number) {
    change(number, Kind::erased);
    keys_[number].now = missing;
    keys_[number].killed = keys_[number].writing > 0;
}

void TierModel::dropped(SimKey number) {
    change(number, Kind::dropped);
    // The event of a write that is under way comes after this one.
    keys_[number].now = keys_[number].writing > 0 ? either : missing;
}

void TierModel::flush_begun(std::uint64_t tag) {
    flushes_[tag] = order_;
}

void TierModel::flush_done(std::uint64_t tag, uakv_status status) {
    const std::uint64_t order = flushes_.at(tag);
    flushes_.erase(tag);
    if (status == UAKV_OK) {
        for (Key &key : keys_) {
            settle(key, order);
        }
    }
}

void TierModel::closed() {
    for (Key &key : keys_) {
        settle(key, order_);
    }
}

void TierModel::settle(Key &key, std::uint64_t order) {
    auto open = key.changes.begin();
    for (; open != key.changes.end() && open->order <= order; ++open) {
        key.durable = after(key.durable, open->kind);
    }
    if (open != key.changes.begin()) {
        key.story += '|';
    }
    key.changes.erase(key.changes.begin(), open);
}

void TierModel::crashed(std::uint64_t wall_ms) {
    for (SimKey number = 0; number < Universe::keys; ++number) {
        keys_[number].now = after_crash(number, wall_ms);
        keys_[number].writing = 0;
        keys_[number].killed = false;
    }
    flushes_.clear();
}

void TierModel::recovered(SimKey number, bool is_there) {
    Key &key = keys_[number];
    key.changes.clear();
    key.now = is_there ? there : missing;
    key.durable = key.now;
    key.story += is_there ? " T" : " M";
}

TierModel::States TierModel::with_time(const Key &key, States states, std::uint64_t wall_ms) const {
    if (wild_) {
        return either;
    }
    if (key.damaged || wall_ms >= key.expires_first) {
        states |= missing;
    }
    // Some milliseconds may pass between two turns of the tier.
    if (key.expires_last != 0 && wall_ms > key.expires_last && wall_ms - key.expires_last > 1000) {
        states = missing;
    }
    return states;
}

TierModel::States TierModel::now(SimKey number, std::uint64_t wall_ms) const {
    return with_time(keys_[number], keys_[number].now, wall_ms);
}

TierModel::States TierModel::after_crash(SimKey number, std::uint64_t wall_ms) const {
    const Key &key = keys_[number];
    States states = key.durable;
    States reached = states;
    for (const Change &change : key.changes) {
        reached = after(reached, change.kind);
        states |= reached;
    }
    return with_time(key, states, wall_ms);
}

std::string TierModel::describe(SimKey number) const {
    const Key &key = keys_[number];
    return "key " + std::to_string(number) + " (" + key.story +
           "; b: write begun, w: written, r: refused, e: erased, d: dropped, |: flushed, T/M: found there or missing "
           "after a crash)";
}

} // namespace uakv::test
