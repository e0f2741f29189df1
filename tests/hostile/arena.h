// A daemon, its victim and the books: an attack is a function that runs in a process of its own, with a connection.
#pragma once

#include "hostile/raw_client.h"
#include "hostile/victim.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/effort.h"
#include "support/pattern.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace uakv::test {

using Attack = std::function<void(RawClient &)>;

class Arena {
public:
    explicit Arena(Memory memory = Memory::enough);

    const Daemon &daemon() const { return daemon_; }
    Victim &victim() { return *victim_; }

    // The attack ends in a violation: the daemon tells the client so in these words and ends the session, and one line
    // of the log says who did what.
    void violate(const std::string &words, const Attack &attack, std::uint32_t flags = 0);

    // The attack harms only who makes it: the session goes on and nothing is logged, but what the test expects.
    enum class Log { silent, expected };
    void tolerate(const Attack &attack, std::uint32_t flags = 0, Log log = Log::silent);

    // It may be either, or begins with no session at all: at most one line.
    void survive(const std::function<void()> &attack);

    // The victim has done well all the time, and all that was taken is back.
    void finish();

private:
    struct Books {
        std::uint64_t clients, slots_granted, slots_limbo, leases, flights, descriptors;
        bool operator==(const Books &) const = default;
    };
    friend std::ostream &operator<<(std::ostream &out, const Books &books); // for failures

    Books books() const;
    std::size_t lines_about(pid_t pid) const;

    Daemon daemon_;
    Client watcher_;
    Books before_{};
    std::optional<Victim> victim_;
    std::uint64_t violations_ = 0;
};

// The body once for each seed: from seed() on, some, and as many more as fit into effort(). A failure names its seed.
void for_seeds(const std::function<void(Random &)> &body);

// Random bytes over the whole range.
void fill_random(void *data, std::size_t bytes, Random &random);

} // namespace uakv::test
