#include "daemon/control/ordered_commits.h"

#include "ipc/untrusted.h"

#include <algorithm>
#include <fmt/format.h>

namespace uakv {
namespace {

// A gather of a block takes some ten microseconds; a stream that has much to do first, much longer.
constexpr std::uint64_t soon_ns = 50'000;
constexpr std::uint64_t later_ns = 1'000'000;
constexpr std::uint64_t soon_for_ns = 2'000'000;

SlotRef slot_of(const Submission &submission) {
    return {submission.segment, submission.slot};
}

} // namespace

// The word is what the client's device wrote, or the client.
bool OrderedCommits::look(Session &session, std::uint16_t stream, std::uint64_t &reached, std::string &violation) {
    reached = load_once(session.device_layout()->streams[stream].reached);
    std::uint64_t &before = session.ordered.reached[stream];
    if (reached < before) {
        violation = fmt::format("the word of its stream {} went back from {} to {}", stream, before, reached);
        return false;
    }
    before = reached;
    return true;
}

OrderedCommits::Taken OrderedCommits::take(Session &session, const Submission &submission, std::uint64_t now,
                                           std::string &violation) {
    if (session.device_layout() == nullptr || submission.stream >= limits::device_streams_max ||
        submission.target == 0) {
        violation = fmt::format("it ordered a commit by value {} of stream {}{}", submission.target, submission.stream,
                                session.device_layout() == nullptr ? ", but has no device" : "");
        return Taken::violation;
    }
    std::uint64_t reached = 0;
    if (!look(session, submission.stream, reached, violation)) {
        return Taken::violation;
    }
    if (reached >= submission.target) {
        return Taken::reached;
    }
    session.let_go(slot_of(submission));
    if (session.ordered.commits.empty()) {
        sessions_.push_back(&session);
    }
    session.ordered.commits.push_back(submission);
    last_ns_ = now;
    return Taken::waits;
}

bool OrderedCommits::go_on(Session &session, std::vector<Submission> &reached, std::string &violation) {
    Session::Ordered &ordered = session.ordered;
    bool sound = true;
    std::erase_if(ordered.commits, [&](const Submission &submission) {
        std::uint64_t value = 0;
        sound = sound && look(session, submission.stream, value, violation);
        if (!sound || value < submission.target) {
            return false;
        }
        session.take_hold(slot_of(submission));
        reached.push_back(submission);
        return true;
    });
    if (ordered.commits.empty()) {
        std::erase(sessions_, &session);
    }
    return sound;
}

void OrderedCommits::leave(Session &session) {
    for (const Submission &submission : session.ordered.commits) {
        session.take_hold(slot_of(submission));
    }
    session.ordered.commits.clear();
    std::erase(sessions_, &session);
}

std::uint64_t OrderedCommits::wait_ns(std::uint64_t now) const {
    if (sessions_.empty()) {
        return UINT64_MAX;
    }
    return now - std::min(now, last_ns_) < soon_for_ns ? soon_ns : later_ns;
}

} // namespace uakv
