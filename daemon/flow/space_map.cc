#include "daemon/flow/space_map.h"

#include "ipc/limits.h"

namespace uakv::flow {

SpaceMap::Space &SpaceMap::at(SpaceId space) {
    if (space >= spaces_.size()) {
        spaces_.resize(space + 1);
    }
    return spaces_[space];
}

// The log outlives the size of memory, and with it what "as large as the daemon allows" is: there it is the most that
// any daemon allows.
SpaceDescription SpaceMap::lasting(SpaceDescription description) const {
    if (store_.spaces().is_unbounded(description)) {
        description.block_bytes = limits::segment_bytes_max;
    }
    return description;
}

SpaceDescription SpaceMap::for_here(SpaceDescription description) const {
    if (description.ndim == 0 && description.block_bytes == limits::segment_bytes_max) {
        description.block_bytes = store_.segment_bytes();
    }
    return description;
}

Result<SpaceId> SpaceMap::restore(disk::SpaceNumber number, const SpaceDescription &description) {
    auto space = store_.spaces().open(for_here(description), true);
    if (space.ok()) {
        at(space.value()).number = number;
        by_number_[number] = space.value();
    }
    return space;
}

// The log may have let go of a space with its last block, and give it another number then.
disk::SpaceNumber SpaceMap::number_for_write(SpaceId space) {
    const disk::SpaceNumber number = disk_.space_number(lasting(*store_.spaces().find(space)));
    Space &known = at(space);
    if (known.number != number) {
        if (known.number) {
            by_number_.erase(*known.number);
        }
        known.number = number;
        by_number_[number] = space;
    }
    return number;
}

std::optional<disk::SpaceNumber> SpaceMap::number_of(SpaceId space) const {
    return space < spaces_.size() ? spaces_[space].number : std::nullopt;
}

std::optional<SpaceId> SpaceMap::space_of(disk::SpaceNumber number) const {
    const auto found = by_number_.find(number);
    return found == by_number_.end() ? std::nullopt : std::optional(found->second);
}

bool SpaceMap::is_durable(SpaceId space) const {
    const SpaceDescription *description = store_.spaces().find(space);
    return description != nullptr && (description->flags & UAKV_SPACE_DURABLE) != 0;
}

} // namespace uakv::flow
