// The cap, the floor and the budgets: room is made, hot blocks stay, and no limit is ever crossed. That the files take
// no more than the cap is checked in each turn of each test (TierOnSim::turn).
#include "disk_fixture.h"

namespace uakv::test {
namespace {

// Many times what there is room for.
void the_oldest_leave() {
    TierOnSim on;
    for (std::uint64_t first = 0; first < 40'000; first += 1000) {
        on.write_good(first, 1000);
    }
    const auto counts = on.statistics();
    CHECK(counts.dropped > 0);
    CHECK(on.device->bytes_peak() <= on.options.bytes_max);
    CHECK(counts.bytes_files >= on.options.bytes_max - 8 * mib); // and the room is used
    CHECK_EQ(on.dropped, counts.dropped);
    CHECK_EQ(on.tier->catalog().count() + counts.dropped, 40'000);
    on.read_good(39'900, 100);
    CHECK_EQ(on.read(0), UAKV_MISS);
    CHECK_EQ(on.flush(), UAKV_OK);
    const std::uint64_t known = on.tier->catalog().count();
    on.crash();
    CHECK(on.tier->catalog().count() >= known); // a file that was being emptied may be back
    on.read_good(39'900, 100);
}

void hot_blocks_stay() {
    TierOnSim on;
    on.write_good(0, 100);
    for (std::uint64_t first = 1000; first < 40'000; first += 1000) {
        for (std::uint64_t i = 0; i < 100; ++i) {
            on.tier->note_use(on.space, TierOnSim::key_of(i), 1);
        }
        on.write_good(first, 1000);
    }
    on.read_good(0, 100);
    CHECK(on.statistics().bytes_relocated >= 100 * 4096);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    on.read_good(0, 100);
}

// What was erased stays away when the file with its erasure goes before the file with the block, and the other way.
void erasures_outlive_their_file() {
    TierOnSim on;
    on.write_good(0, 200);
    for (std::uint64_t i = 0; i < 200; i += 2) {
        on.tier->erase(on.space, TierOnSim::key_of(i));
    }
    for (std::uint64_t first = 1000; first < 30'000; first += 500) {
        for (std::uint64_t i = 1; i < 200; i += 2) {
            on.tier->note_use(on.space, TierOnSim::key_of(i), 1);
        }
        on.write_good(first, 500);
        if (first % 5000 == 0) {
            CHECK_EQ(on.flush(), UAKV_OK);
            on.crash(first);
            for (std::uint64_t i = 0; i < 200; ++i) {
                CHECK_EQ(on.knows(i), i % 2 == 1);
            }
        }
    }
}

// A block that compaction lets go of is erased, and the crash comes before its file is removed.
void erased_while_its_file_leaves() {
    for (std::uint64_t seed = 1; seed < 60; ++seed) {
        SimOptions faults;
        faults.latency_ns_min = ns_per_ms;
        faults.latency_ns_max = 3 * ns_per_ms;
        TierOnSim on(TierOnSim::small(), faults, seed);
        std::uint64_t next = 0;
        while (on.dropped == 0) {
            on.write_good(next, 50);
            next += 50;
        }
        on.events.clear();
        std::vector<uakv_key> erased;
        on.begin_write(next++);
        for (std::uint64_t i = 0; i < next; ++i) {
            if (!on.knows(i)) {
                on.tier->erase(on.space, TierOnSim::key_of(i));
            }
        }
        std::vector<bool> known;
        for (std::uint64_t i = 0; i < next; ++i) {
            known.push_back(on.knows(i));
        }
        CHECK_EQ(on.flush(), UAKV_OK);
        on.crash(seed);
        for (std::uint64_t i = 0; i + 1 < next; ++i) {
            CHECK(known[i] || !on.knows(i));
        }
    }
}

void read_while_its_file_leaves() {
    SimOptions faults;
    faults.latency_ns_min = ns_per_ms;
    faults.latency_ns_max = 50 * ns_per_ms;
    TierOnSim on(TierOnSim::small(), faults);
    on.write_good(0, 1000);
    std::uint64_t next = 1000;
    std::uint64_t missed = 0;
    while (missed == 0) {
        std::vector<DiskTier::Tag> reads;
        for (std::uint64_t i = 0; i < 200; ++i) {
            reads.push_back(on.begin_read(i));
        }
        on.write_good(next, 300);
        next += 300;
        for (std::uint64_t i = 0; i < 200; ++i) {
            missed += on.end_read(reads[i], i) == UAKV_MISS ? 1U : 0U; // and never wrong, and no assert of the device
        }
    }
}

void floor_of_the_file_system() {
    DiskOptions options = TierOnSim::small();
    options.free_floor_bytes = 20 * mib;
    SimOptions faults;
    faults.size_bytes = 30 * mib; // ten for us
    TierOnSim on(options, faults);
    std::uint64_t good = 0;
    std::uint64_t least_free = UINT64_MAX;
    for (std::uint64_t i = 0; i < 8000; i += 100) {
        for (const uakv_status status : on.write_all(i, 100)) {
            CHECK(status == UAKV_OK || status == UAKV_ERR_NO_SPACE);
            good += status == UAKV_OK ? 1U : 0U;
        }
        least_free = std::min(least_free, on.device->free_bytes());
    }
    CHECK(least_free >= options.free_floor_bytes);
    CHECK(good > 2000);
    on.device->options().size_bytes = 100 * mib; // somebody has tidied up
    on.run_for(70 * ns_per_s);
    on.write_good(100'000, 1000);
}

void full_disk() {
    SimOptions faults;
    faults.size_bytes = 12 * mib;
    TierOnSim on(TierOnSim::small(), faults);
    std::uint64_t good = 0;
    for (std::uint64_t i = 0; i < 12'000; i += 100) {
        for (const uakv_status status : on.write_all(i, 100)) {
            CHECK(status == UAKV_OK || status == UAKV_ERR_NO_SPACE);
            good += status == UAKV_OK ? 1U : 0U;
        }
    }
    CHECK(good > 2000);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    on.device->options().size_bytes = 100 * mib;
    on.run_for(70 * ns_per_s);
    on.write_good(100'000, 1000);
    on.read_good(100'000, 1000);
}

void cap_is_lowered() {
    TierOnSim on;
    on.write_good(0, 6000);
    on.bytes_allowed = on.statistics().bytes_files;
    on.options.bytes_max = 16 * mib;
    on.tier->reconfigure(on.options);
    on.run_until([&] { return on.statistics().bytes_files <= 16 * mib; });
    on.bytes_allowed = 0;
    for (std::uint64_t first = 10'000; first < 20'000; first += 500) {
        on.write_good(first, 500);
    }
    on.read_good(19'900, 100);
}

// The next daemon finds more than it may have, and no file to write to.
void cap_is_lower_at_start() {
    TierOnSim on;
    on.write_good(0, 6000);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.bytes_allowed = on.statistics().bytes_files;
    on.options.bytes_max = 8 * mib;
    on.crash();
    for (std::uint64_t first = 10'000; first < 12'000; first += 100) {
        on.write_all(first, 100);
    }
    on.run_until([&] { return on.statistics().bytes_files <= 8 * mib; });
    on.bytes_allowed = 0;
    on.write_good(20'000, 500);
    on.read_good(20'000, 500);
}

void small_cap() {
    DiskOptions options = TierOnSim::small();
    options.bytes_max = 8 * mib;
    options.file_bytes = 256 * mib;
    TierOnSim on(options);
    for (std::uint64_t first = 0; first < 10'000; first += 200) {
        on.write_good(first, 200);
    }
    on.read_good(9900, 100);
    on.reopen();
    on.read_good(9900, 100);
    CHECK(on.statistics().checkpoints == 0 && on.tier->describe().find("from a checkpoint") != std::string::npos);
}

// With the smallest files, too; and with a byte less there is no tier.
void the_smallest_cap() {
    DiskOptions options = TierOnSim::small();
    options.bytes_max = DiskTier::bytes_min;
    options.file_bytes = DiskTier::file_bytes_min;
    TierOnSim on(options);
    for (std::uint64_t first = 0; first < 4000; first += 10) {
        on.write_good(first, 10);
    }
    CHECK(on.dropped > 0);
    on.reopen();
    on.read_good(3990, 10);
    SimDevice device(on.clock, 1);
    options.bytes_max -= 1;
    const auto refused = DiskTier::open(device, *on.workers, options, 1, [&] { return on.moment(); });
    CHECK(!refused.ok() && refused.error().detail.find("disk_size") != std::string::npos);
}

void too_large_for_a_file() {
    TierOnSim on;
    CHECK_EQ(on.write(1, mib), UAKV_ERR_NO_SPACE);
    CHECK_EQ(on.write(2, mib - 2 * 4096), UAKV_ERR_NO_SPACE);
    CHECK_EQ(on.write(3, mib - 3 * 4096), UAKV_OK);
    CHECK_EQ(on.read(3, mib - 3 * 4096), UAKV_OK);
    CHECK_EQ(on.statistics().refused_room, 2);
}

void at_most_so_many_blocks() {
    DiskOptions options = TierOnSim::small();
    options.blocks_max = 1000;
    TierOnSim on(options);
    std::uint64_t refused = 0;
    for (std::uint64_t first = 0; first < 5000; first += 100) {
        for (const uakv_status status : on.write_all(first, 100)) {
            CHECK(status == UAKV_OK || status == UAKV_ERR_NO_SPACE);
            refused += status == UAKV_ERR_NO_SPACE ? 1U : 0U;
        }
        CHECK(on.tier->catalog().count() <= 1000);
    }
    CHECK(refused > 0 && refused < 4000); // room was made for some
}

void checkpoints_while_it_is_full() {
    DiskOptions options = TierOnSim::small();
    options.checkpoint_bytes = 4 * mib;
    TierOnSim on(options);
    for (std::uint64_t first = 0; first < 40'000; first += 1000) {
        on.write_good(first, 1000);
    }
    CHECK(on.statistics().checkpoints > 5);
    CHECK_EQ(on.flush(), UAKV_OK);
    const std::uint64_t known = on.tier->catalog().count();
    on.crash();
    CHECK(on.tier->describe().find("from a checkpoint") != std::string::npos);
    CHECK(on.tier->catalog().count() >= known);
    on.read_good(39'900, 100);
}

constexpr Case cases[] = {
    {"the oldest leave", the_oldest_leave},
    {"hot blocks stay", hot_blocks_stay},
    {"erasures outlive their file", erasures_outlive_their_file},
    {"a block is erased while its file leaves", erased_while_its_file_leaves},
    {"blocks are read while their file leaves", read_while_its_file_leaves},
    {"the floor of the file system", floor_of_the_file_system},
    {"a full disk", full_disk},
    {"the cap is lowered", cap_is_lowered},
    {"the cap is lower at start", cap_is_lower_at_start},
    {"a small cap", small_cap},
    {"the smallest cap", the_smallest_cap},
    {"a block too large for a file", too_large_for_a_file},
    {"at most so many blocks", at_most_so_many_blocks},
    {"checkpoints while it is full", checkpoints_while_it_is_full},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_room", uakv::test::cases);
}
