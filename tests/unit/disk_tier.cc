// The disk tier as a whole, on a disk without faults: what is written is read, also by the next daemon.
#include "disk_fixture.h"

namespace uakv::test {
namespace {

void empty_directory() {
    TierOnSim on;
    CHECK_EQ(on.read(1), UAKV_MISS);
    CHECK_EQ(on.flush(), UAKV_OK);
    CHECK_EQ(on.statistics().files, 0);
    on.reopen();
    CHECK_EQ(on.tier->catalog().count(), 0);
}

void write_and_read() {
    TierOnSim on;
    CHECK_EQ(on.write(1), UAKV_OK);
    CHECK_EQ(on.read(1), UAKV_OK);
    CHECK_EQ(on.write(1), UAKV_EXISTS);
    on.write_good(2, 100);
    on.write_good(200, 3, 100'000); // not a whole page
    on.read_good(1, 101);
    on.read_good(200, 3, 100'000);
    CHECK_EQ(on.statistics().blocks, 104);
}

void after_a_clean_stop() {
    TierOnSim on;
    on.write_good(0, 300);
    on.reopen();
    CHECK_EQ(on.tier->catalog().count(), 300);
    on.read_good(0, 300);
    on.write_good(300, 10);
    on.reopen();
    on.read_good(0, 310);
}

void after_a_flush_and_a_crash() {
    for (const SimCrash crash : {SimCrash::lose, SimCrash::keep, SimCrash::sectors, SimCrash::reordered}) {
        SimOptions faults;
        faults.crash = crash;
        TierOnSim on(TierOnSim::small(), faults);
        on.write_good(0, 200);
        CHECK_EQ(on.flush(), UAKV_OK);
        on.write_good(200, 50); // may be gone, may not be wrong
        on.crash();
        on.read_good(0, 200);
        for (std::uint64_t i = 200; i < 250; ++i) {
            const uakv_status status = on.read(i);
            CHECK(status == UAKV_OK || status == UAKV_MISS);
        }
    }
}

void several_batches_under_way() {
    SimOptions faults;
    faults.latency_ns_min = ns_per_ms;
    faults.latency_ns_max = 20 * ns_per_ms;
    DiskOptions options = TierOnSim::small();
    options.batch_bytes_max = 64 * 1024;
    TierOnSim on(options, faults);
    std::vector<DiskTier::Tag> tags;
    for (std::uint64_t i = 0; i < 200; ++i) {
        tags.push_back(on.begin_write(i, 16 * 1024));
    }
    std::size_t most = 0;
    on.run_until([&] {
        most = std::max(most, on.device->under_way());
        return std::ranges::all_of(tags, [&](DiskTier::Tag tag) { return on.find_event(Kind::written, tag); });
    });
    CHECK(most >= 4);
    on.read_good(0, 200, 16 * 1024);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    on.read_good(0, 200, 16 * 1024);
}

constexpr Case cases[] = {
    {"an empty directory", empty_directory},
    {"write and read", write_and_read},
    {"after a clean stop all is there", after_a_clean_stop},
    {"after a flush and a crash all is there", after_a_flush_and_a_crash},
    {"several batches under way", several_batches_under_way},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_tier", uakv::test::cases);
}
