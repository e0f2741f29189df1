// Commits whose blocks a stream of the client has still to write. The slot of such a one is the client's no more, so it
// can neither commit it again nor give it back; it is nobody else's either, until the stream has got there and the
// block is published as any other.
//
// Each stream has a word, which the client shares with us (ipc/device_session.h) and which only grows. It is looked at
// in each turn of the reactor; nobody announces it.
#pragma once

#include "daemon/control/session.h"
#include "ipc/session_layout.h"

#include <cstdint>
#include <string>
#include <vector>

namespace uakv {

class OrderedCommits {
public:
    enum class Taken { reached, waits, violation };

    // The submission is a commit that was checked, and holds its slot. With `reached` it may be published at once; with
    // `violation`, that says what the client did.
    Taken take(Session &session, const Submission &submission, std::uint64_t now, std::string &violation);

    // Those of the session whose streams have got there, in the order in which they came: out of here, with their slots
    // the session's again. False: `violation` says what the client did.
    bool go_on(Session &session, std::vector<Submission> &reached, std::string &violation);

    // The session is not served any more: its commits are dropped, and their slots its own again.
    void leave(Session &session);

    const std::vector<Session *> &sessions() const { return sessions_; } // that have some

    // How soon to look again at the latest, in ns: soon while one has come lately. UINT64_MAX: there is none.
    std::uint64_t wait_ns(std::uint64_t now) const;

private:
    static bool look(Session &session, std::uint16_t stream, std::uint64_t &reached, std::string &violation);

    std::vector<Session *> sessions_;
    std::uint64_t last_ns_ = 0; // when one came last
};

} // namespace uakv
