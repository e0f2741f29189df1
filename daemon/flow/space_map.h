// Spaces have numbers of their own in the log, which outlive the daemon. Which belong together, and what is known of a
// space between memory and disk: whether it is durable, whether it is being cleared, what left it unsaved.
#pragma once

#include "daemon/store/store.h"
#include "daemon/tiers/disk/disk_tier.h"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace uakv::flow {

class SpaceMap {
public:
    SpaceMap(Store &store, disk::DiskTier &disk) : store_(store), disk_(disk) {}

    // The space of the log's description is made in the store; nothing where it cannot be: its description does not fit
    // this daemon, or there is another space of the name.
    Result<SpaceId> restore(disk::SpaceNumber number, const SpaceDescription &description);

    // For a write: the log has heard of the space after this.
    disk::SpaceNumber number_for_write(SpaceId space);

    // Nothing where the log has never had the space.
    std::optional<disk::SpaceNumber> number_of(SpaceId space) const;
    std::optional<SpaceId> space_of(disk::SpaceNumber number) const;

    bool is_durable(SpaceId space) const;

    void clear_begun(SpaceId space) { ++at(space).clears; }
    void clear_ended(SpaceId space) { --at(space).clears; }
    bool is_clearing(SpaceId space) const { return space < spaces_.size() && spaces_[space].clears > 0; }

    // Blocks that were stored, and have left memory and are nowhere: since the last flush that told of it, also where
    // that was of a daemon before.
    void note_unsaved(SpaceId space) { store_.note_loss(space); }
    bool take_unsaved(SpaceId space) { return store_.take_loss(space); }

    // A block has left memory while it is being written; that write is over.
    void leaving_begun(SpaceId space) {
        if (at(space).leaving++ == 0) {
            store_.note_leaving(space, true);
        }
    }
    void leaving_ended(SpaceId space) {
        if (--at(space).leaving == 0) {
            store_.note_leaving(space, false);
        }
    }

private:
    struct Space {
        std::optional<disk::SpaceNumber> number;
        std::uint32_t clears = 0;
        std::uint32_t leaving = 0;
    };
    Space &at(SpaceId space);
    SpaceDescription lasting(SpaceDescription description) const;
    SpaceDescription for_here(SpaceDescription description) const;

    Store &store_;
    disk::DiskTier &disk_;
    std::vector<Space> spaces_; // by the store's number
    std::unordered_map<disk::SpaceNumber, SpaceId> by_number_;
};

} // namespace uakv::flow
