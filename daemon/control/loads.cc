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
    if (!session.cache().store().index().lookup().find(submission.space, submission.key, found)) {
        return Place::nowhere;
    }
    return found.is_cold() || (found.is_encoded() && !as_stored) ? Place::elsewhere : Place::memory;
}

} // namespace

void Loads::load(Session &session, const Submission &submission) {
    const bool as_stored = (submission.flags & submission_as_stored) != 0;
    const std::uint64_t deadline_ns = now_ns() + submission.timeout_us * ns_per_us;
    const Place place = place_of(session, submission, as_stored);
    DeviceMover *const from_host = session.cache().device_mover();
    Mover *const from_disk = session.cache().mover();
    if (place != Place::memory && from_host != nullptr) { // what the arena lacks, the host may have
        from_host->load({submission.space, submission.key, deadline_ns, begin(session, submission.user_data)});
        take_answers(session.tenant().host());
    } else if (place == Place::elsewhere && from_disk != nullptr) {
        from_disk->load(
            {submission.space, submission.key, deadline_ns, as_stored, begin(session, submission.user_data)});
    } else {
        answers_.complete(session, submission.user_data, place == Place::memory ? UAKV_OK : UAKV_MISS);
        return;
    }
    take_answers(session.cache());
}

// Whoever of the tenant's clients asks: what arenas have goes to the host first, and from there to the disk.
void Loads::flush(Session &session, const Submission &submission) {
    Cache &host = session.tenant().host();
    if (host.mover() == nullptr) {
        answers_.complete(session, submission.user_data, UAKV_ERR_UNSUPPORTED);
        return;
    }
    const Mover::Tag tag = begin(session, submission.user_data);
    Waiting &waiting = waiting_.at(tag);
    bool in_host = false;
    for (const Tenant::Place &place : session.tenant().places_of(session.cache(), submission.space, false)) {
        if (DeviceMover *mover = place.cache->device_mover()) {
            ++waiting.arenas;
            mover->flush(place.space, tag);
        } else if (place.cache == &host) {
            in_host = true;
            waiting.host_space = place.space;
        }
    }
    if (!in_host) { // the host has another space of this name
        cancel_everywhere(session, tag);
        waiting.arenas = 0;
        answered(tag, UAKV_ERR_NO_SPACE);
        return;
    }
    if (waiting.arenas == 0) {
        host.mover()->flush(waiting.host_space, tag);
        take_answers(host);
    }
}

bool Loads::prefetch(const Session &session, const Submission &submission) {
    if (DeviceMover *mover = session.cache().device_mover()) {
        return mover->prefetch(submission.space, submission.key);
    }
    Mover *mover = session.cache().mover();
    if (mover == nullptr || place_of(session, submission, true) != Place::elsewhere) {
        return false;
    }
    mover->prefetch(submission.space, submission.key);
    return true;
}

Mover::Tag Loads::begin(Session &session, std::uint64_t user_data) {
    const Mover::Tag tag = next_tag_++;
    Waiting waiting;
    waiting.session = &session;
    waiting.user_data = user_data;
    waiting_.emplace(tag, waiting);
    session.waiting_tags.push_back(tag);
    return tag;
}

// A flush may be with any of them.
void Loads::cancel_everywhere(Session &session, Mover::Tag tag) {
    Tenant &tenant = session.tenant();
    if (Mover *mover = tenant.host().mover()) {
        mover->cancel(tag);
    }
    for (const auto &arena : tenant.arenas()) {
        if (DeviceMover *mover = arena->device_mover()) {
            mover->cancel(tag);
        }
    }
}

bool Loads::cancel(Session &session, std::uint64_t user_data) {
    auto &tags = session.waiting_tags;
    const auto found =
        std::find_if(tags.begin(), tags.end(), [&](Mover::Tag tag) { return waiting_.at(tag).user_data == user_data; });
    if (found == tags.end()) {
        return false;
    }
    cancel_everywhere(session, *found);
    waiting_.erase(*found);
    tags.erase(found);
    answers_.complete(session, user_data, UAKV_ERR_TIMEOUT);
    return true;
}

void Loads::leave(Session &session) {
    for (const Mover::Tag tag : session.waiting_tags) {
        cancel_everywhere(session, tag);
        waiting_.erase(tag);
    }
    session.waiting_tags.clear();
    answers_.forget(session);
}

void Loads::take_answers(Cache &cache) {
    if (Mover *mover = cache.mover()) {
        for (const Mover::Answer &answer : mover->take_answers()) {
            if (DeviceMover *asked = cache.tenant().device_mover_of(answer.tag)) {
                asked->host_answered(answer);
            } else {
                answered(answer.tag, answer.status);
            }
        }
    }
    if (DeviceMover *mover = cache.device_mover()) {
        for (const Mover::Answer &answer : mover->take_answers()) {
            answered(answer.tag, answer.status);
        }
    }
}

void Loads::answered(Mover::Tag tag, uakv_status status) {
    const auto found = waiting_.find(tag);
    if (found == waiting_.end()) {
        return; // cancelled, after it was answered
    }
    Waiting &waiting = found->second;
    waiting.status = waiting.status == UAKV_OK ? status : waiting.status;
    if (waiting.arenas > 0) {
        if (--waiting.arenas == 0) {
            waiting.session->tenant().host().mover()->flush(waiting.host_space, tag);
        }
        return;
    }
    const Waiting ended = waiting;
    waiting_.erase(found);
    std::erase(ended.session->waiting_tags, tag);
    answers_.complete(*ended.session, ended.user_data, ended.status);
}

} // namespace uakv
