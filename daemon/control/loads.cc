#include "daemon/control/loads.h"

#include "ipc/clock.h"

#include <algorithm>

namespace uakv {
namespace {

constexpr std::uint64_t ns_per_us = 1000;

enum class Place { nowhere, memory, elsewhere };

// Where the block is, for one who can use it as it lies there.
Place place_of(const Session &session, const Submission &submission, bool as_stored) {
    Lookup::Found found;
    if (!session.tenant().store().index().lookup().find(submission.space, submission.key, found)) {
        return Place::nowhere;
    }
    return found.is_cold() || (found.is_encoded() && !as_stored) ? Place::elsewhere : Place::memory;
}

} // namespace

void Loads::load(Session &session, const Submission &submission) {
    const bool as_stored = (submission.flags & submission_as_stored) != 0;
    const Place place = place_of(session, submission, as_stored);
    Mover *mover = session.tenant().mover();
    if (place != Place::elsewhere || mover == nullptr) {
        complete(session, submission.user_data, place == Place::memory ? UAKV_OK : UAKV_MISS);
        return;
    }
    Mover::Load load;
    load.space = submission.space;
    load.key = submission.key;
    load.deadline_ns = now_ns() + submission.timeout_us * ns_per_us;
    load.as_stored = as_stored;
    load.tag = begin(session, submission.user_data);
    mover->load(load);
    take_answers(session.tenant());
}

void Loads::flush(Session &session, const Submission &submission) {
    Mover *mover = session.tenant().mover();
    if (mover == nullptr) {
        complete(session, submission.user_data, UAKV_ERR_UNSUPPORTED);
        return;
    }
    mover->flush(submission.space, begin(session, submission.user_data));
    take_answers(session.tenant());
}

bool Loads::prefetch(const Session &session, const Submission &submission) {
    Mover *mover = session.tenant().mover();
    if (mover == nullptr || place_of(session, submission, true) != Place::elsewhere) {
        return false;
    }
    mover->prefetch(submission.space, submission.key);
    return true;
}

Mover::Tag Loads::begin(Session &session, std::uint64_t user_data) {
    const Mover::Tag tag = next_tag_++;
    waiting_.emplace(tag, Waiting{&session, user_data});
    session.waiting_tags.push_back(tag);
    return tag;
}

bool Loads::cancel(Session &session, std::uint64_t user_data) {
    auto &tags = session.waiting_tags;
    const auto found =
        std::find_if(tags.begin(), tags.end(), [&](Mover::Tag tag) { return waiting_.at(tag).user_data == user_data; });
    if (found == tags.end()) {
        return false;
    }
    session.tenant().mover()->cancel(*found);
    waiting_.erase(*found);
    tags.erase(found);
    complete(session, user_data, UAKV_ERR_TIMEOUT);
    return true;
}

void Loads::leave(Session &session) {
    for (const Mover::Tag tag : session.waiting_tags) {
        session.tenant().mover()->cancel(tag);
        waiting_.erase(tag);
    }
    session.waiting_tags.clear();
    std::erase(answered_, &session);
}

void Loads::take_answers(Tenant &tenant) {
    Mover *mover = tenant.mover();
    if (mover == nullptr) {
        return;
    }
    for (const Mover::Answer &answer : mover->take_answers()) {
        const auto found = waiting_.find(answer.tag);
        if (found == waiting_.end()) {
            continue; // cancelled, after it was answered
        }
        const Waiting waiting = found->second;
        waiting_.erase(found);
        std::erase(waiting.session->waiting_tags, answer.tag);
        complete(*waiting.session, waiting.user_data, answer.status);
    }
}

void Loads::complete(Session &session, std::uint64_t user_data, uakv_status status) {
    Completion completion{};
    completion.user_data = user_data;
    completion.status = status;
    session.ring().complete(completion);
    if (answered_.empty() || answered_.back() != &session) {
        answered_.push_back(&session);
    }
}

bool Loads::publish() {
    bool woke = false;
    for (Session *session : answered_) {
        woke = session->ring().publish() || woke;
    }
    answered_.clear();
    return woke;
}

} // namespace uakv
