// A client that goes round the library, as far as it takes to be a nuisance: for the group `hostile`.
#pragma once

#include <atomic>
#include <string>

namespace uakv::bench {

enum class Nuisance {
    spins,    // keeps its processor busy and leaves the daemon alone: what the others are compared with
    floods,   // keeps its ring full of requests
    connects, // opens connections and drops them
    rings,    // rings its doorbell, and asks for nothing
};

// Until `stop`. `begun` once it is at it.
void be_a_nuisance(Nuisance nuisance, const std::string &socket_path, std::atomic<bool> &begun,
                   const std::atomic<bool> &stop);

} // namespace uakv::bench
