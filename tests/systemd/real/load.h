// A load for a daemon that is killed again and again: clients that store, retrieve, hold views and reserve slots, check
// every byte, and never miss a block that they know to be there. load.cc is the program, load_client.cc one client.
//
// The blocks: the *common* ones are stored and pinned before, by the program, and nobody removes them: each retrieve
// finds them, whether a daemon is there or not. Each client also has *own* blocks, which it stores and removes.
#pragma once

#include <uakv.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace uakv::test {

inline constexpr std::size_t load_clients_max = 16;

struct LoadOptions {
    std::string socket;
    std::size_t clients = 4;
    std::size_t blocks = 256;
    std::size_t bytes = 128 << 10;
    bool pressure = false; // the clients store more than there is memory: what is not pinned may leave
    std::uint64_t seed = 1;
};

// What the processes tell each other, in memory that they share.
struct LoadProgress {
    struct alignas(64) Client {
        std::atomic<std::uint64_t> retrieves;      // of common blocks, all of them hits
        std::atomic<std::uint64_t> retrieves_away; // of these: begun and ended while no daemon served
        std::atomic<std::uint64_t> stores;
        std::atomic<std::uint64_t> removals;
        std::atomic<std::uint64_t> views_carried; // released after the daemon that they were had under was gone
        std::atomic<std::uint64_t> slots_carried; // committed likewise
        std::atomic<std::uint64_t> disconnected;  // calls that ended so: each stood in flight when a daemon ended
        std::atomic<std::uint64_t>
            attached_after; // so many deaths of daemons: the last one that this client has got over
    };
    Client client[load_clients_max];
    std::atomic<std::uint64_t> ends_begun; // daemons that were told to end, or are about to be
    std::atomic<std::uint64_t> deaths;     // daemons that have ended
    std::atomic<bool> away;                // no daemon serves, for certain
    std::atomic<bool> stop;
};

uakv_key common_key(std::size_t block);

// Works until told to stop, then ends all that it holds and disconnects. Throws Failure at a wrong byte or status.
void load_client(const LoadOptions &options, LoadProgress &progress, std::size_t number);

} // namespace uakv::test
