#include "daemon/store/departures.h"

#include "ipc/assertion.h"
#include "ipc/hashing.h"

#include <cstring>

namespace uakv {

const char *name_of(Departure why) {
    switch (why) {
    case Departure::evicted:
        return "evicted";
    case Departure::rebalanced:
        return "rebalanced";
    case Departure::removed:
        return "removed";
    case Departure::cleared:
        return "cleared";
    case Departure::expired:
        return "expired";
    case Departure::dropped:
        return "dropped";
    case Departure::corrupt:
        break;
    }
    return "corrupt";
}

void Departures::add(SpaceId space, const uakv_key &key, Departure why, std::uint64_t left_ms) {
    if (records_.empty()) {
        records_.reserve(capacity); // address space: pages come as records are written
        newest_.assign(chains, none);
    }
    if (next_ < records_.size()) {
        forget(next_);
    } else {
        records_.emplace_back();
    }
    std::uint32_t &newest = newest_[chain_of(space, key)];
    records_[next_] = {key, left_ms, newest, static_cast<std::uint16_t>(space), why};
    newest = next_;
    next_ = (next_ + 1) % capacity;
}

std::optional<PastBlock> Departures::find(SpaceId space, const uakv_key &key) const {
    if (records_.empty()) {
        return std::nullopt;
    }
    for (std::uint32_t number = newest_[chain_of(space, key)]; number != none; number = records_[number].older) {
        const Record &record = records_[number];
        if (record.space == space && std::memcmp(&record.key, &key, sizeof key) == 0) {
            return PastBlock{record.why, record.left_ms};
        }
    }
    return std::nullopt;
}

std::size_t Departures::chain_of(SpaceId space, const uakv_key &key) const {
    return hash_of_key(key, space, seed_) % chains;
}

// The oldest of all is the last of its chain.
void Departures::forget(std::uint32_t number) {
    const Record &oldest = records_[number];
    std::uint32_t *link = &newest_[chain_of(oldest.space, oldest.key)];
    while (*link != number) {
        UAKV_ASSERT(*link != none);
        link = &records_[*link].older;
    }
    *link = none;
    since_ms_ = oldest.left_ms;
}

} // namespace uakv
