// Blocks between the arena of a device and the host: copied down after they are stored, brought up on demand, and gone
// once they are removed, whatever is under way.
#include "device_mover_bench.h"

#include <array>

namespace uakv::test {
namespace {

using Statistics = DeviceMover::Statistics;

void what_is_stored_goes_down() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.open_in(bench.host(), "before"); // so that the numbers of spaces differ
    Store::CommitRequest request;
    request.space = space;
    request.parent = sample_key(1);
    bench.put(1, space);
    bench.arena().put(2, big / 2, request);
    CHECK(!bench.host().has(1, 0));
    bench.settle();
    CHECK(bench.host_space(space) != space);
    bench.check_below(1, space);
    bench.check_below(2, space);
    const auto found = bench.host().find(2, bench.host_space(space));
    CHECK(bench.host()->index().describe(found->id).parent.has_value());
    CHECK_EQ(bench.mover().statistics().down, 2);
    CHECK_EQ(bench.mover().statistics().bytes_down, big + big / 2);
    bench.check_above(1, space);
    bench.check_quiet();
}

void what_the_host_has_is_not_copied() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    bench.put(1, space);
    bench.settle();
    CHECK_EQ(bench.copier().copies, 0);
    bench.check_quiet();
}

void blocks_of_a_daemon_before_go_down() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.copier().broken = true;
    bench.put(1, space);
    bench.settle();
    CHECK(!bench.below(1, space));
    bench.copier().broken = false;
    bench.begin();
    bench.settle();
    bench.check_below(1, space);
}

void little_is_under_way_at_a_time() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.copier().options.turns_max = 5;
    for (std::uint64_t number = 0; number < all_big; ++number) {
        bench.put(number, space);
    }
    bench.settle();
    CHECK(bench.copier().under_way_max > 1);
    CHECK(bench.copier().bytes_max <= limits::memory_bytes_min / 8);
    for (std::uint64_t number = 0; number < all_big; ++number) {
        bench.check_below(number, space);
    }
    bench.check_quiet();
}

// Nothing is as cold as what is copied first, once the arena is full.
void the_coldest_goes_first_under_pressure() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.copier().stalled = true;
    for (std::uint64_t number = 0; number < all_big; ++number) {
        bench.put(number, space);
    }
    for (std::uint64_t number = 0; number < all_big / 2; ++number) { // those that were stored first are hot
        bench.arena()->touch(bench.arena().find(number, space)->id);
    }
    bench.turn();
    bench.copier().stalled = false;
    const std::uint64_t coldest = all_big / 2;
    bench.turn_until("one is below", [&] { return bench.mover().statistics().down > 0; });
    CHECK(bench.below(coldest, space));
    bench.settle();
}

// Its slot is used again at once where nothing holds it: then other bytes would have been copied.
void a_block_leaves_while_it_is_copied() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put(1, space);
    bench.copier().options.turns_max = 1;
    bench.copier().stalled = true;
    bench.turn();
    CHECK_EQ(bench.copier().under_way(), 1);
    for (std::uint64_t number = 100; number < 100 + 2 * all_big; ++number) { // held blocks are passed over
        bench.put(number, space);
    }
    CHECK(bench.above(1, space));
    const auto entry = bench.arena().find(1, space)->id;
    CHECK(bench.arena()->is_held(entry));
    bench.copier().stalled = false;
    bench.turn_until("it is below", [&] { return bench.below(1, space); });
    bench.check_below(1, space);
    bench.check_quiet();
}

void removed_blocks_do_not_come_back_below() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put(1, space);
    bench.copier().stalled = true;
    bench.turn();
    CHECK_EQ(bench.copier().under_way(), 1);
    CHECK(bench.remove_everywhere(1, space));
    bench.arena()->maintain();
    CHECK_EQ(bench.arena().statistics().slots_limbo, 1); // its bytes are still read
    bench.copier().stalled = false;
    bench.settle();
    CHECK(!bench.above(1, space));
    CHECK(!bench.below(1, space));
    bench.put(1, space); // stored again, it may go
    bench.settle();
    bench.check_below(1, space);
    bench.check_quiet();
}

void cleared_and_expired_blocks_do_not_come_back_below() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    const SpaceId other = bench.open("b");
    bench.put(1, space);
    bench.put(2, other, big, 300);
    bench.put(3, other);
    bench.copier().stalled = true;
    bench.turn();
    CHECK_EQ(bench.copier().under_way(), 3);
    bench.arena()->begin_clear(space);
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    CHECK(bench.arena()->clear_some(space, cursor, 1000, removed));
    bench.put(4, space); // while it is cleared nothing is begun
    bench.turn();
    CHECK_EQ(bench.copier().under_way(), 3);
    bench.arena()->end_clear(space);
    const std::uint64_t end_ms = boot_ms() + 301;
    await("the lifetime is over", [&] { return boot_ms() > end_ms; });
    bench.copier().stalled = false;
    bench.settle();
    CHECK(!bench.below(1, space));
    CHECK(!bench.below(2, other));
    bench.check_below(3, other);
    bench.arena()->expire();
    bench.check_quiet();
}

void lifetimes_go_with_the_block() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put(1, space, big, 3'600'000);
    bench.put_below(2, space, big, 3'600'000);
    bench.settle();
    CHECK_STATUS(bench.load(2, space), UAKV_OK);
    const std::uint64_t above_ms = bench.arena().find(2, space)->expires_ms;
    const std::uint64_t below_ms = bench.host().find(1, bench.host_space(space))->expires_ms;
    const std::uint64_t hour_ms = boot_ms() + 3'600'000;
    for (const std::uint64_t expires_ms : {above_ms, below_ms}) {
        CHECK(expires_ms <= hour_ms && expires_ms > hour_ms - 600'000);
    }
}

void wanted_blocks_come_up() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    const DeviceMover::Tag first = bench.begin_load(1, space);
    const DeviceMover::Tag joined = bench.begin_load(1, space);
    CHECK(!bench.answer(first));
    CHECK_STATUS(bench.await_answer(first), UAKV_OK);
    CHECK_STATUS(bench.await_answer(joined), UAKV_OK);
    bench.check_above(1, space);
    CHECK_EQ(bench.copier().copies, 1);
    const Statistics now = bench.mover().statistics();
    CHECK_EQ(now.up, 1);
    CHECK_EQ(now.bytes_up, big);
    CHECK_EQ(now.load_joins, 1);
    CHECK_STATUS(bench.load(1, space), UAKV_OK); // at once
    CHECK_EQ(bench.copier().copies, 1);
    CHECK_STATUS(bench.load(2, space), UAKV_MISS);
    bench.check_quiet(); // the host has it, so it does not go down again
    CHECK_EQ(bench.copier().copies, 1);
}

void what_cannot_be_had_in_time_is_a_miss() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    bench.copier().stalled = true;
    CHECK_STATUS(bench.await_answer(bench.begin_load(1, space, 0)), UAKV_MISS);
    const DeviceMover::Tag late = bench.begin_load(1, space, ns_per_ms);
    const DeviceMover::Tag patient = bench.begin_load(1, space, 1000 * ns_per_s);
    const DeviceMover::Tag cancelled = bench.begin_load(1, space);
    bench.mover().cancel(cancelled);
    CHECK_STATUS(bench.await_answer(late), UAKV_MISS);
    CHECK(!bench.answer(patient));
    CHECK_EQ(bench.mover().statistics().load_late, 2);
    bench.copier().stalled = false;
    CHECK_STATUS(bench.await_answer(patient), UAKV_OK);
    CHECK(!bench.answer(cancelled));
    bench.check_quiet();
}

void no_room_above() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    std::vector<SlotRef> slots;
    for (std::uint32_t i = 0; i < all_big; ++i) { // all of it is granted
        slots.push_back(bench.arena().grant(big));
    }
    CHECK_STATUS(bench.load(1, space), UAKV_MISS);
    CHECK_EQ(bench.mover().statistics().load_no_room, 1);
    const DeviceMover::Tag waits = bench.begin_load(1, space);
    bench.turn();
    CHECK(!bench.answer(waits));
    bench.arena()->give_back(slots.back());
    CHECK_STATUS(bench.await_answer(waits), UAKV_OK);
    for (std::uint32_t i = 0; i + 1 < all_big; ++i) {
        bench.arena()->give_back(slots[i]);
    }
    bench.check_quiet();
}

void no_room_below() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    std::vector<SlotRef> slots;
    for (std::uint32_t i = 0; i < all_big; ++i) {
        slots.push_back(bench.host().grant(big));
    }
    bench.put(1, space);
    for (int i = 0; i < 100; ++i) {
        bench.turn();
    }
    CHECK(bench.mover().statistics().down_no_room > 0);
    CHECK(!bench.below(1, space));
    CHECK_STATUS(bench.await_answer(bench.begin_flush(space)), UAKV_ERR_NO_SPACE);
    for (const SlotRef slot : slots) {
        bench.host()->give_back(slot);
    }
    bench.settle();
    bench.check_below(1, space);
}

void removed_blocks_do_not_come_up() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    bench.copier().stalled = true;
    const DeviceMover::Tag tag = bench.begin_load(1, space);
    bench.turn();
    CHECK_EQ(bench.copier().under_way(), 1);
    CHECK(bench.remove_everywhere(1, space));
    bench.copier().stalled = false;
    CHECK_STATUS(bench.await_answer(tag), UAKV_MISS);
    CHECK(!bench.above(1, space));
    bench.put_below(1, space);
    bench.copier().stalled = true;
    const DeviceMover::Tag again = bench.begin_load(1, space);
    bench.turn();
    bench.remove_everywhere(1, space);
    bench.put_below(1, space); // who waits gets what was stored since
    bench.copier().stalled = false;
    CHECK_STATUS(bench.await_answer(again), UAKV_OK);
    bench.check_above(1, space);
    bench.check_quiet();
}

// The host evicts what is not held.
void the_host_keeps_what_is_copied_up() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    bench.copier().stalled = true;
    const DeviceMover::Tag tag = bench.begin_load(1, space);
    for (std::uint64_t number = 100; number < 100 + 2 * all_big; ++number) {
        bench.put_below(number, space);
    }
    CHECK(bench.below(1, space));
    CHECK(!bench.below(100, space));
    bench.copier().stalled = false;
    CHECK_STATUS(bench.await_answer(tag), UAKV_OK);
    bench.check_above(1, space);
    bench.check_quiet();
}

void stored_above_while_it_comes_up() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    bench.copier().stalled = true;
    const DeviceMover::Tag tag = bench.begin_load(1, space);
    bench.turn();
    bench.put(1, space);
    bench.copier().stalled = false;
    CHECK_STATUS(bench.await_answer(tag), UAKV_OK);
    bench.check_above(1, space);
    bench.check_quiet();
}

void hints() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    CHECK(bench.mover().prefetch(space, sample_key(1)));
    CHECK(bench.mover().prefetch(space, sample_key(1))); // it is on its way
    CHECK(!bench.mover().prefetch(space, sample_key(2)));
    bench.settle();
    bench.check_above(1, space);
    CHECK(!bench.mover().prefetch(space, sample_key(1)));
    for (std::uint64_t number = 100; number < 130; ++number) {
        bench.put_below(number, space, 4096);
        bench.mover().prefetch(space, sample_key(number));
    }
    bench.check_quiet();
    CHECK_EQ(bench.mover().statistics().up, 31);
}

void copies_that_fail() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    bench.copier().options.failures = 10'000;
    bench.put(2, space);
    CHECK_STATUS(bench.load(1, space), UAKV_ERR_GPU);
    bench.settle();
    CHECK(!bench.above(1, space));
    CHECK(!bench.below(2, space));
    CHECK_EQ(bench.mover().statistics().errors, 2);
    bench.copier().options.failures = 0;
    CHECK_STATUS(bench.load(1, space), UAKV_OK);
    CHECK_STATUS(bench.await_answer(bench.begin_flush(space)), UAKV_OK); // it is tried again
    bench.check_below(2, space);
    bench.check_quiet();
}

void a_device_that_fails_for_good() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    bench.put_below(1, space);
    bench.put(2, space);
    bench.copier().stalled = true;
    const DeviceMover::Tag tag = bench.begin_load(1, space);
    bench.turn();
    bench.copier().stalled = false;
    bench.copier().broken = true;
    CHECK_STATUS(bench.await_answer(tag), UAKV_ERR_GPU);
    CHECK_STATUS(bench.load(1, space), UAKV_ERR_GPU);
    CHECK_STATUS(bench.await_answer(bench.begin_flush(space)), UAKV_ERR_GPU);
    const std::uint64_t copies = bench.copier().copies;
    bench.put(3, space);
    bench.check_quiet();
    CHECK_EQ(bench.copier().copies, copies);
    CHECK(bench.mover().statistics().failed);
    bench.check_above(2, space); // the arena goes on
}

void flushes() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    const SpaceId other = bench.open("b");
    CHECK_STATUS(bench.await_answer(bench.begin_flush(space)), UAKV_OK);
    for (std::uint64_t number = 0; number < 10; ++number) {
        bench.put(number, space);
    }
    bench.put(20, other);
    bench.copier().options.turns_max = 20;
    const DeviceMover::Tag first = bench.begin_flush(space);
    const DeviceMover::Tag second = bench.begin_flush(space);
    const DeviceMover::Tag cancelled = bench.begin_flush(space);
    bench.mover().cancel(cancelled);
    CHECK_STATUS(bench.await_answer(first), UAKV_OK);
    for (std::uint64_t number = 0; number < 10; ++number) {
        bench.check_below(number, space);
    }
    CHECK_STATUS(bench.await_answer(second), UAKV_OK);
    bench.check_quiet();
    CHECK(!bench.answer(cancelled));
}

void spaces_that_do_not_fit() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a", big);
    const SpaceId fits = bench.open("b", big);
    bench.open_in(bench.host(), "a", 2 * big); // another of this name
    CHECK(!bench.mover().host_space(space));
    bench.put(1, space);
    bench.put(2, fits);
    CHECK_STATUS(bench.load(1, space), UAKV_OK);
    CHECK_STATUS(bench.load(3, space), UAKV_MISS);
    bench.settle();
    bench.check_below(2, fits);
    CHECK_EQ(bench.copier().copies, 1);
    CHECK_STATUS(bench.await_answer(bench.begin_flush(space)), UAKV_ERR_NO_SPACE);
    CHECK(bench.mover().arena_space(bench.host_space(fits)) == fits);
    CHECK(!bench.mover().arena_space(bench.open_in(bench.host(), "c")));
    CHECK(!bench.mover().arena_space(999));
}

void the_daemon_stops() {
    DeviceMoverBench bench;
    const SpaceId space = bench.open("a");
    for (std::uint64_t number = 0; number < 10; ++number) {
        bench.put(number, space);
    }
    bench.mover().stop(ns_per_s, [&] { bench.now_ns() += 1000; });
    for (std::uint64_t number = 0; number < 10; ++number) {
        bench.check_below(number, space);
    }
    bench.copier().stalled = true;
    bench.put(20, space);
    bench.mover().stop(ns_per_s, [&] { bench.now_ns() += 1000; }); // ends all the same
    CHECK(!bench.below(20, space));
}

// Copies and jobs of a mover that goes: slots and holds come back.
void goes_in_the_middle() {
    Bench host;
    Bench *below = &host;
    std::uint64_t granted = 1;
    {
        DeviceMoverBench bench(1, below);
        const SpaceId space = bench.open("a");
        bench.put_below(1, space);
        bench.put(2, space);
        bench.copier().stalled = true;
        bench.begin_load(1, space);
        bench.turn();
        CHECK_EQ(bench.copier().under_way(), 2);
        granted = host.statistics().slots_granted;
    }
    CHECK_EQ(granted, 1);
    CHECK_EQ(host.statistics().slots_granted, 0);
}

constexpr Case cases[] = {
    {"what_is_stored_goes_down", what_is_stored_goes_down},
    {"what_the_host_has_is_not_copied", what_the_host_has_is_not_copied},
    {"blocks_of_a_daemon_before_go_down", blocks_of_a_daemon_before_go_down},
    {"little_is_under_way_at_a_time", little_is_under_way_at_a_time},
    {"the_coldest_goes_first_under_pressure", the_coldest_goes_first_under_pressure},
    {"a_block_leaves_while_it_is_copied", a_block_leaves_while_it_is_copied},
    {"removed_blocks_do_not_come_back_below", removed_blocks_do_not_come_back_below},
    {"cleared_and_expired_blocks_do_not_come_back_below", cleared_and_expired_blocks_do_not_come_back_below},
    {"lifetimes_go_with_the_block", lifetimes_go_with_the_block},
    {"wanted_blocks_come_up", wanted_blocks_come_up},
    {"what_cannot_be_had_in_time_is_a_miss", what_cannot_be_had_in_time_is_a_miss},
    {"no_room_above", no_room_above},
    {"no_room_below", no_room_below},
    {"removed_blocks_do_not_come_up", removed_blocks_do_not_come_up},
    {"the_host_keeps_what_is_copied_up", the_host_keeps_what_is_copied_up},
    {"stored_above_while_it_comes_up", stored_above_while_it_comes_up},
    {"hints", hints},
    {"copies_that_fail", copies_that_fail},
    {"a_device_that_fails_for_good", a_device_that_fails_for_good},
    {"flushes", flushes},
    {"spaces_that_do_not_fit", spaces_that_do_not_fit},
    {"the_daemon_stops", the_daemon_stops},
    {"goes_in_the_middle", goes_in_the_middle},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("device_mover", uakv::test::cases);
}
