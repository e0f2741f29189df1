#include "death/shares.h"

#include "support/check.h"
#include "support/child.h"
#include "support/effort.h"

#include <chrono>
#include <vector>

namespace uakv::test {

void run_in_shares(size_t step, const std::function<void(size_t first)> &share) {
    std::vector<Child> shares;
    for (size_t first = 0; first < step; ++first) {
        shares.emplace_back([&, first] { share(first); });
    }
    for (Child &each : shares) {
        each.join();
    }
}

void run_trial(const std::string &name, uint64_t seed, const std::function<void()> &trial) {
    try {
        trial();
    } catch (const Failure &failure) {
        throw Failure("at " + name + ", seed " + std::to_string(seed) + ": " + failure.what());
    }
}

void run_for_effort(const std::function<void(uint64_t seed)> &all) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + effort(std::chrono::milliseconds(0));
    uint64_t next = seed();
    do {
        all(next++);
    } while (Clock::now() < deadline);
}

} // namespace uakv::test
