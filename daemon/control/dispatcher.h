// What clients ask for through their rings: from opcode to handler. Every number in a submission comes from
// a client and is checked here; what is nonsense ends the session, what is merely impossible is answered.
#pragma once

#include "daemon/control/session.h"

#include <cstdint>
#include <functional>
#include <string>

namespace uakv {

class Dispatcher {
public:
    // `statistics` gives the numbers for Opcode::stats.
    Dispatcher(Store &store, std::function<uakv_statistics()> statistics)
        : store_(store), statistics_(std::move(statistics)) {}

    enum class Served { nothing, something, violation };

    // Takes and answers up to a batch of the session's submissions. With Served::violation, `violation` says
    // what the client did.
    Served serve(Session &session, std::string &violation);

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

    void hand_over(Session &session, SlotRef slot, Completion &completion);
    void grant_ahead(Session &session, SizeClass size_class, Completion &completion);

    Store &store_;
    std::function<uakv_statistics()> statistics_;
};

} // namespace uakv
