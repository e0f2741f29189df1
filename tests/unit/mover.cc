// Between memory and disk: what is evicted comes back as it was, whoever asks and in whatever form, and what was
// flushed is there after a restart.
#include "mover_bench.h"

#include "ipc/codec/codec.h"

#include <vector>

namespace uakv::test {
namespace {

// A block that LZ4 makes small.
SlotRef put_regular(MoverBench &bench, std::uint64_t number, std::uint64_t length, SpaceId space) {
    const SlotRef slot = bench.store().grant(length);
    Store::CommitRequest request;
    request.space = space;
    request.key = sample_key(number);
    request.length = length;
    std::byte *data = bench.store().at(slot);
    for (std::uint64_t i = 0; i < length; ++i) {
        data[i] = static_cast<std::byte>(i / 512 + number);
    }
    request.checksum = checksum_of(data, length);
    CHECK_STATUS(bench->commit(slot, request), UAKV_OK);
    return slot;
}

bool is_regular(MoverBench &bench, std::uint64_t number, std::uint64_t length) {
    const auto data = bench->bytes_of(bench.store().find(number)->id);
    CHECK_EQ(data.size(), length);
    for (std::uint64_t i = 0; i < length; ++i) {
        if (data[i] != static_cast<std::byte>(i / 512 + number)) {
            return false;
        }
    }
    return true;
}

void evicted_and_loaded() {
    MoverBench bench;
    bench.open("a");
    for (std::uint64_t i = 0; i < 2 * all_big; ++i) {
        bench.store().put(i, big - i);
        for (int turns = 0; turns < 20; ++turns) {
            bench.turn();
        }
    }
    std::uint64_t cold = 0;
    for (std::uint64_t i = 0; i < 2 * all_big; ++i) {
        CHECK(bench.store().has(i));
        cold += bench.is_cold(i) ? 1U : 0U;
    }
    CHECK(cold >= all_big);
    CHECK_EQ(bench.mover().statistics().unsaved, 0);
    CHECK_EQ(bench.store().statistics().blocks_cold, cold);
    for (std::uint64_t i = 0; i < 2 * all_big; ++i) {
        CHECK_STATUS(bench.load(i), UAKV_OK);
        bench.check(i, big - i);
        CHECK(bench.on_disk(i));
    }
    CHECK(bench.mover().statistics().loads >= cold);
    bench.check_quiet();
}

// Stores are not held up: what the disk is too slow for is gone, and counted.
void unsaved_when_the_disk_is_slow() {
    MoverBench bench;
    bench.open("a");
    bench.device().options().latency_ns_min = bench.device().options().latency_ns_max = 50 * ns_per_ms;
    for (std::uint64_t i = 0; i < 4 * all_big; ++i) {
        bench.store().put(i, big);
        bench.mover().turn();
        bench->maintain();
    }
    const auto statistics = bench.mover().statistics();
    CHECK(statistics.unsaved > 2 * all_big);
    std::uint64_t there = 0;
    for (std::uint64_t i = 0; i < 4 * all_big; ++i) {
        there += bench.store().has(i) ? 1U : 0U;
    }
    CHECK_EQ(there + statistics.unsaved, 4 * all_big);
    CHECK_STATUS(bench.flush(), UAKV_ERR_NO_SPACE); // it says so
    CHECK_STATUS(bench.flush(), UAKV_OK);
    bench.check_quiet();
}

void flushed_survives() {
    SimImage image;
    {
        MoverBench bench;
        const SpaceId space = bench.open("a");
        for (std::uint64_t i = 0; i < 10; ++i) {
            Store::CommitRequest request;
            if (i > 0) {
                request.parent = sample_key(i - 1);
            }
            bench.store().put(i, 10'000 + i, request);
        }
        CHECK_STATUS(bench.flush(space), UAKV_OK);
        for (std::uint64_t i = 0; i < 10; ++i) {
            CHECK(bench.on_disk(i) && bench.in_memory(i));
        }
        CHECK(bench->remove(space, sample_key(3)));
        CHECK_STATUS(bench.flush(space), UAKV_OK);
        image = bench.device().crash(); // no stop: the power fails
    }
    MoverBench bench(MoverBench::plain(), image);
    CHECK_EQ(bench->spaces().count(), 1);
    CHECK_EQ(bench.open("a"), 0);
    for (std::uint64_t i = 0; i < 10; ++i) {
        CHECK_EQ(bench.is_cold(i), i != 3);
        if (i != 3) {
            const auto report = bench->describe_block(0, sample_key(i));
            CHECK(report->parent.has_value() == (i > 0) && report->bytes == 10'000 + i);
            CHECK_STATUS(bench.load(i), UAKV_OK);
            bench.check(i, 10'000 + i);
        }
    }
    bench.check_quiet();
}

// What is only in memory is written at the stop, as long as there is time.
void stop_saves_what_is_in_memory() {
    SimImage image;
    {
        MoverBench bench;
        bench.open("a");
        bench.store().put_big(all_big);
        bench->touch(bench.store().find(7)->id);
        image = bench.stop();
    }
    {
        MoverBench bench(MoverBench::plain(), image);
        for (std::uint64_t i = 0; i < all_big; ++i) {
            CHECK(bench.is_cold(i));
        }
        CHECK_STATUS(bench.load(7), UAKV_OK);
        bench.check(7, big);
        bench.store().put(100, big);
        image = bench.stop(0); // at once
    }
    MoverBench bench(MoverBench::plain(), image);
    CHECK(!bench.store().has(100) && bench.is_cold(0));
}

void durable_is_written_at_once() {
    MoverBench bench;
    const SpaceId usual = bench.open("usual");
    const SpaceId durable = bench.open("durable", UAKV_SPACE_DURABLE);
    Store::CommitRequest request;
    request.space = durable;
    bench.store().put(1, big, request);
    bench.store().put(1, big);
    bench.turn_until("it is on disk", [&] { return bench.on_disk(1, durable); });
    bench.check_quiet();
    CHECK(!bench.on_disk(1, usual));
}

void reused_only() {
    Mover::Options options = MoverBench::plain();
    options.only_reused = true;
    MoverBench bench(options);
    bench.open("a");
    bench.store().put_big(4);
    bench->touch(bench.store().find(1)->id);
    bench->touch(bench.store().find(3)->id);
    bench.push_out();
    bench.push_out();
    for (std::uint64_t i = 0; i < 4; ++i) {
        CHECK_EQ(bench.store().has(i), i % 2 == 1);
    }
    CHECK(bench.mover().statistics().kept_off >= 2);
}

void joined() {
    MoverBench bench;
    bench.open("a");
    bench.store().put(0, big);
    CHECK_STATUS(bench.flush(), UAKV_OK);
    bench.push_out();
    CHECK(bench.is_cold(0));
    const Mover::Tag first = bench.begin_load(0);
    const Mover::Tag second = bench.begin_load(0);
    const Mover::Tag third = bench.begin_load(0);
    bench.mover().cancel(second);
    CHECK_STATUS(bench.await_answer(first), UAKV_OK);
    CHECK_STATUS(bench.await_answer(third), UAKV_OK);
    CHECK(!bench.answer(second));
    CHECK_EQ(bench.mover().statistics().loads, 1);
    CHECK_EQ(bench.mover().statistics().load_joins, 2);
    CHECK_STATUS(bench.load(0), UAKV_OK); // it is there
    CHECK_STATUS(bench.load(12345), UAKV_MISS);
    CHECK_EQ(bench.mover().statistics().loads, 1);
    bench.check_quiet();
}

void deadlines() {
    MoverBench bench;
    bench.open("a");
    bench.store().put(0, big);
    CHECK_STATUS(bench.flush(), UAKV_OK);
    bench.push_out();
    Mover::Load load = bench.load_of(0, 1000);
    load.deadline_ns = bench.moment().now_ns + 1; // nobody can do that
    bench.mover().load(load);
    CHECK_STATUS(bench.mover().take_answers().at(0).status, UAKV_MISS);
    CHECK_EQ(bench.mover().statistics().load_late, 1);
    bench.device().options().latency_ns_min = bench.device().options().latency_ns_max = 300 * ns_per_ms;
    load = bench.load_of(0, 1001);
    load.deadline_ns = bench.moment().now_ns + 100 * ns_per_ms; // it looks possible
    bench.mover().load(load);
    CHECK_STATUS(bench.await_answer(1001), UAKV_MISS);
    CHECK_EQ(bench.mover().statistics().load_late, 2);
    bench.turn_until("the work goes on", [&] { return bench.in_memory(0); });
    bench.check(0, big);
    bench.check_quiet();
}

// A frame on disk: as it is for who decodes himself, else decoded; and from a frame in memory to the block.
void frames() {
    MoverBench bench(MoverBench::compressing());
    const SpaceId space = bench.open("a");
    for (std::uint64_t i = 0; i < 3; ++i) {
        put_regular(bench, i, big, space);
    }
    CHECK_STATUS(bench.flush(), UAKV_OK);
    CHECK_EQ(bench.mover().statistics().encoded, 3);
    CHECK(bench.mover().statistics().bytes_after_encoding < bench.mover().statistics().bytes_before_encoding / 4);
    bench.push_out();
    CHECK(bench.is_cold(0) && bench.is_cold(1) && bench.is_cold(2));
    CHECK_STATUS(bench.load(0), UAKV_OK);
    CHECK(is_regular(bench, 0, big));
    CHECK_STATUS(bench.load(1, space, true), UAKV_OK);
    CHECK((bench.flags(1) & entry_encoded) != 0);
    std::vector<std::byte> block(big);
    CHECK(decode_frame(bench->bytes_of(bench.store().find(1)->id), block));
    CHECK_STATUS(bench.load(1, space, true), UAKV_OK); // that will do
    CHECK((bench.flags(1) & entry_encoded) != 0);
    CHECK_STATUS(bench.load(1), UAKV_OK); // and that will not
    CHECK((bench.flags(1) & entry_encoded) == 0 && bench.on_disk(1));
    CHECK(is_regular(bench, 1, big));
    const Mover::Tag frame = bench.begin_load(2, space, true);
    const Mover::Tag whole = bench.begin_load(2, space, false);
    CHECK_STATUS(bench.await_answer(frame), UAKV_OK);
    CHECK_STATUS(bench.await_answer(whole), UAKV_OK);
    CHECK(is_regular(bench, 2, big));
    bench.push_out(); // a frame that is evicted is a cold block like others
    CHECK(bench.is_cold(1));
    CHECK_STATUS(bench.load(1), UAKV_OK);
    CHECK(is_regular(bench, 1, big));
    bench.check_quiet();
}

void prefetched_and_warmed() {
    SimImage image;
    {
        MoverBench bench;
        bench.open("a");
        bench.store().put_big(all_big);
        for (std::uint64_t i = 0; i < 8; ++i) {
            for (std::uint64_t uses = 0; uses <= i; ++uses) {
                bench->touch(bench.store().find(i)->id);
            }
        }
        image = bench.stop();
    }
    MoverBench bench(MoverBench::plain(), image);
    bench.mover().prefetch(0, sample_key(20));
    bench.mover().prefetch(0, sample_key(12345));
    bench.turn_until("it comes", [&] { return bench.in_memory(20); });
    bench.mover().warm(SpaceId{0}, 4);
    bench.turn_until("they come", [&] { return bench.mover().statistics().warm_left == 0; });
    bench.check_quiet();
    for (std::uint64_t i = 0; i < 8; ++i) {
        CHECK_EQ(bench.in_memory(i), i >= 4);
    }
    bench.mover().warm(std::nullopt, 1000); // more than there is room for
    bench.turn_until("they come", [&] { return bench.mover().statistics().warm_left == 0; });
    bench.check_quiet();
    CHECK_EQ(bench.store().statistics().evictions, 0);
}

void expires_on_disk() {
    MoverBench bench;
    bench.open("a");
    Store::CommitRequest brief;
    brief.ttl_ms = 300;
    bench.store().put(0, big, brief);
    CHECK_STATUS(bench.flush(), UAKV_OK);
    bench.push_out();
    await("it is due", [&] { return bench->next_expiry_ms() == UINT64_MAX || boot_ms() > bench->next_expiry_ms(); });
    CHECK_STATUS(bench.load(0), UAKV_MISS);
    bench->expire();
    CHECK(!bench->find_even_expired(0, sample_key(0)));
    bench.check_quiet();
    CHECK(!bench.tier().catalog().find(1, sample_key(0)));
}

// A daemon that finds memory as the one before has left it, and the disk too: each says what it has.
void memory_outlives_the_daemon() {
    SimImage image;
    {
        MoverBench bench;
        const SpaceId space = bench.open("a", UAKV_SPACE_DURABLE);
        for (std::uint64_t i = 0; i < 4; ++i) {
            bench.store().put(i, 10'000);
        }
        CHECK_STATUS(bench.flush(space), UAKV_OK);
        image = bench.device().crash();
    }
    MoverBench bench(MoverBench::plain(), image, 64 << 20, [](MoverBench &memory) {
        memory.open("a", UAKV_SPACE_DURABLE);
        memory.store().put(0, 10'000); // the disk has it as well
        memory.store().put(1, 20'000); // was stored anew, which the disk had not heard of
        memory.store().put(9, 10'000); // is not on disk yet
    });
    CHECK(bench.in_memory(0) && bench.on_disk(0));
    CHECK(bench.is_cold(2) && bench.is_cold(3));
    bench.check(1, 20'000);
    bench.turn_until("what is in memory alone to be written", [&] { return bench.on_disk(1) && bench.on_disk(9); });
    bench.push_out();
    for (const std::uint64_t i : {0U, 1U, 2U, 3U, 9U}) {
        CHECK(bench.is_cold(i));
        CHECK_STATUS(bench.load(i), UAKV_OK);
        bench.check(i, i == 1 ? 20'000 : 10'000);
    }
    bench.check_quiet();
}

constexpr Case cases[] = {
    {"evicted_and_loaded", evicted_and_loaded},
    {"unsaved_when_the_disk_is_slow", unsaved_when_the_disk_is_slow},
    {"flushed_survives", flushed_survives},
    {"memory_outlives_the_daemon", memory_outlives_the_daemon},
    {"stop_saves_what_is_in_memory", stop_saves_what_is_in_memory},
    {"durable_is_written_at_once", durable_is_written_at_once},
    {"reused_only", reused_only},
    {"joined", joined},
    {"deadlines", deadlines},
    {"frames", frames},
    {"prefetched_and_warmed", prefetched_and_warmed},
    {"expires_on_disk", expires_on_disk},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("mover", uakv::test::cases);
}
