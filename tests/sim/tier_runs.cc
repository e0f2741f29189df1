#include "sim/tier_runs.h"

#include "support/check.h"

#include <algorithm>
#include <array>

namespace uakv::test {
namespace {

constexpr std::uint64_t kib = 1024;

void set_any(WorldOptions &options, Random &random) {
    disk::DiskOptions &tier = options.tier;
    tier.file_bytes = std::array{128 * kib, 256 * kib, 512 * kib}.at(random.below(3));
    tier.bytes_max = disk::DiskTier::bytes_min + tier.file_bytes * random.below(12);
    tier.checkpoint_bytes = tier.file_bytes * (1 + random.below(4));
    tier.checkpoint_ns = (1 + random.below(20)) * ns_per_s;
    tier.batch_bytes_max = std::array{16 * kib, 64 * kib, 256 * kib}.at(random.below(3));
    tier.batches_in_flight_max = static_cast<std::uint32_t>(1 + random.below(4));
    tier.reads_in_flight_max = static_cast<std::uint32_t>(1 + random.below(16));
    options.device.latency_ns_max = random.below(2) * random.below(300'000);
}

void set_tight(WorldOptions &options, Random &random) {
    set_any(options, random);
    options.tier.file_bytes = 128 * kib;
    options.tier.bytes_max = disk::DiskTier::bytes_min + options.tier.file_bytes * random.below(3);
}

void set_crowded(WorldOptions &options, Random &random) {
    set_any(options, random);
    options.tier.file_bytes = std::array{256 * kib, 512 * kib}.at(random.below(2));
    options.tier.bytes_max = disk::DiskTier::bytes_min;
}

void set_short(WorldOptions &options, Random &random) {
    set_any(options, random);
    options.device.short_reads = 500;
    options.device.short_writes = 500;
}

void set_errors(WorldOptions &options, Random &random) {
    set_any(options, random);
    const auto rate = static_cast<std::uint32_t>(10 + random.below(300));
    for (const SimCall call : {SimCall::create, SimCall::write, SimCall::read, SimCall::sync, SimCall::remove}) {
        options.device.errors.at(static_cast<std::size_t>(call)) = random.below(2) == 0 ? 0 : rate;
    }
}

void set_full(WorldOptions &options, Random &random) {
    set_any(options, random);
    options.device.size_bytes = 5120 * kib + options.tier.file_bytes * random.below(10);
    options.tier.free_floor_bytes = options.tier.file_bytes * random.below(2);
}

void set_slow(WorldOptions &options, Random &random) {
    set_any(options, random);
    options.device.latency_ns_min = 1'000'000;
    options.device.latency_ns_max = 40'000'000;
    options.device.bytes_per_second = 20'000'000;
}

void set_budget(WorldOptions &options, Random &random) {
    set_any(options, random);
    options.tier.write_bytes_per_second = 200'000;
    options.tier.write_bytes_per_day = 50'000'000;
}

void set_lying(WorldOptions &options, Random &random) {
    set_errors(options, random);
    options.device.rotten_writes = static_cast<std::uint32_t>(random.below(300));
    options.device.lost_writes = static_cast<std::uint32_t>(random.below(200));
    options.device.misdirected_writes = static_cast<std::uint32_t>(random.below(200));
    options.device.short_reads = 100;
    options.device.short_writes = 100;
}

constexpr std::array all_profiles{
    Profile{"sound", set_any, 0, false, true},
    Profile{"tight", set_tight},
    Profile{"rot", set_any, 40},
    Profile{"short", set_short},
    Profile{"errors", set_errors},
    Profile{"full", set_full},
    Profile{"slow", set_slow},
    Profile{"budget", set_budget},
    Profile{"lying", set_lying, 60, true},
    Profile{"crowded", set_crowded, 0, false, true, true},
};

// What a step does, with how often of 100.
void do_step(TierWorld &world) {
    Random &random = world.random();
    const auto key = static_cast<SimKey>(random.below(Universe::keys));
    const std::uint64_t chosen = random.below(100);
    if (chosen < 45) {
        const std::uint64_t lifetime_ms = random.below(12) == 0 ? 1 + random.below(30'000) : 0;
        world.write(key, lifetime_ms, random.below(8) == 0);
    } else if (chosen < 65) {
        world.read(key);
    } else if (chosen < 75) {
        world.erase(key);
    } else if (chosen < 76) {
        world.clear(static_cast<std::uint32_t>(random.below(Universe::spaces)));
    } else if (chosen < 82) {
        world.use(key);
    } else if (chosen < 90) {
        world.flush();
    } else if (chosen < 96) {
        world.pass(random.below(3 * ns_per_s));
    } else if (chosen < 97) {
        world.verify();
    } else {
        world.settle();
    }
}

void write_anew(TierWorld &world) {
    const auto key = static_cast<SimKey>(world.random().below(Universe::keys));
    world.erase(key);
    world.write(key);
}

// As above, where nothing is new: blocks are written again and used.
void do_crowded_step(TierWorld &world) {
    Random &random = world.random();
    const std::uint64_t chosen = random.below(100);
    if (chosen < 50) {
        write_anew(world);
    } else if (chosen < 85) {
        for (std::uint32_t uses = 0; uses < 12; ++uses) {
            world.use(static_cast<SimKey>(random.below(Universe::keys)));
        }
    } else if (chosen < 90) {
        world.read(static_cast<SimKey>(random.below(Universe::keys)));
    } else if (chosen < 94) {
        world.flush();
    } else if (chosen < 97) {
        world.pass(random.below(ns_per_s));
    } else {
        world.settle();
    }
}

WorldOptions options_for(std::uint64_t seed, const Profile &profile, bool trace) {
    WorldOptions options;
    options.seed = seed;
    options.trace = trace;
    Random random(seed);
    profile.set(options, random);
    return options;
}

// A log that has gone round: all blocks are there, and compaction has begun to copy.
WorldStart crowd(std::uint64_t seed, const Profile &profile) {
    TierWorld world(options_for(seed, profile, false));
    for (SimKey key = 0; key < Universe::keys; ++key) {
        world.write(key);
        world.settle();
    }
    constexpr std::uint32_t writes_max = 10'000;
    for (std::uint32_t writes = 0; world.tally().relocated_bytes == 0; ++writes) {
        CHECK_MESSAGE(writes < writes_max, "compaction copies nothing");
        for (std::uint32_t uses = 0; uses < 12; ++uses) {
            world.use(static_cast<SimKey>(world.random().below(Universe::keys)));
        }
        write_anew(world);
        world.settle();
    }
    world.restart();
    return world.leave();
}

std::optional<WorldStart> start_for(std::uint64_t seed, const Profile &profile) {
    return profile.crowded ? std::optional(crowd(seed, profile)) : std::nullopt;
}

} // namespace

std::span<const Profile> profiles() {
    return all_profiles;
}

void work(TierWorld &world, std::uint64_t steps, const Profile &profile) {
    Random &random = world.random();
    for (std::uint64_t step = 0; step < steps && !world.crashed(); ++step) {
        profile.crowded ? do_crowded_step(world) : do_step(world);
        if (profile.rot > 0 && random.below(profile.rot) == 0) {
            world.rot_a_block();
        }
        for (std::uint64_t turns = random.below(3); turns > 0; --turns) {
            world.turn();
            if (random.below(2) == 0) {
                world.device_waits();
            }
        }
    }
}

CrashWorkload::CrashWorkload(std::uint64_t seed)
    : seed_(seed), profile_(all_profiles.at(seed % all_profiles.size())), start_(start_for(seed, profile_)) {}

std::optional<SimTally> CrashWorkload::run(std::uint64_t calls, bool trace) const {
    TierWorld world(options_for(seed_, profile_, trace), start_ ? &*start_ : nullptr);
    if (profile_.wild) {
        world.anything_goes();
    }
    world.device().crash_after(calls);
    work(world, 80, profile_);
    world.settle();
    world.restart();
    if (world.tally().lives > 1) {
        return std::nullopt;
    }
    if (seed_ % 3 == 0) {
        world.crash_in_recovery(calls % 16);
    }
    world.crash_and_recover();
    if (world.crashed()) {
        world.crash_and_recover();
    }
    work(world, 20, profile_);
    world.crash_and_recover();
    world.restart();
    return world.tally();
}

SimTally run_lives(std::uint64_t seed, const Profile &profile, bool trace) {
    const std::optional<WorldStart> start = start_for(seed, profile);
    TierWorld world(options_for(seed, profile, trace), start ? &*start : nullptr);
    Random &random = world.random();
    if (profile.wild) {
        world.anything_goes();
    }
    const std::uint64_t lives = 2 + random.below(5);
    for (std::uint64_t life = 0; life < lives; ++life) {
        if (random.below(2) == 0) {
            world.device().crash_after(random.below(400));
        }
        work(world, 20 + random.below(400), profile);
        if (random.below(4) == 0) {
            world.crash_in_recovery(random.below(24));
        }
        if (!world.crashed() && random.below(3) == 0) {
            world.restart();
        } else {
            world.crash_and_recover();
        }
        while (world.crashed()) {
            world.crash_and_recover();
        }
    }
    world.settle();
    world.restart();
    return world.tally();
}

} // namespace uakv::test
