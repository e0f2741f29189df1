// The control messages of a client: the handshake, then requests for spaces and segments. Each is answered
// at once; what cannot be granted is refused with a sentence.
#pragma once

#include "daemon/control/session.h"
#include "ipc/unix_socket.h"

#include <span>

namespace uakv {

class Greeting {
public:
    // Clients map `index` read-only.
    Greeting(Store &store, Fd index) : store_(store), index_(std::move(index)) {}

    // Whether this peer may connect at all: root, our own user, and members of our group.
    static Result<void> admit(const PeerIdentity &peer);

    enum class Next { go_on, welcomed, violation };

    // Answers one message. Next::violation: it was nonsense, and `violation` says in what way.
    Next answer(Session &session, const Received &message, std::string &violation);

    // The last word of a session that we end.
    static void say_why(const Session &session, const Error &why);

private:
    Next hello(Session &session, const HelloMessage &message);
    void open_space(Session &session, const SpaceOpenMessage &message);
    void get_segment(Session &session, const SegmentGetMessage &message);
    static void refuse(const Session &session, const Error &why);

    Store &store_;
    Fd index_;
};

} // namespace uakv
