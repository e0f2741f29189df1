// The one who sees a client die or stand still: a client beside it, with a view that must not change, and a look at the
// daemon's accounts, which must be empty when all are gone.
#pragma once

#include "death/journal.h"
#include "support/client.h"
#include "support/daemon.h"

#include <string>

namespace uakv::test {

// A daemon for many deaths. It asks for statistics and nothing else, so all else that is counted is others'.
class Accounts {
public:
    explicit Accounts(const DaemonOptions &options = {});

    const Daemon &daemon() const { return daemon_; }
    const std::string &socket_path() const { return daemon_.socket_path(); }

    // Nobody is connected, and nothing held; blocks stay.
    void await_nothing_held() const;
    // The same, and no block is left.
    void await_empty() const;

private:
    Daemon daemon_;
    Client client_{daemon_};
    size_t descriptors_ = 0;
};

class Witness {
public:
    // Looks at a block, which is then removed from the cache.
    Witness(const Accounts &accounts, const std::string &name);

    // Nothing that was computed for others is stuck: it is there, or this gets its turn.
    void check_flights(const Journal &journal) const;
    void check_blocks(const Journal &journal) const { check_journal(space_, name_, journal); }
    void check_view() const;
    void clear() const; // all spaces, and the view

    uakv_space *space() const { return space_; }

private:
    const std::string name_;
    Client client_;
    Space space_{client_, "work"};
    mutable uakv_view view_ = {};
};

} // namespace uakv::test
