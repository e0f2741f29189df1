// Runs of the simulation: from a seed, a workload on a kind of disk, and what becomes of it.
#pragma once

#include "sim/tier_world.h"

#include <cstdint>
#include <optional>
#include <span>

namespace uakv::test {

// A kind of disk, and what happens to it in the middle of the work.
struct Profile {
    const char *name;
    void (*set)(WorldOptions &options, Random &random);
    std::uint32_t rot = 0; // a block rots, once in so many steps
    bool wild = false;     // headers and checkpoints are hit, too: whatever may be missing, nothing may be wrong
    bool calm = false;     // no fault at all: nothing may be refused for long
    bool crowded = false;  // it begins full, and most of what is there is in use: compaction has much to copy
};
std::span<const Profile> profiles();

// Some steps of work: stores, reads, erasures, flushes, time. Ends at a crash.
void work(TierWorld &world, std::uint64_t steps, const Profile &profile);

// A short workload, of which each run ends at another call of the device.
class CrashWorkload {
public:
    explicit CrashWorkload(std::uint64_t seed); // the profile follows from it, too

    const Profile &profile() const { return profile_; }

    // A crash at the n-th call; what survives is recovered and looked at, and then there is another life, another
    // crash, and a clean end. Nothing when the workload has fewer calls.
    std::optional<SimTally> run(std::uint64_t calls, bool trace = false) const;

private:
    std::uint64_t seed_;
    const Profile &profile_;
    std::optional<WorldStart> start_;
};

// Some lives on one disk.
SimTally run_lives(std::uint64_t seed, const Profile &profile, bool trace = false);

} // namespace uakv::test
