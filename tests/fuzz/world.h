// What the fuzzers of clients share: a daemon without a reactor, with two tenants whose memory is all there, and the
// clients that an input brings. It lives on from input to input, but for its blocks: what an input leaves behind must
// be nothing.
#pragma once

#include "daemon/control/dispatcher.h"
#include "daemon/control/greeting.h"
#include "ipc/mapping.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace uakv::fuzz {

// One connection: our side of it, and what its client knows.
struct Player {
    Player(std::uint32_t number, const PeerIdentity &peer);

    SessionLayout &shared() { return session->layout(); }
    bool serving() const { return session->welcomed() && !session->ended; }

    std::unique_ptr<Session> session;
    Fd socket;                      // the client's end
    std::uint32_t tail = 0;         // of its submissions
    std::uint32_t head = 0;         // of its completions
    std::vector<SlotRef> slots;     // that it was told of, whoever has them now
    std::uint32_t submissions_left; // so that no input takes for ever
    bool lied = false;              // it has written to words that are the daemon's
};

class World {
public:
    // Made at the first call, and again once inputs have left many spaces there.
    static World &get();

    // The identities that an input can choose from: members of one tenant or both, readers, nobody and root.
    static PeerIdentity peer(std::size_t which);
    static constexpr std::size_t peers = 7;

    // Null where the daemon would turn the peer away.
    Player *connect(const PeerIdentity &peer);
    Player &player(std::size_t which) { return *players_[which % players_.size()]; }
    std::size_t count() const { return players_.size(); }

    // As the reactor does it. What is nonsense ends the session.
    void say(Player &player, const void *data, std::size_t size);
    template <typename T> void say(Player &player, const T &message) { say(player, &message, sizeof message); }
    void serve(Player &player);
    void drain_touches(Player &player);
    void end(Player &player);
    void hang_up(std::size_t which);
    void expire_flights(std::uint64_t now);

    // The client puts the submission into its ring.
    static void submit(Player &player, const Submission &submission);
    // The client takes its completions, and learns of slots.
    static void read_completions(Player &player);

    Tenants &tenants() { return *tenants_; }
    Dispatcher &dispatcher() { return *dispatcher_; }
    Greeting &greeting() { return *greeting_; }
    Tenant &tenant(std::size_t which) { return *tenants_->all()[which % tenants_->all().size()]; }

    // Other quotas and policies, from a number.
    void reconfigure(std::uint32_t choice);

    // Looks whether the books agree.
    void check();

    // All hang up and all blocks go. Then nothing is held any more.
    void clear();

private:
    World();
    bool is_worn() const;

    std::unique_ptr<Tenants> tenants_;
    std::vector<Mapping> indexes_; // as clients map them
    Stages stages_;
    std::unique_ptr<Reports> reports_;
    std::unique_ptr<Greeting> greeting_;
    std::unique_ptr<Dispatcher> dispatcher_;
    std::vector<std::unique_ptr<Player>> players_;
    std::uint32_t next_number_ = 1;
    std::uint64_t now_ns_ = 0; // for rates: each serving is a millisecond
};

// A space that all inputs know by the same name, from a few.
SpaceDescription space_description(std::size_t which);

// A key of a few.
uakv_key key_of(std::size_t which);

} // namespace uakv::fuzz
