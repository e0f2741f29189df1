// Single flight: of all who miss a block, one computes it and the others wait. This keeps the books: who computes
// which block, in which slot, and who waits for it. It finds no slot, answers nobody and knows sessions by number only;
// the dispatcher does the rest.
//
// A flight begins with the first claim of a key. Its pilot is the one that computes, or will once it has a slot. When
// the pilot drops out, the one that waited longest has the turn. The flight ends when the block is stored, or when the
// last one has dropped out.
//
//   claim() ---> the pilot needs a slot ---- granted() ----> it computes ---- landed(): the others find the block
//                        |          ^                            |
//                  dropped_out()    +---------- next Turn -------+  released(), expire(), withdraw()
#pragma once

#include "daemon/store/slots.h"

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace uakv {

struct FlightKey {
    SpaceId space = 0;
    uakv_key key{};
    bool operator==(const FlightKey &other) const;
};

// One call of a client that waits. Clients choose user_data: it need not be unique.
struct Claimant {
    std::uint32_t session = 0;
    std::uint64_t user_data = 0;
    std::uint64_t length = 0;
    bool operator==(const Claimant &) const = default;
};

class Flights {
public:
    // The seed is a secret: keys are chosen by clients.
    explicit Flights(std::uint64_t seed) : flights_(0, Hash{seed}) {}
    ~Flights() = default;
    Flights(const Flights &) = delete;
    Flights &operator=(const Flights &) = delete;

    enum class Claimed {
        first, // this is the pilot: find it a slot, then granted() or dropped_out()
        joined // it waits: landed(), a Turn or cancel() will name it
    };
    Claimed claim(const FlightKey &key, const Claimant &claimant);

    // It is this claimant's turn, and it waits no longer: find it a slot, then granted() or dropped_out().
    struct Turn {
        FlightKey key;
        Claimant claimant;
    };

    // The pilot got its slot. The slot must not carry another flight: report every slot that goes back to the store,
    // by whatever way, to released() or withdraw().
    void granted(const FlightKey &key, SlotRef slot, std::uint64_t now_ns);

    // The pilot got no slot: none was to be had, or its claim was cancelled. Whose turn it is then.
    std::optional<Turn> dropped_out(const FlightKey &key);

    // The block is stored, by whomever: the flight ends. Who waited finds it there. Costs nothing without flights.
    struct Landing {
        std::optional<Claimant> pilot; // when it still needed a slot: it needs none any more
        std::vector<Claimant> waiting; // in the order in which they came
    };
    Landing landed(const FlightKey &key) { return flights_.empty() ? Landing{} : end(key); }

    // The slot was committed (call landed() before) or has gone back. The flight that it carried, if any, goes on.
    std::optional<Turn> released(SlotRef slot) { return slots_.empty() ? std::nullopt : pass_on_slot(slot); }

    // The session has ended: its claims are forgotten, and the flights that it was the pilot of go on.
    std::vector<Turn> withdraw(std::uint32_t session);

    // A call that waits gives up: true when it was waiting. Not the pilot's: that one has a request for a slot instead,
    // and dropped_out() when it ends.
    bool cancel(std::uint32_t session, std::uint64_t user_data);

    // Pilots that have had their slot for longer than limit_ns while others wait are pilots no more. They keep the
    // slot, and may still commit.
    std::vector<Turn> expire(std::uint64_t now_ns, std::uint64_t limit_ns);
    // When the next one will be too late; UINT64_MAX when nobody waits.
    std::uint64_t next_late_ns(std::uint64_t limit_ns) const;

    bool is_flying(const FlightKey &key) const { return flights_.count(key) != 0; }
    std::size_t count() const { return flights_.size(); }
    std::uint64_t waits() const { return waits_; } // claims that ever waited
    // Claims of the session that wait: not those that have the turn.
    std::uint32_t waiting_of(std::uint32_t session) const;

private:
    struct Hash {
        std::uint64_t seed;
        std::size_t operator()(const FlightKey &key) const;
    };
    struct SlotHash {
        std::size_t operator()(const SlotRef &slot) const {
            return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(slot.segment) << 32 | slot.index);
        }
    };

    struct Flight;
    using Entry = std::pair<const FlightKey, Flight>; // stays where it is while it flies
    struct Wait {
        Claimant claimant;
        Entry *flight = nullptr;
        std::size_t place = 0; // in OfSession::waits
    };
    using Waits = std::list<Wait>;
    struct Flight {
        Claimant pilot;
        std::size_t place = 0; // in OfSession::piloted
        std::optional<SlotRef> slot;
        std::uint64_t granted_ns = 0;
        Waits waits; // in order of coming
    };
    struct OfSession {
        std::vector<Waits::iterator> waits;
        std::vector<Entry *> piloted;
    };

    Landing end(const FlightKey &key);
    std::optional<Turn> pass_on_slot(SlotRef slot);
    std::optional<Turn> pass_on(Entry &flight);
    void become_pilot(Entry &flight, const Claimant &claimant);
    void forget_pilot(Entry &flight);
    void remove_wait(Waits::iterator wait);
    void drop_if_idle(std::uint32_t session);

    std::unordered_map<FlightKey, Flight, Hash> flights_;
    std::unordered_map<SlotRef, Entry *, SlotHash> slots_; // of pilots
    std::unordered_map<std::uint32_t, OfSession> sessions_;
    std::set<std::pair<std::uint64_t, Entry *>> awaited_; // flights with a slot that somebody waits for, by granted_ns
    std::uint64_t waits_ = 0;
};

} // namespace uakv
