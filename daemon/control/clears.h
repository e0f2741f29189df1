// Emptying spaces: a space may hold millions of blocks, and nobody else should wait for that. Each turn of the reactor
// does a part; the spaces that are being emptied take turns.
#pragma once

#include "daemon/control/session.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace uakv {

class Clears {
public:
    // The completion comes when the space has been gone through once.
    void begin(Session &session, SpaceId space, std::uint64_t user_data);

    // Does a part; true when there is more to do.
    bool go_on();

    // The client is not served any more: nobody hears of the end of what it has begun. That goes on even so, unless
    // another client clears the same space: the disk has nothing of it any more, and neither must the index.
    void leave(Session &session);

private:
    struct Clear {
        Cache *cache = nullptr;     // of whoever asked
        Session *session = nullptr; // null: its client is gone
        std::uint64_t user_data = 0;
        SpaceId space = 0;
        std::vector<Tenant::Place> places; // still to be emptied; the last is at it
        EntryId cursor = 0;
        std::uint64_t removed = 0;
        std::uint64_t removed_here = 0;
    };

    static void end_place(Clear &clear);

    std::deque<Clear> running_;
};

} // namespace uakv
