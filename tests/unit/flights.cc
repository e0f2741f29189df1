// Single flight: who computes, who waits, and whose turn it is when the one that computes drops out.
#include "daemon/control/flights.h"
#include "sample.h"
#include "support/check.h"
#include "support/pattern.h"

#include <algorithm>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t seed = 42;
constexpr std::uint64_t no_time = UINT64_MAX;

FlightKey key_of(std::uint64_t number, SpaceId space = 0) {
    return {space, sample_key(number)};
}

Claimant call(std::uint32_t session, std::uint64_t user_data, std::uint64_t length = 4096) {
    return {session, user_data, length};
}

bool is_turn(const std::optional<Flights::Turn> &turn, const FlightKey &key, const Claimant &claimant) {
    return turn && turn->key == key && turn->claimant == claimant;
}

void claim_first(Flights &flights, const FlightKey &key, const Claimant &claimant) {
    CHECK(flights.claim(key, claimant) == Flights::Claimed::first);
}

void claim_joins(Flights &flights, const FlightKey &key, const Claimant &claimant) {
    CHECK(flights.claim(key, claimant) == Flights::Claimed::joined);
}

void check_empty(const Flights &flights) {
    CHECK_EQ(flights.count(), 0);
    CHECK_EQ(flights.next_late_ns(1), no_time);
    for (std::uint32_t session = 0; session < 10; ++session) {
        CHECK_EQ(flights.waiting_of(session), 0);
    }
}

void nothing_flies() {
    Flights flights(seed);
    const auto landing = flights.landed(key_of(0));
    CHECK(!landing.pilot && landing.waiting.empty());
    CHECK(!flights.released({0, 0}));
    CHECK(flights.withdraw(1).empty());
    CHECK(!flights.cancel(1, 1));
    CHECK(flights.expire(no_time, 0).empty());
    CHECK(!flights.is_flying(key_of(0)));
    check_empty(flights);
}

void stored_ends_the_flight() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    flights.granted(key_of(0), {3, 4}, 100);
    claim_joins(flights, key_of(0), call(2, 20));
    claim_joins(flights, key_of(0), call(3, 30, 8192));
    CHECK(flights.is_flying(key_of(0)));
    CHECK_EQ(flights.waiting_of(1), 0);
    CHECK_EQ(flights.waiting_of(2), 1);
    CHECK_EQ(flights.waits(), 2);
    const auto landing = flights.landed(key_of(0));
    CHECK(!landing.pilot);
    CHECK(landing.waiting == (std::vector{call(2, 20), call(3, 30, 8192)}));
    CHECK(!flights.released({3, 4}));
    CHECK_EQ(flights.waits(), 2);
    check_empty(flights);
}

// By a plain store, before the pilot had a slot.
void stored_while_the_pilot_needs_a_slot() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    claim_joins(flights, key_of(0), call(2, 20));
    const auto landing = flights.landed(key_of(0));
    CHECK(landing.pilot == call(1, 10));
    CHECK(landing.waiting == std::vector{call(2, 20)});
    check_empty(flights);
}

void spaces_are_apart() {
    Flights flights(seed);
    claim_first(flights, key_of(0, 1), call(1, 10));
    claim_first(flights, key_of(0, 2), call(2, 20));
    claim_first(flights, key_of(1, 1), call(3, 30));
    CHECK_EQ(flights.count(), 3);
    CHECK(flights.landed(key_of(1, 2)).waiting.empty());
    CHECK_EQ(flights.count(), 3);
}

void own_claims_join_too() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    flights.granted(key_of(0), {0, 0}, 0);
    claim_joins(flights, key_of(0), call(1, 11));
    CHECK(is_turn(flights.released({0, 0}), key_of(0), call(1, 11)));
}

void slot_that_comes_back_passes_the_flight_on() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    flights.granted(key_of(0), {0, 7}, 0);
    claim_joins(flights, key_of(0), call(2, 20));
    claim_joins(flights, key_of(0), call(3, 30));
    CHECK(!flights.released({7, 0}));
    CHECK(is_turn(flights.released({0, 7}), key_of(0), call(2, 20)));
    CHECK_EQ(flights.waiting_of(2), 0);
    CHECK_EQ(flights.waiting_of(3), 1);
    CHECK(!flights.released({0, 7}));
    flights.granted(key_of(0), {0, 7}, 0); // the same slot again
    CHECK(is_turn(flights.released({0, 7}), key_of(0), call(3, 30)));
    flights.granted(key_of(0), {0, 8}, 0);
    CHECK(!flights.released({0, 8}));
    check_empty(flights);
}

void no_slot_to_be_had() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    claim_joins(flights, key_of(0), call(2, 20));
    CHECK(is_turn(flights.dropped_out(key_of(0)), key_of(0), call(2, 20)));
    CHECK(!flights.dropped_out(key_of(0)));
    check_empty(flights);
}

void session_that_ends_takes_its_claims_along() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10)); // has a slot
    flights.granted(key_of(0), {0, 0}, 0);
    claim_first(flights, key_of(1), call(1, 11)); // has none yet
    claim_first(flights, key_of(2), call(1, 12)); // nobody else wants it
    flights.granted(key_of(2), {0, 2}, 0);
    claim_first(flights, key_of(3), call(2, 20)); // another's
    for (std::uint64_t number = 0; number < 4; ++number) {
        claim_joins(flights, key_of(number), call(1, 100 + number));
        if (number != 2) {
            claim_joins(flights, key_of(number), call(3, 30 + number));
        }
    }
    CHECK_EQ(flights.waiting_of(1), 4);
    auto turns = flights.withdraw(1);
    CHECK_EQ(turns.size(), 2);
    std::sort(turns.begin(), turns.end(),
              [](const auto &a, const auto &b) { return a.claimant.user_data < b.claimant.user_data; });
    CHECK(is_turn(turns[0], key_of(0), call(3, 30)));
    CHECK(is_turn(turns[1], key_of(1), call(3, 31)));
    CHECK_EQ(flights.waiting_of(1), 0);
    CHECK(!flights.is_flying(key_of(2)));
    CHECK(!flights.released({0, 0}) && !flights.released({0, 2}));
    CHECK(flights.landed(key_of(3)).waiting == std::vector{call(3, 33)});
    CHECK(flights.withdraw(1).empty());
}

void waiting_call_gives_up() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    claim_joins(flights, key_of(0), call(2, 20));
    claim_joins(flights, key_of(0), call(2, 21));
    CHECK(!flights.cancel(1, 10)); // the pilot does not wait
    CHECK(!flights.cancel(1, 20)); // another's
    CHECK(flights.cancel(2, 20));
    CHECK(!flights.cancel(2, 20));
    CHECK_EQ(flights.waiting_of(2), 1);
    CHECK(flights.landed(key_of(0)).waiting == std::vector{call(2, 21)});
    CHECK_EQ(flights.waits(), 2);
}

void late_pilots_lose_their_turn() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    claim_first(flights, key_of(1), call(1, 11));
    claim_joins(flights, key_of(0), call(2, 20));
    CHECK_EQ(flights.next_late_ns(50), no_time); // no slot, so not late
    flights.granted(key_of(0), {0, 0}, 1000);
    flights.granted(key_of(1), {0, 1}, 900);
    CHECK_EQ(flights.next_late_ns(50), 1050); // nobody waits for the other
    claim_joins(flights, key_of(1), call(2, 21));
    CHECK_EQ(flights.next_late_ns(50), 950);
    CHECK(flights.cancel(2, 21));
    CHECK_EQ(flights.next_late_ns(50), 1050);
    CHECK(flights.expire(1049, 50).empty());
    const auto turns = flights.expire(1050, 50);
    CHECK_EQ(turns.size(), 1);
    CHECK(is_turn(turns[0], key_of(0), call(2, 20)));
    CHECK(!flights.released({0, 0})); // the slot is only a slot now
    CHECK(flights.is_flying(key_of(0)));
    claim_joins(flights, key_of(1), call(2, 22)); // it was late before anybody waited
    CHECK_EQ(flights.expire(2000, 50).size(), 1);
    CHECK_EQ(flights.next_late_ns(50), no_time);
}

// The late one commits after all: all is well, for whoever is the pilot by now too.
void late_pilot_commits() {
    Flights flights(seed);
    claim_first(flights, key_of(0), call(1, 10));
    flights.granted(key_of(0), {0, 0}, 0);
    claim_joins(flights, key_of(0), call(2, 20));
    claim_joins(flights, key_of(0), call(3, 30));
    CHECK_EQ(flights.expire(100, 100).size(), 1);
    flights.granted(key_of(0), {0, 1}, 100);
    const auto landing = flights.landed(key_of(0));
    CHECK(!landing.pilot);
    CHECK(landing.waiting == std::vector{call(3, 30)});
    CHECK(!flights.released({0, 0}) && !flights.released({0, 1}));
    check_empty(flights);
}

// The same books, kept in the plainest way.
class Model {
public:
    void step() {
        now_ns_ += random_.below(3);
        const auto session = static_cast<std::uint32_t>(random_.below(sessions));
        switch (random_.below(16)) {
        case 0:
            land(any_key());
            break;
        case 1:
            release(static_cast<std::uint32_t>(random_.below(slots)));
            break;
        case 2:
            cancel(session, random_.below(next_call_));
            break;
        case 3:
            if (random_.below(8) == 0) {
                withdraw(session);
            }
            break;
        case 4:
            expire();
            break;
        case 5:
        case 6:
        case 7:
            serve(any_key());
            break;
        case 8:
            if (!waiting_.empty()) {
                const Claimant &known = waiting_[random_.below(waiting_.size())].claimant;
                cancel(known.session, known.user_data);
            }
            break;
        default:
            claim(any_key(), call(session, next_call_++, 1 + random_.below(9)));
        }
        check();
    }

private:
    static constexpr std::uint64_t sessions = 6;
    static constexpr std::uint64_t keys = 5;
    static constexpr std::uint64_t slots = 12;
    static constexpr std::uint64_t limit_ns = 40;

    struct Waiting {
        FlightKey key;
        Claimant claimant;
    };
    struct Pilot {
        FlightKey key;
        Claimant claimant;
        std::optional<std::uint32_t> slot;
        std::uint64_t granted_ns = 0;
    };

    FlightKey any_key() { return key_of(random_.below(keys), static_cast<SpaceId>(random_.below(2))); }

    std::vector<Pilot>::iterator pilot_of(const FlightKey &key) {
        return std::find_if(pilots_.begin(), pilots_.end(), [&](const Pilot &pilot) { return pilot.key == key; });
    }

    void claim(const FlightKey &key, const Claimant &claimant) {
        const bool first = pilot_of(key) == pilots_.end();
        CHECK((flights_.claim(key, claimant) == Flights::Claimed::first) == first);
        if (first) {
            pilots_.push_back({key, claimant, std::nullopt, 0});
        } else {
            waiting_.push_back({key, claimant});
            ++waits_;
        }
    }

    // The dispatcher finds a slot, or none, for a pilot that needs one.
    void serve(const FlightKey &key) {
        const auto pilot = pilot_of(key);
        if (pilot == pilots_.end() || pilot->slot) {
            return;
        }
        const auto slot = static_cast<std::uint32_t>(random_.below(slots));
        const bool free =
            std::none_of(pilots_.begin(), pilots_.end(), [&](const Pilot &other) { return other.slot == slot; });
        if (free) {
            flights_.granted(key, {9, slot}, now_ns_);
            pilot->slot = slot;
            pilot->granted_ns = now_ns_;
        } else {
            check_turn(flights_.dropped_out(key), pass_on(key));
        }
    }

    std::optional<Flights::Turn> pass_on(const FlightKey &key) {
        pilots_.erase(pilot_of(key));
        const auto next =
            std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting &wait) { return wait.key == key; });
        if (next == waiting_.end()) {
            return std::nullopt;
        }
        const Flights::Turn turn{key, next->claimant};
        waiting_.erase(next);
        pilots_.push_back({key, turn.claimant, std::nullopt, 0});
        return turn;
    }

    void land(const FlightKey &key) {
        std::optional<Claimant> needs_slot;
        if (const auto pilot = pilot_of(key); pilot != pilots_.end()) {
            needs_slot = pilot->slot ? std::nullopt : std::optional(pilot->claimant);
            pilots_.erase(pilot);
        }
        std::vector<Claimant> found;
        std::erase_if(waiting_, [&](const Waiting &wait) {
            if (wait.key == key) {
                found.push_back(wait.claimant);
            }
            return wait.key == key;
        });
        const auto landing = flights_.landed(key);
        CHECK(landing.pilot == needs_slot);
        CHECK(landing.waiting == found);
    }

    void release(std::uint32_t slot) {
        const auto pilot =
            std::find_if(pilots_.begin(), pilots_.end(), [&](const Pilot &each) { return each.slot == slot; });
        check_turn(flights_.released({9, slot}),
                   pilot == pilots_.end() ? std::nullopt : pass_on(FlightKey(pilot->key)));
    }

    void cancel(std::uint32_t session, std::uint64_t user_data) {
        const auto erased = std::erase_if(waiting_, [&](const Waiting &wait) {
            return wait.claimant.session == session && wait.claimant.user_data == user_data;
        });
        CHECK_EQ(flights_.cancel(session, user_data) ? 1 : 0, erased);
    }

    void withdraw(std::uint32_t session) {
        std::erase_if(waiting_, [&](const Waiting &wait) { return wait.claimant.session == session; });
        pass_on_all(flights_.withdraw(session), [&](const Pilot &pilot) { return pilot.claimant.session == session; });
    }

    void expire() {
        pass_on_all(flights_.expire(now_ns_, limit_ns), [&](const Pilot &pilot) { return is_late(pilot); });
    }

    bool is_late(const Pilot &pilot) const {
        return pilot.slot && now_ns_ - pilot.granted_ns >= limit_ns && is_awaited(pilot);
    }

    bool is_awaited(const Pilot &pilot) const {
        return std::any_of(waiting_.begin(), waiting_.end(),
                           [&](const Waiting &wait) { return wait.key == pilot.key; });
    }

    // The order does not matter.
    template <typename Drops> void pass_on_all(const std::vector<Flights::Turn> &turns, Drops drops) {
        std::vector<FlightKey> dropped;
        for (const Pilot &pilot : pilots_) {
            if (drops(pilot)) {
                dropped.push_back(pilot.key);
            }
        }
        std::size_t expected = 0;
        for (const FlightKey &key : dropped) {
            if (const auto turn = pass_on(key)) {
                ++expected;
                CHECK(std::any_of(turns.begin(), turns.end(),
                                  [&](const auto &each) { return is_turn(each, key, turn->claimant); }));
            }
        }
        CHECK_EQ(turns.size(), expected);
    }

    static void check_turn(const std::optional<Flights::Turn> &actual, const std::optional<Flights::Turn> &expected) {
        CHECK(expected ? is_turn(actual, expected->key, expected->claimant) : !actual);
    }

    void check() {
        CHECK_EQ(flights_.count(), pilots_.size());
        CHECK_EQ(flights_.waits(), waits_);
        std::uint64_t next = no_time;
        for (const Pilot &pilot : pilots_) {
            CHECK(flights_.is_flying(pilot.key));
            if (pilot.slot && is_awaited(pilot)) {
                next = std::min(next, pilot.granted_ns + limit_ns);
            }
        }
        CHECK_EQ(flights_.next_late_ns(limit_ns), next);
        for (std::uint32_t session = 0; session < sessions; ++session) {
            CHECK_EQ(flights_.waiting_of(session),
                     std::count_if(waiting_.begin(), waiting_.end(),
                                   [&](const auto &wait) { return wait.claimant.session == session; }));
        }
    }

    Flights flights_{seed};
    Random random_{5};
    std::vector<Pilot> pilots_;
    std::vector<Waiting> waiting_; // in order of coming
    std::uint64_t next_call_ = 1;
    std::uint64_t now_ns_ = 0;
    std::uint64_t waits_ = 0;
};

void random_operations() {
    Model model;
    for (int i = 0; i < 100'000; ++i) {
        model.step();
    }
}

constexpr Case cases[] = {
    {"nothing_flies", nothing_flies},
    {"stored_ends_the_flight", stored_ends_the_flight},
    {"stored_while_the_pilot_needs_a_slot", stored_while_the_pilot_needs_a_slot},
    {"spaces_are_apart", spaces_are_apart},
    {"own_claims_join_too", own_claims_join_too},
    {"slot_that_comes_back_passes_the_flight_on", slot_that_comes_back_passes_the_flight_on},
    {"no_slot_to_be_had", no_slot_to_be_had},
    {"session_that_ends_takes_its_claims_along", session_that_ends_takes_its_claims_along},
    {"waiting_call_gives_up", waiting_call_gives_up},
    {"late_pilots_lose_their_turn", late_pilots_lose_their_turn},
    {"late_pilot_commits", late_pilot_commits},
    {"random_operations", random_operations},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("flights", uakv::test::cases);
}
