// The other client of a daemon that is attacked: two processes that store, retrieve, remove and wait for each other's
// blocks through the library, and look at every byte that they get. Nothing that an attacker does may make a call of
// theirs fail.
#pragma once

#include "support/child.h"
#include "support/daemon.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace uakv::test {

// Whether an attacker holds so much of the tenant's memory that there may be none for others: they are told so, then.
enum class Memory { enough, short_ };

class Victim {
public:
    explicit Victim(const Daemon &daemon, Memory memory = Memory::enough);

    // Waits until each of the processes has done some of everything; fails when one has failed.
    void await_progress();
    void stop(); // and has to have succeeded

private:
    struct Counts {
        std::atomic<std::uint64_t> stores, hits, removes, flights;
    };
    struct Traffic {
        std::atomic<bool> stop;
        std::atomic<std::uint64_t> flight_number;
        Counts counts[2];
    };

    static void live(const std::string &path, Memory memory, std::uint64_t worker, Traffic &traffic);

    Shared<Traffic> traffic_;
    std::vector<Child> workers_;
};

} // namespace uakv::test
