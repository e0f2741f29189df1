// What clients ask for through their rings: from opcode to handler. Every number in a submission comes from
// a client and is checked here; what is nonsense ends the session, what is merely impossible is answered.
#pragma once

#include "daemon/base/log_bucket.h"
#include "daemon/base/stages.h"
#include "daemon/control/clears.h"
#include "daemon/control/loads.h"
#include "daemon/control/ordered_commits.h"
#include "daemon/control/session.h"
#include "daemon/control/slot_requests.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace uakv {

class Dispatcher {
public:
    explicit Dispatcher(Stages &stages) : stages_(stages) {}

    enum class Served { nothing, something, violation };

    // Takes and answers up to a batch of the session's submissions; `now` is a moment ago (now_ns). With
    // Served::violation, `violation` says what the client did.
    Served serve(Session &session, std::uint64_t now, std::string &violation);

    // Whether a sleeping client was woken since the last call.
    bool take_woke() { return std::exchange(woke_, false); }

    // Whether a request of any session has begun to wait for memory since the last call.
    bool take_waits() { return requests_.take_waits(); }

    // Tries the session's waiting requests for slots again.
    void retry_waiting(Session &session);

    // Goes on with emptying spaces; true when there is more to do.
    bool continue_clears() { return clears_.go_on(); }

    // Publishes what streams of clients have written by now. `ended` is called with each session that did what it must
    // not, and what that was. True when there was anything.
    bool continue_ordered(std::uint64_t now, const std::function<void(Session &, const std::string &)> &ended);
    std::uint64_t next_ordered_ns(std::uint64_t now) const { return ordered_.wait_ns(now); }

    // Passes on what the tier below memory has answered the cache's clients.
    void answer_loads(Cache &cache);

    // Claims of the cache that have waited for too slow a client.
    void expire_flights(Cache &cache, std::uint64_t now);

    // The session is served no more: nothing of it waits any longer, and nobody waits for it.
    void leave(Session &session);

private:
    bool handle(Session &session, const Submission &submission, std::string &violation);
    bool refuse_busy(Session &session, const Submission &submission, std::string &violation);
    bool grant(Session &session, const Submission &submission, std::string &violation);
    bool claim(Session &session, const Submission &submission, std::string &violation);
    bool cancel(Session &session, const Submission &submission);
    bool commit(Session &session, const Submission &submission, std::string &violation);
    bool commit_ordered(Session &session, const Submission &submission, std::string &violation);
    void commit_now(Session &session, const Submission &submission);
    bool abort(Session &session, const Submission &submission, std::string &violation);
    bool remove(Session &session, const Submission &submission, std::string &violation);
    bool pin(Session &session, const Submission &submission, std::string &violation);
    bool clear(Session &session, const Submission &submission, std::string &violation);
    bool load(Session &session, const Submission &submission, std::string &violation);
    bool prefetch(Session &session, const Submission &submission, std::string &violation);
    bool flush(Session &session, const Submission &submission, std::string &violation);
    bool check(Session &session, const Submission &submission);
    bool stats(Session &session, const Submission &submission);

    static bool takes_over(Session &session, SlotRef slot);
    bool asks_for_slot(const Session &session, const Submission &submission, std::string &violation) const;
    static bool is_in_space(const Session &session, const Submission &submission, std::string &violation);
    static bool commits_own_slot(const Session &session, const Submission &submission, std::string &violation);
    void grant_ahead(Session &session, SizeClass size_class, Completion &completion);

    Stages &stages_;
    SlotRequests requests_;
    Clears clears_;
    Loads loads_;
    OrderedCommits ordered_;
    LogBucket corrupt_;
    std::uint64_t now_ = 0; // of the batch that is served
    bool woke_ = false;
};

} // namespace uakv
