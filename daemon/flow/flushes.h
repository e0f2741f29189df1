// What somebody wants on stable storage: walks the blocks of a space in memory, has those written that the disk does
// not have, and makes the disk durable when all are there. A bounded part in each turn.
#pragma once

#include "daemon/flow/writes.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace uakv::flow {

class Flushes {
public:
    Flushes(Context &context, Writes &writes) : context_(context), writes_(writes) {}

    void begin(SpaceId space, Mover::Tag tag);
    bool cancel(Mover::Tag tag); // false: nobody waits with this tag

    void written(const Writes::Ended &ended);
    void flushed(disk::DiskTier::Tag tag, uakv_status status);

    // True when there is more to do at once.
    bool turn();

    bool any() const { return !flushes_.empty(); }

private:
    struct Flush {
        SpaceId space = 0;
        std::optional<Mover::Tag> tag; // nothing: nobody waits any more
        EntryId cursor = 0;
        EntryId end = 0;                                  // entries from here on were not there when it began
        std::deque<std::pair<EntryId, Generation>> again; // the disk would not have these before they were wanted
        std::uint64_t waits_for = 0;                      // writes
        bool walked = false;
        bool flushing = false;
        uakv_status status = UAKV_OK;
    };

    enum class Walked : std::uint8_t {
        all,
        some,   // there is more, at once
        blocked // until the disk takes more
    };
    Walked walk(std::uint64_t number, Flush &flush);
    void fail(Flush &flush, uakv_status status);

    Context &context_;
    Writes &writes_;
    std::map<std::uint64_t, Flush> flushes_; // the oldest goes first
    std::uint64_t next_ = 1;                 // not Writes::nobody
};

} // namespace uakv::flow
