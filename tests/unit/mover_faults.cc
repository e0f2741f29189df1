// Between memory and disk while the block itself changes, or the disk fails: what is removed stays removed, what is
// stored anew is what is found, and nothing is left held.
#include "mover_bench.h"

namespace uakv::test {
namespace {

struct Fixture : MoverBench {
    Fixture() { open("a"); }

    // Number 0 is on disk alone.
    void make_cold(std::uint64_t number = 0) {
        store().put(number, big);
        CHECK_STATUS(flush(), UAKV_OK);
        push_out();
        CHECK(is_cold(number));
    }
};

void removed_while_cold() {
    Fixture f;
    f.make_cold();
    CHECK(f->remove(0, sample_key(0)));
    CHECK_STATUS(f.load(0), UAKV_MISS);
    CHECK_STATUS(f.flush(), UAKV_OK);
    MoverBench again(MoverBench::plain(), f.device().crash());
    CHECK(!again.store().has(0));
}

void removed_while_loading() {
    Fixture f;
    f.make_cold();
    const Mover::Tag tag = f.begin_load(0);
    CHECK(f->remove(0, sample_key(0)));
    CHECK_STATUS(f.await_answer(tag), UAKV_MISS);
    CHECK(!f.store().has(0));
    f.check_quiet();
}

void stored_while_loading() {
    Fixture f;
    f.make_cold();
    const Mover::Tag tag = f.begin_load(0);
    f.store().put(0, half); // other bytes than those on disk
    CHECK_STATUS(f.await_answer(tag), UAKV_OK);
    f.check(0, half);
    f.check_quiet();
    CHECK(!f.on_disk(0));
    CHECK_STATUS(f.flush(), UAKV_OK);
    f.push_out();
    CHECK_STATUS(f.load(0), UAKV_OK);
    f.check(0, half);
}

void removed_and_cold_again_while_loading() {
    Fixture f;
    f.make_cold();
    f.device().options().latency_ns_min = f.device().options().latency_ns_max = 50 * ns_per_ms;
    const Mover::Tag tag = f.begin_load(0);
    f.mover().turn();
    CHECK(f->remove(0, sample_key(0)));
    f.store().put(0, half);
    const Mover::Tag second = f.begin_load(0);
    CHECK_STATUS(f.await_answer(second), UAKV_OK);
    CHECK_STATUS(f.await_answer(tag), UAKV_OK);
    f.check(0, half);
    f.check_quiet();
}

void removed_while_writing() {
    Fixture f;
    f.store().put(0, big);
    f.mover().flush(0, 500);
    f.mover().turn();
    CHECK(f->remove(0, sample_key(0)));
    f->maintain();
    CHECK_EQ(f.store().statistics().slots_limbo, 1); // the disk reads it
    f.store().put(0, half);
    CHECK_STATUS(f.await_answer(500), UAKV_OK);
    f.check_quiet();
    f.check(0, half);
    CHECK_STATUS(f.flush(), UAKV_OK);
    CHECK(f.on_disk(0));
    MoverBench again(MoverBench::plain(), f.device().crash());
    CHECK_STATUS(again.load(0), UAKV_OK);
    again.check(0, half);
}

// What is stored after the clear has begun stays or goes; what was there before is gone, and stays so.
void cleared_while_all_goes_on() {
    Fixture f;
    for (std::uint64_t i = 0; i < 2 * all_big; ++i) {
        f.store().put(i, big);
        for (int turns = 0; turns < 20; ++turns) {
            f.turn();
        }
    }
    CHECK(f.is_cold(0) && f.is_cold(1));
    const Mover::Tag load = f.begin_load(0);
    f.mover().turn();
    f->begin_clear(0);
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    const Mover::Tag late = f.begin_load(1);
    f.mover().flush(0, 700);
    while (!f->clear_some(0, cursor, 5, removed)) {
        f.turn();
    }
    f.store().put(0, half);
    f->end_clear(0);
    CHECK_STATUS(f.await_answer(late), UAKV_MISS);
    f.await_answer(load);
    CHECK_STATUS(f.await_answer(700), UAKV_OK);
    f.check_quiet();
    for (std::uint64_t i = 1; i < 2 * all_big; ++i) {
        CHECK(!f.store().has(i));
    }
    f.check(0, half);
    CHECK_STATUS(f.flush(), UAKV_OK);
    MoverBench again(MoverBench::plain(), f.device().crash());
    CHECK_EQ(again.store().statistics().blocks_cold, 1);
    CHECK_STATUS(again.load(0), UAKV_OK);
    again.check(0, half);
}

void damaged_on_disk() {
    Fixture f;
    f.make_cold();
    const auto &catalog = f.tier().catalog();
    const disk::CatalogBlock &block = catalog.block(*catalog.find(1, sample_key(0)));
    CHECK(f.device().rot({BlockDevice::FileKind::log, block.file}, block.page * limits::page_bytes));
    CHECK_STATUS(f.load(0), UAKV_ERR_CORRUPT);
    CHECK(!f.store().has(0));
    CHECK_STATUS(f.load(0), UAKV_MISS);
    f.check_quiet();
}

void unreadable() {
    Fixture f;
    f.make_cold();
    f.device().options().errors[static_cast<std::size_t>(SimCall::read)] = 10'000;
    CHECK_STATUS(f.load(0), UAKV_ERR_IO);
    CHECK(f.is_cold(0)); // perhaps it can be read later
    f.device().options().errors = {};
    CHECK_STATUS(f.load(0), UAKV_OK);
    f.check(0, big);
    f.check_quiet();
}

void disk_that_cannot_be_written() {
    Fixture f;
    f.device().options().errors[static_cast<std::size_t>(SimCall::write)] = 10'000;
    f.store().put(0, big);
    const uakv_status status = f.flush();
    CHECK(status == UAKV_ERR_IO || status == UAKV_ERR_NO_SPACE);
    f.check(0, big);
    CHECK(!f.on_disk(0));
    f.check_quiet();
}

// The disk is smaller than what is stored: what it drops is gone from the index too, and the rest is as it was.
void dropped_for_room() {
    MoverBench bench(MoverBench::plain(), {}, 32 << 20);
    bench.open("a");
    for (std::uint64_t i = 0; i < 6 * all_big; ++i) {
        bench.store().put(i, big);
        for (int turns = 0; turns < 20; ++turns) {
            bench.turn();
        }
    }
    bench.check_quiet();
    std::uint64_t there = 0;
    for (std::uint64_t i = 0; i < 6 * all_big; ++i) {
        if (bench.store().has(i)) {
            ++there;
            const uakv_status status = bench.load(i); // which makes others leave
            CHECK(status == UAKV_OK || (status == UAKV_MISS && !bench.store().has(i)));
            if (status == UAKV_OK) {
                bench.check(i, big);
            }
        }
    }
    CHECK(there > all_big && there < 5 * all_big);
    CHECK(bench->counters().drops > 0);
    bench.check_quiet();
}

// Every slot is read by somebody: a load has no room, and says so; and one that waits is served when there is.
void no_room() {
    Fixture f;
    f.make_cold();
    const SpaceId others = f.open("others");
    std::uint32_t word = 0;
    for (std::uint64_t i = 1'000'000; i < 1'000'000 + 4 * all_big; ++i) {
        if (f.in_memory(i, others)) {
            const auto found = f.store().find(i, others);
            lease_cover(f.store().session(), word);
            CHECK(lease_begin(f.store().session(), word++, f->index().entry(found->id), found->id, found->generation));
        }
    }
    CHECK(word > all_big / 2);
    CHECK_STATUS(f.load(0), UAKV_MISS);
    CHECK_EQ(f.mover().statistics().load_no_room, 1);
    const Mover::Tag tag = f.begin_load(0);
    f.turn();
    lease_end(f.store().session(), 0);
    CHECK_STATUS(f.await_answer(tag), UAKV_OK);
    f.check(0, big);
    f.check_quiet();
}

constexpr Case cases[] = {
    {"removed_while_cold", removed_while_cold},
    {"removed_while_loading", removed_while_loading},
    {"stored_while_loading", stored_while_loading},
    {"removed_and_cold_again_while_loading", removed_and_cold_again_while_loading},
    {"removed_while_writing", removed_while_writing},
    {"cleared_while_all_goes_on", cleared_while_all_goes_on},
    {"damaged_on_disk", damaged_on_disk},
    {"unreadable", unreadable},
    {"disk_that_cannot_be_written", disk_that_cannot_be_written},
    {"dropped_for_room", dropped_for_room},
    {"no_room", no_room},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("mover_faults", uakv::test::cases);
}
