#include "daemon/control/flights.h"

#include "ipc/assertion.h"
#include "ipc/hashing.h"

#include <cstring>

namespace uakv {

bool FlightKey::operator==(const FlightKey &other) const {
    return space == other.space && std::memcmp(&key, &other.key, sizeof key) == 0;
}

std::size_t Flights::Hash::operator()(const FlightKey &key) const {
    return hash_of_key(key.key, key.space, seed);
}

Flights::Claimed Flights::claim(const FlightKey &key, const Claimant &claimant) {
    const auto [found, is_new] = flights_.try_emplace(key);
    Entry &flight = *found;
    if (is_new) {
        become_pilot(flight, claimant);
        return Claimed::first;
    }
    auto &own = sessions_[claimant.session].waits;
    Waits &waits = flight.second.waits;
    waits.push_back({claimant, &flight, own.size()});
    own.push_back(std::prev(waits.end()));
    ++waits_;
    if (waits.size() == 1 && flight.second.slot) {
        awaited_.emplace(flight.second.granted_ns, &flight);
    }
    return Claimed::joined;
}

void Flights::granted(const FlightKey &key, SlotRef slot, std::uint64_t now_ns) {
    const auto found = flights_.find(key);
    UAKV_ASSERT(found != flights_.end() && !found->second.slot);
    const bool is_new = slots_.emplace(slot, &*found).second;
    UAKV_ASSERT(is_new); // else it went back to the store without our hearing of it
    Flight &flight = found->second;
    flight.slot = slot;
    flight.granted_ns = now_ns;
    if (!flight.waits.empty()) {
        awaited_.emplace(now_ns, &*found);
    }
}

std::optional<Flights::Turn> Flights::dropped_out(const FlightKey &key) {
    const auto found = flights_.find(key);
    UAKV_ASSERT(found != flights_.end() && !found->second.slot);
    return pass_on(*found);
}

Flights::Landing Flights::end(const FlightKey &key) {
    const auto found = flights_.find(key);
    if (found == flights_.end()) {
        return {};
    }
    Landing landing;
    Flight &flight = found->second;
    if (!flight.slot) {
        landing.pilot = flight.pilot;
    }
    forget_pilot(*found);
    landing.waiting.reserve(flight.waits.size());
    while (!flight.waits.empty()) {
        landing.waiting.push_back(flight.waits.front().claimant);
        remove_wait(flight.waits.begin());
    }
    flights_.erase(found);
    return landing;
}

std::optional<Flights::Turn> Flights::pass_on_slot(SlotRef slot) {
    const auto found = slots_.find(slot);
    return found == slots_.end() ? std::nullopt : pass_on(*found->second);
}

std::vector<Flights::Turn> Flights::withdraw(std::uint32_t session) {
    std::vector<Turn> turns;
    // First what waits, so that no turn goes to this session. Both end with the session's own record.
    for (auto own = sessions_.find(session); own != sessions_.end() && !own->second.waits.empty();
         own = sessions_.find(session)) {
        remove_wait(own->second.waits.back());
    }
    for (auto own = sessions_.find(session); own != sessions_.end(); own = sessions_.find(session)) {
        if (auto turn = pass_on(*own->second.piloted.back())) {
            turns.push_back(*turn);
        }
    }
    return turns;
}

bool Flights::cancel(std::uint32_t session, std::uint64_t user_data) {
    const auto own = sessions_.find(session);
    if (own == sessions_.end()) {
        return false;
    }
    for (const Waits::iterator wait : own->second.waits) {
        if (wait->claimant.user_data == user_data) {
            remove_wait(wait);
            return true;
        }
    }
    return false;
}

std::vector<Flights::Turn> Flights::expire(std::uint64_t now_ns, std::uint64_t limit_ns) {
    std::vector<Turn> turns;
    while (!awaited_.empty() && next_late_ns(limit_ns) <= now_ns) {
        const auto turn = pass_on(*awaited_.begin()->second);
        UAKV_ASSERT(turn.has_value()); // somebody waits
        turns.push_back(*turn);
    }
    return turns;
}

std::uint64_t Flights::next_late_ns(std::uint64_t limit_ns) const {
    return awaited_.empty() ? UINT64_MAX : awaited_.begin()->first + limit_ns;
}

std::uint32_t Flights::waiting_of(std::uint32_t session) const {
    if (sessions_.empty()) {
        return 0;
    }
    const auto own = sessions_.find(session);
    return own == sessions_.end() ? 0 : static_cast<std::uint32_t>(own->second.waits.size());
}

// To the one that waited longest; without one the flight ends.
std::optional<Flights::Turn> Flights::pass_on(Entry &flight) {
    forget_pilot(flight);
    Waits &waits = flight.second.waits;
    if (waits.empty()) {
        flights_.erase(flights_.find(flight.first));
        return std::nullopt;
    }
    const Turn turn{flight.first, waits.front().claimant};
    remove_wait(waits.begin());
    become_pilot(flight, turn.claimant);
    return turn;
}

void Flights::become_pilot(Entry &flight, const Claimant &claimant) {
    auto &piloted = sessions_[claimant.session].piloted;
    flight.second.pilot = claimant;
    flight.second.place = piloted.size();
    piloted.push_back(&flight);
}

void Flights::forget_pilot(Entry &flight) {
    Flight &state = flight.second;
    if (state.slot) {
        slots_.erase(*state.slot);
        awaited_.erase({state.granted_ns, &flight});
        state.slot.reset();
    }
    auto &piloted = sessions_[state.pilot.session].piloted;
    piloted[state.place] = piloted.back();
    piloted[state.place]->second.place = state.place;
    piloted.pop_back();
    drop_if_idle(state.pilot.session);
}

void Flights::remove_wait(Waits::iterator wait) {
    const std::uint32_t session = wait->claimant.session;
    auto &own = sessions_[session].waits;
    own[wait->place] = own.back();
    own[wait->place]->place = wait->place;
    own.pop_back();
    Entry &flight = *wait->flight;
    flight.second.waits.erase(wait);
    if (flight.second.waits.empty() && flight.second.slot) {
        awaited_.erase({flight.second.granted_ns, &flight});
    }
    drop_if_idle(session);
}

void Flights::drop_if_idle(std::uint32_t session) {
    const auto own = sessions_.find(session);
    if (own != sessions_.end() && own->second.waits.empty() && own->second.piloted.empty()) {
        sessions_.erase(own);
    }
}

} // namespace uakv
