// What clients ask of the tier below memory, and have to wait for: loads and flushes. Without such a tier everything is
// answered at once.
//
// Each request has a tag of its own, which the Mover gives back with its answer. That is put into the client's ring at
// once, and shown to it by publish(), in the same turn of the reactor.
#pragma once

#include "daemon/control/answers.h"
#include "daemon/control/session.h"
#include "daemon/flow/mover.h"

#include <cstdint>
#include <unordered_map>

namespace uakv {

class Loads {
public:
    // Both are answered now or later. The space of the submission exists.
    void load(Session &session, const Submission &submission);
    void flush(Session &session, const Submission &submission);

    // A hint: true when the block is on its way.
    bool prefetch(const Session &session, const Submission &submission);

    // Ends the session's load or flush with this number; false when none waits.
    bool cancel(Session &session, std::uint64_t user_data);

    // The client is not served any more: nothing is waited for on its account.
    void leave(Session &session);

    // Passes on what the cache's mover has answered: that between memory and disk, or between an arena and the host.
    void take_answers(Cache &cache);

    // Shows clients what was answered here. True when a sleeping one was woken.
    bool publish() { return answers_.publish(); }

private:
    struct Waiting {
        Session *session = nullptr;
        std::uint64_t user_data = 0;
        // Of a flush: how many arenas have not copied all of theirs to the host yet, and the space there, which is
        // flushed then; what went wrong first.
        std::uint32_t arenas = 0;
        SpaceId host_space = 0;
        uakv_status status = UAKV_OK;
    };

    Mover::Tag begin(Session &session, std::uint64_t user_data);
    static void cancel_everywhere(Session &session, Mover::Tag tag);
    void answered(Mover::Tag tag, uakv_status status);

    std::unordered_map<Mover::Tag, Waiting> waiting_; // Session::waiting_tags has them too, by session
    Mover::Tag next_tag_ = 1;
    Answers answers_;
};

} // namespace uakv
