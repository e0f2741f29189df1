// What clients ask for through their rings: from opcode to handler. Every number in a submission comes from
// a client and is checked here; what is nonsense ends the session, what is merely impossible is answered.
#pragma once

#include "daemon/control/session.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace uakv {

class Dispatcher {
public:
    // What it needs to know of all clients together.
    struct Everybody {
        std::function<uakv_statistics()> statistics; // for Opcode::stats
        std::function<bool()> reclaim;               // takes back slots that clients keep; false: there were none
    };
    Dispatcher(Store &store, Everybody everybody) : store_(store), everybody_(std::move(everybody)) {}

    enum class Served { nothing, something, violation };

    // Takes and answers up to a batch of the session's submissions. With Served::violation, `violation` says
    // what the client did.
    Served serve(Session &session, std::string &violation);

    // Whether a sleeping client was woken since the last call.
    bool take_woke() { return std::exchange(woke_, false); }

    // Tries the session's parked requests for slots again.
    void retry_parked(Session &session);

private:
    bool handle(Session &session, const Submission &submission, std::string &violation);
    bool grant(Session &session, const Submission &submission, std::string &violation);
    bool commit(Session &session, const Submission &submission, std::string &violation);
    bool abort(Session &session, const Submission &submission, std::string &violation);
    bool remove(Session &session, const Submission &submission, std::string &violation);
    bool check(Session &session, const Submission &submission, std::string &violation);
    bool stats(Session &session, const Submission &submission, std::string &violation);

    Store::Grant find_slot(std::uint64_t length);
    void hand_over(Session &session, SlotRef slot, Completion &completion);
    void grant_ahead(Session &session, SizeClass size_class, Completion &completion);

    Store &store_;
    Everybody everybody_;
    bool woke_ = false;
};

} // namespace uakv
