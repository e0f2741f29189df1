// Requests for slots, which cannot always be answered at once: a grant waits a moment for memory that is in use, and a
// claim waits until the client that computes the block has stored it or has given up (flights.h).
//
// What one client does may answer another's claim. The answer is put into that one's ring at once, and shown to it by
// publish(), in the same turn of the reactor.
#pragma once

#include "daemon/control/answers.h"
#include "daemon/control/session.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace uakv {

class SlotRequests {
public:
    // Both are answered now or later.
    void grant(Session &session, std::uint64_t user_data, std::uint64_t length);
    // `anew`: a block that lies on disk alone is to be computed all the same, for it could not be loaded.
    void claim(Session &session, const FlightKey &key, std::uint64_t user_data, std::uint64_t length, bool anew);

    // Ends the session's grant or claim with this number, if one still waits.
    void cancel(Session &session, std::uint64_t user_data);

    // Tries the session's requests that wait for memory again.
    void retry(Session &session);

    // The block is stored: whoever waits for it gets word.
    void landed(Cache &cache, const FlightKey &key);

    // The slot was committed or has gone back: if it was claimed for a block, that is the next one's turn.
    void released(Cache &cache, SlotRef slot);

    // The client is not served any more: what it waits for is forgotten, and what it computes passes on.
    void leave(Session &session);

    // Passes on what clients have computed for too long.
    void expire(Cache &cache, std::uint64_t now);

    // Puts the slot into the completion; it is the client's from here on.
    static void hand_over(Session &session, SlotRef slot, Completion &completion);

    // Whether a request has begun to wait for memory since the last call: retry() will answer it.
    bool take_waits() { return std::exchange(waits_, false); }

    // Shows clients what was answered here. True when a sleeping one was woken.
    bool publish() { return answers_.publish(); }

private:
    using Waiting = Session::WaitingGrant;

    void request(Session &session, const Waiting &wanted);
    bool try_answer(Session &session, const Waiting &wanted, std::uint64_t now);
    Store::Grant find_slot(Cache &cache, std::uint64_t length, std::uint32_t client);
    void pass_on(Cache &cache, const std::optional<Flights::Turn> &turn);
    void take_turns();

    std::vector<std::pair<Cache *, Flights::Turn>> turns_; // to be taken before we return
    Answers answers_;
    bool waits_ = false;
};

} // namespace uakv
