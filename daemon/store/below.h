// What the store tells and asks the tier below memory, where there is one. Called in the middle of the store's own
// work: takes notes and does not call back.
#pragma once

#include "daemon/store/departures.h"
#include "ipc/index_layout.h"

namespace uakv {

class Below {
public:
    virtual ~Below() = default;

    // A client has stored the block: it is in memory alone.
    virtual void stored(EntryId entry) = 0;

    // A block has to leave memory. True: the tier below has it, so it goes on as a cold entry.
    virtual bool evicted(EntryId entry) = 0;

    // Whether what the entry says, that the block is on disk, still holds: not while its space is being cleared.
    virtual bool has(EntryId entry) const = 0;

    // The block is gone for good (removed, cleared, expired, corrupt, or another one has come in its place): nothing
    // below may keep it, nor what was still to be written of it. Also for blocks that were never below.
    virtual void forgotten(SpaceId space, const uakv_key &key, Departure why) = 0;

    // A block was used `times` times since this was said last.
    virtual void used(EntryId entry, std::uint32_t times) = 0;

    // All blocks of the space will be forgotten one after another, and all that are below are at once. Several clears
    // of a space may run together: it is over when each has ended.
    virtual void clear_begun(SpaceId space) = 0;
    virtual void clear_ended(SpaceId space) = 0;
};

} // namespace uakv
