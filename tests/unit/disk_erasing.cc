// What is erased, cleared or past its time stays away, also after a crash.
#include "disk_fixture.h"

namespace uakv::test {
namespace {

void erased_is_gone() {
    TierOnSim on;
    on.write_good(0, 10);
    on.tier->erase(on.space, TierOnSim::key_of(3));
    CHECK_EQ(on.read(3), UAKV_MISS);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.read(3), UAKV_MISS);
    CHECK_EQ(on.tier->catalog().count(), 9);
    CHECK_EQ(on.write(3), UAKV_OK);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash(5);
    CHECK_EQ(on.read(3), UAKV_OK);
}

// The erasure comes while the block is on its way: it is not there afterwards, and does not come back.
void erased_on_its_way() {
    SimOptions faults;
    faults.latency_ns_min = ns_per_ms;
    TierOnSim on(TierOnSim::small(), faults);
    on.write_good(0, 1);
    const DiskTier::Tag under_way = on.begin_write(1);
    on.turn();
    CHECK(on.device->under_way() > 0);
    const DiskTier::Tag waiting = on.begin_write(2);
    on.tier->erase(on.space, TierOnSim::key_of(1));
    on.tier->erase(on.space, TierOnSim::key_of(2));
    const DiskTier::Tag again = on.begin_write(2);
    CHECK_EQ(on.await_event(Kind::written, under_way), UAKV_MISS);
    CHECK_EQ(on.await_event(Kind::written, waiting), UAKV_MISS);
    CHECK_EQ(on.await_event(Kind::written, again), UAKV_OK);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.read(1), UAKV_MISS);
    CHECK_EQ(on.read(2), UAKV_OK);
}

// Two writers of one key: one payload, two answers.
void joined_writes() {
    SimOptions faults;
    faults.latency_ns_min = ns_per_ms;
    TierOnSim on(TierOnSim::small(), faults);
    const DiskTier::Tag first = on.begin_write(1);
    const DiskTier::Tag second = on.begin_write(1);
    on.turn();
    const DiskTier::Tag third = on.begin_write(1);
    CHECK_EQ(on.await_event(Kind::written, first), UAKV_OK);
    CHECK_EQ(on.await_event(Kind::written, second), UAKV_EXISTS);
    CHECK_EQ(on.await_event(Kind::written, third), UAKV_EXISTS);
    CHECK_EQ(on.statistics().writes, 1);
}

void cleared_space() {
    TierOnSim on;
    on.write_good(0, 3000);
    const disk::SpaceNumber other = on.tier->space_number(space_called("two"));
    const disk::SpaceNumber one = std::exchange(on.space, other);
    on.write_good(0, 20);
    on.tier->clear(one);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.space = one;
    CHECK_EQ(on.read(5), UAKV_MISS);
    CHECK_EQ(on.write(7), UAKV_OK);
    on.run_until([&] { return on.tier->catalog().count() == 21; });
    on.read_good(7, 1);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.tier->catalog().count(), 21);
    CHECK_EQ(on.read(5), UAKV_MISS);
    CHECK_EQ(on.read(7), UAKV_OK);
    on.space = on.tier->space_number(space_called("two"));
    CHECK_EQ(on.space, other);
    on.read_good(0, 20);
}

// A checkpoint that is made while a space is being cleared must not know its blocks.
void cleared_then_stopped() {
    TierOnSim on;
    on.write_good(0, 5000);
    on.tier->clear(on.space);
    on.turn();
    CHECK(on.tier->catalog().count() > 0); // a part at a time
    on.reopen();
    CHECK_EQ(on.tier->catalog().count(), 0);
}

void cleared_with_writes_under_way() {
    SimOptions faults;
    faults.latency_ns_min = ns_per_ms;
    TierOnSim on(TierOnSim::small(), faults);
    on.write_good(0, 1);
    const DiskTier::Tag under_way = on.begin_write(1);
    on.turn();
    const DiskTier::Tag waiting = on.begin_write(2);
    on.tier->clear(on.space);
    CHECK_EQ(on.await_event(Kind::written, under_way), UAKV_MISS);
    CHECK_EQ(on.await_event(Kind::written, waiting), UAKV_MISS);
    CHECK_EQ(on.write(3), UAKV_OK);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.tier->catalog().count(), 1);
    CHECK_EQ(on.read(3), UAKV_OK);
}

void expired() {
    TierOnSim on;
    const std::uint64_t soon_ms = on.moment().wall_ms + 10'000;
    CHECK_EQ(on.write(1, 4096, soon_ms), UAKV_OK);
    CHECK_EQ(on.write(2, 4096, soon_ms), UAKV_OK);
    CHECK_EQ(on.write(3), UAKV_OK);
    CHECK_EQ(on.read(1), UAKV_OK);
    on.wall_skip_ms = 10'000;
    CHECK_EQ(on.read(1), UAKV_MISS); // nobody has looked at it yet
    CHECK_EQ(on.write(2), UAKV_OK);  // and this is a new one
    on.run_until([&] { return !on.knows(1); });
    CHECK_EQ(on.dropped, 1);
    CHECK_EQ(on.statistics().expired, 1);
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.tier->catalog().count(), 2);
    CHECK_EQ(on.read(2), UAKV_OK);
}

// Erasures of thousands of blocks, and the flush waits for all of them.
void many_erasures() {
    TierOnSim on;
    on.write_good(0, 2000);
    for (std::uint64_t i = 0; i < 2000; i += 2) {
        on.tier->erase(on.space, TierOnSim::key_of(i));
    }
    CHECK_EQ(on.flush(), UAKV_OK);
    on.crash();
    CHECK_EQ(on.tier->catalog().count(), 1000);
    for (std::uint64_t i = 0; i < 2000; ++i) {
        CHECK_EQ(on.knows(i), i % 2 == 1);
    }
}

constexpr Case cases[] = {
    {"what is erased is gone", erased_is_gone},
    {"what is erased on its way does not arrive", erased_on_its_way},
    {"two writers of one key", joined_writes},
    {"a space is cleared", cleared_space},
    {"a space is cleared, and the daemon stops", cleared_then_stopped},
    {"a space is cleared while blocks of it are on their way", cleared_with_writes_under_way},
    {"blocks past their time", expired},
    {"many erasures", many_erasures},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_erasing", uakv::test::cases);
}
