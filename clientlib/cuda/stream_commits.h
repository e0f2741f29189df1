// Commits that a stream orders: sent to the daemon at once, carried out by it when the stream has got there, and waited
// for by nobody.
//
// Invariant: the attachment that a slot was granted on stays (with it the mapping, and the session that the daemon
// knows as the slot's) until the stream has passed the commit's mark; so nobody else is given a slot that a kernel
// writes to.
//
// Where the daemon goes before it has answered, its successor knows nothing of the commit. We wait, within the calls
// that are made anyway, until the mark is passed, and then commit the slot as any other at the new daemon; unless the
// index, which is the same, says that the old one did. With a daemon that begins anew the slot is dropped.
#pragma once

#include "clientlib/client.h"
#include "clientlib/cuda/streams.h"

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

namespace uakv {

inline Streams &streams_of(const Attachment &attachment) {
    UAKV_ASSERT(attachment.companion() != nullptr);
    return static_cast<Streams &>(*attachment.companion());
}

class StreamCommits {
public:
    explicit StreamCommits(uakv_client &client) : client_(client) {}

    // Of the 256 calls that may be on their way to the daemon, some are left for others.
    static constexpr std::size_t most = 192;

    // How many are not over yet; what can be seen to be is cleared away first.
    std::size_t count();

    // `mark` is one of the streams of `through`, where the commit is to be sent. Nothing: passed already.
    void add(Reservation reservation, Visit through, std::optional<Streams::Mark> mark);

    // False: at the deadline there are still some whose streams have not got there. From when all have, the daemon has
    // `answers_ns` to say that it has taken them.
    bool finish(std::uint64_t deadline_ns, std::uint64_t answers_ns);

private:
    struct Pending {
        Reservation reservation;
        Visit through;
        std::optional<Streams::Mark> mark;
        std::optional<Submitter::Number> number; // nothing: the daemon was not asked, or died before it answered
    };
    enum class Fate { open, over };

    void send(Pending &pending, bool ordered);
    bool has_passed(const Pending &pending) const;
    Fate look_at(Pending &pending);
    Fate commit_anew(Pending &pending);
    void clear_away(std::vector<Pending> &over);

    uakv_client &client_;
    std::mutex mutex_;
    std::deque<Pending> pending_;
};

} // namespace uakv
