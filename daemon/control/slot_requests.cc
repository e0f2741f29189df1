#include "daemon/control/slot_requests.h"

#include "ipc/clock.h"
#include "ipc/sequence_point.h"

#include <algorithm>

namespace uakv {
namespace {

// How long a request for a slot waits for what is in use at the moment: views and slots are mostly held for much
// less, and a segment that a size class could take over is free of them at some instant.
constexpr std::uint64_t patience_ns = 20 * ns_per_ms;

bool holds_too_many(const Session &session) {
    return session.grants() + session.waiting_grants.size() + session.waiting_claims >= limits::grants_per_client_max;
}

} // namespace

void SlotRequests::grant(Session &session, std::uint64_t user_data, std::uint64_t length) {
    if (holds_too_many(session)) {
        answers_.complete(session, user_data, UAKV_ERR_DENIED);
        return;
    }
    request(session, {user_data, length, now_ns(), std::nullopt});
    take_turns();
}

void SlotRequests::claim(Session &session, const FlightKey &key, std::uint64_t user_data, std::uint64_t length,
                         bool anew) {
    Cache &cache = session.cache();
    Lookup::Found found;
    if (cache.store().index().lookup().find(key.space, key.key, found) && !(found.is_cold() && anew)) {
        answers_.complete(session, user_data, UAKV_EXISTS);
        return;
    }
    if (holds_too_many(session)) {
        answers_.complete(session, user_data, UAKV_ERR_DENIED);
        return;
    }
    if (cache.flights().claim(key, {session.number(), user_data, length}) == Flights::Claimed::joined) {
        ++session.waiting_claims;
        return;
    }
    request(session, {user_data, length, now_ns(), key});
    take_turns();
}

void SlotRequests::request(Session &session, const Waiting &wanted) {
    if (!session.waiting_grants.empty() || !try_answer(session, wanted, wanted.since_ns)) {
        session.waiting_grants.push_back(wanted); // behind those that came earlier
        waits_ = true;
    }
}

void SlotRequests::cancel(Session &session, std::uint64_t user_data) {
    Cache &cache = session.cache();
    auto &waiting = session.waiting_grants;
    const auto found = std::find_if(waiting.begin(), waiting.end(),
                                    [&](const Waiting &wanted) { return wanted.user_data == user_data; });
    if (found != waiting.end()) {
        const std::optional<FlightKey> flight = found->flight;
        waiting.erase(found);
        answers_.complete(session, user_data, UAKV_ERR_TIMEOUT);
        if (flight) {
            pass_on(cache, cache.flights().dropped_out(*flight));
        }
    } else if (cache.flights().cancel(session.number(), user_data)) {
        --session.waiting_claims;
        answers_.complete(session, user_data, UAKV_ERR_TIMEOUT);
    }
    take_turns();
}

void SlotRequests::retry(Session &session) {
    const std::uint64_t now = now_ns();
    const std::vector<Waiting> all = std::exchange(session.waiting_grants, {});
    for (const Waiting &wanted : all) {
        if (!try_answer(session, wanted, now)) {
            session.waiting_grants.push_back(wanted);
        }
    }
    take_turns();
}

// False when it has to wait on.
bool SlotRequests::try_answer(Session &session, const Waiting &wanted, std::uint64_t now) {
    Cache &cache = session.cache();
    const Store::Grant grant = find_slot(cache, wanted.length, session.number());
    const bool granted = grant.outcome == Store::GrantOutcome::granted;
    if (grant.outcome == Store::GrantOutcome::none) {
        cache.note_short();
    }
    if (grant.outcome == Store::GrantOutcome::later || (!granted && now - wanted.since_ns < patience_ns)) {
        return false;
    }
    if (!granted) {
        cache.count_no_space(now);
        answers_.complete(session, wanted.user_data, UAKV_ERR_NO_SPACE);
        if (wanted.flight) {
            pass_on(cache, cache.flights().dropped_out(*wanted.flight));
        }
        return true;
    }
    UAKV_SEQUENCE_POINT(slot_granted);
    Completion completion{};
    completion.user_data = wanted.user_data;
    completion.status = wanted.flight ? UAKV_MISS : UAKV_OK;
    hand_over(session, grant.slot, completion);
    UAKV_SEQUENCE_POINT(slot_held);
    if (wanted.flight) {
        cache.flights().granted(*wanted.flight, grant.slot, now);
    }
    answers_.complete(session, completion);
    return true;
}

// Before anybody is refused, slots that lie idle with clients are taken back.
Store::Grant SlotRequests::find_slot(Cache &cache, std::uint64_t length, std::uint32_t client) {
    const Store::Grant grant = cache.store().grant(length, client);
    if (grant.outcome != Store::GrantOutcome::none) {
        return grant;
    }
    const std::vector<SlotRef> reclaimed = cache.reclaim();
    for (const SlotRef slot : reclaimed) {
        pass_on(cache, cache.flights().released(slot)); // a client may offer what it said to compute in
    }
    return reclaimed.empty() ? grant : cache.store().grant(length, client);
}

void SlotRequests::landed(Cache &cache, const FlightKey &key) {
    const Flights::Landing landing = cache.flights().landed(key);
    if (landing.pilot) {
        Session &session = *cache.find(landing.pilot->session);
        std::erase_if(session.waiting_grants, [&](const Waiting &wanted) { return wanted.flight == key; });
        answers_.complete(session, landing.pilot->user_data, UAKV_EXISTS);
    }
    for (const Claimant &claimant : landing.waiting) {
        UAKV_SEQUENCE_POINT(flight_ended);
        Session &session = *cache.find(claimant.session);
        --session.waiting_claims;
        answers_.complete(session, claimant.user_data, UAKV_EXISTS);
    }
}

void SlotRequests::released(Cache &cache, SlotRef slot) {
    pass_on(cache, cache.flights().released(slot));
    take_turns();
}

void SlotRequests::leave(Session &session) {
    session.waiting_grants.clear();
    session.waiting_claims = 0;
    for (const Flights::Turn &turn : session.cache().flights().withdraw(session.number())) {
        pass_on(session.cache(), turn);
    }
    take_turns();
}

void SlotRequests::expire(Cache &cache, std::uint64_t now) {
    for (const Flights::Turn &turn : cache.flights().expire(now, cache.tenant().flight_ns_max())) {
        pass_on(cache, turn);
    }
    take_turns();
}

void SlotRequests::pass_on(Cache &cache, const std::optional<Flights::Turn> &turn) {
    if (turn) {
        turns_.emplace_back(&cache, *turn);
    }
}

// One turn can lead to another: a loop, so that a long line of claims is no deep recursion.
void SlotRequests::take_turns() {
    while (!turns_.empty()) {
        const auto [cache, turn] = turns_.back();
        turns_.pop_back();
        Session *session = cache->find(turn.claimant.session);
        UAKV_ASSERT(session != nullptr); // who leaves withdraws its claims
        --session->waiting_claims;
        UAKV_SEQUENCE_POINT(turn_taken);
        request(*session, {turn.claimant.user_data, turn.claimant.length, now_ns(), turn.key});
    }
}

void SlotRequests::hand_over(Session &session, SlotRef slot, Completion &completion) {
    const Slots &slots = session.cache().store().slots();
    session.take_hold(slot);
    completion.segment = slot.segment;
    completion.slot = slot.index;
    completion.offset = slots.offset(slot);
    completion.capacity = slots.slot_bytes(slot.segment);
}

} // namespace uakv
