// What a client sees of where blocks lie, and what becomes of blocks that the disk alone has.
#include "disk_blocks.h"
#include "support/async.h"

#include <array>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 300'000;
constexpr uint8_t both = UAKV_TIER_HOST | UAKV_TIER_DISK;

struct Fixture {
    Daemon daemon{with_disk()};
    Client client{daemon};
    Space space{client};
    uakv_key key = make_key("one");

    Fixture() { CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK); }
    void push_out() { test::push_out(client, space, key, block_bytes); }
};

uakv_retrieve_options options_of(uint32_t flags, uint32_t timeout_ms = 0) {
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.flags = flags;
    options.timeout_ms = timeout_ms;
    return options;
}

void where_a_block_lies() {
    Fixture f;
    CHECK((tiers_of(f.space, f.key) & UAKV_TIER_HOST) != 0);
    CHECK_STATUS(uakv_flush(f.space), UAKV_OK);
    CHECK_EQ(tiers_of(f.space, f.key), both);
    f.push_out();
    CHECK_EQ(tiers_of(f.space, f.key), UAKV_TIER_DISK);
    const std::array keys = {f.key, make_key("missing"), f.key};
    std::array<uint8_t, 3> tiers = {9, 9, 9};
    CHECK_STATUS(uakv_contains(f.space, keys.data(), keys.size(), tiers.data()), UAKV_OK);
    CHECK_EQ(tiers[0], UAKV_TIER_DISK);
    CHECK_EQ(tiers[1], 0);
    CHECK_EQ(tiers[2], UAKV_TIER_DISK);
    check_stored(f.space, f.key, block_bytes);
    CHECK_EQ(tiers_of(f.space, f.key), both);
}

void prefixes_over_both() {
    Fixture f;
    f.push_out();
    const uakv_key second = make_key("second");
    CHECK_STATUS(store_block(f.space, second, block_bytes, &f.key), UAKV_OK);
    const std::array keys = {f.key, second, make_key("third")};
    std::array<uint8_t, 3> tiers = {9, 9, 9};
    size_t matched = 0;
    CHECK_STATUS(uakv_match_prefix(f.space, keys.data(), keys.size(), &matched, tiers.data()), UAKV_OK);
    CHECK_EQ(matched, 2);
    CHECK_EQ(tiers[0], UAKV_TIER_DISK);
    CHECK((tiers[1] & UAKV_TIER_HOST) != 0);
    CHECK_EQ(tiers[2], 9);
}

// A miss, which counts as one, and nothing is loaded for it.
void resident_only() {
    Fixture f;
    f.push_out();
    const uakv_statistics before = f.client.statistics();
    const uakv_retrieve_options options = options_of(UAKV_RESIDENT_ONLY);
    uakv_view view;
    std::vector<uint8_t> copy(block_bytes);
    CHECK_STATUS(uakv_retrieve(f.space, &f.key, &options, &view), UAKV_MISS);
    CHECK_STATUS(uakv_retrieve_into(f.space, &f.key, copy.data(), copy.size(), nullptr, &options), UAKV_MISS);
    Polled polled(f.client);
    polled.submitted(uakv_retrieve_submit(f.space, &f.key, &options, 1));
    CHECK_STATUS(polled.next(UAKV_CALL_RETRIEVE, 1).status, UAKV_MISS);
    const uakv_statistics after = f.client.statistics();
    CHECK_EQ(after.misses - before.misses, 3);
    CHECK_EQ(after.loads, before.loads);
    CHECK_EQ(tiers_of(f.space, f.key), UAKV_TIER_DISK);
    check_stored(f.space, f.key, block_bytes);
    CHECK_STATUS(uakv_retrieve(f.space, &f.key, &options, &view), UAKV_OK); // it is there now
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

void prefetched() {
    Fixture f;
    f.push_out();
    const std::array keys = {f.key, make_key("missing")};
    CHECK_STATUS(uakv_prefetch(f.space, keys.data(), keys.size(), 0), UAKV_OK);
    await("it is in memory", [&] { return tiers_of(f.space, f.key) == both; });
    const uakv_retrieve_options options = options_of(UAKV_RESIDENT_ONLY);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(f.space, &f.key, &options, &view), UAKV_OK);
    check_block(view.data, view.nbytes, f.key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    f.push_out();
    Polled polled(f.client);
    polled.submitted(uakv_prefetch_submit(f.space, keys.data(), keys.size(), UAKV_TIER_HOST, 5));
    const uakv_completion done = polled.next(UAKV_CALL_PREFETCH, 5);
    CHECK_STATUS(done.status, UAKV_OK);
    CHECK_EQ(done.result.count, 1);
    await("it is in memory again", [&] { return tiers_of(f.space, f.key) == both; });
}

// The key comes back to memory with the bytes of the one who stores it: they are the same.
void stored_anew() {
    Fixture f;
    f.push_out();
    CHECK_STATUS(store_block(f.space, f.key, block_bytes), UAKV_OK);
    CHECK((tiers_of(f.space, f.key) & UAKV_TIER_HOST) != 0);
    CHECK_STATUS(store_block(f.space, f.key, block_bytes), UAKV_EXISTS);
    f.push_out();
    CHECK_STATUS(reserve_fill_commit(f.space, f.key, block_bytes), UAKV_OK);
    check_stored(f.space, f.key, block_bytes);
    f.push_out();
    const std::vector<uint8_t> block = make_block(block_bytes, f.key);
    const void *const blocks[] = {block.data()};
    const size_t lengths[] = {block_bytes};
    uakv_status each = UAKV_ERR_INTERNAL;
    CHECK_STATUS(uakv_store_many(f.space, &f.key, blocks, lengths, 1, &each), UAKV_OK);
    CHECK_STATUS(each, UAKV_OK);
}

void removed_and_cleared() {
    Fixture f;
    f.push_out();
    size_t removed = 0;
    CHECK_STATUS(uakv_remove(f.space, &f.key, 1, &removed), UAKV_OK);
    CHECK_EQ(removed, 1);
    CHECK_EQ(tiers_of(f.space, f.key), 0);
    CHECK(!check_stored_or_missing(f.space, f.key, block_bytes));
    CHECK_STATUS(store_block(f.space, f.key, block_bytes), UAKV_OK);
    f.push_out();
    CHECK_STATUS(uakv_clear(f.space), UAKV_OK);
    CHECK_EQ(tiers_of(f.space, f.key), 0);
}

void pins_are_for_memory() {
    Fixture f;
    f.push_out();
    CHECK_STATUS(uakv_pin(f.space, &f.key, 1, 60'000), UAKV_MISS);
    check_stored(f.space, f.key, block_bytes);
    CHECK_STATUS(uakv_pin(f.space, &f.key, 1, 60'000), UAKV_OK);
}

// A daemon that says nothing: the deadline, and later all is well.
void deadlines() {
    Fixture f;
    f.push_out();
    const uakv_retrieve_options options = options_of(0, 100);
    uakv_view view;
    std::vector<uint8_t> copy(block_bytes);
    Polled polled(f.client);
    f.daemon.pause();
    CHECK_STATUS(uakv_retrieve(f.space, &f.key, &options, &view), UAKV_ERR_TIMEOUT);
    CHECK_STATUS(uakv_retrieve_into(f.space, &f.key, copy.data(), copy.size(), nullptr, &options), UAKV_ERR_TIMEOUT);
    polled.submitted(uakv_retrieve_submit(f.space, &f.key, &options, 1));
    CHECK_STATUS(polled.next(UAKV_CALL_RETRIEVE, 1).status, UAKV_ERR_TIMEOUT);
    f.daemon.resume();
    check_stored(f.space, f.key, block_bytes);
}

// It has the index still, and cannot be asked.
void without_the_daemon() {
    Fixture f;
    f.push_out();
    f.daemon.kill();
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(f.space, &f.key, nullptr, &view), UAKV_ERR_DISCONNECTED);
    std::vector<uint8_t> copy(block_bytes);
    CHECK_STATUS(uakv_retrieve_into(f.space, &f.key, copy.data(), copy.size(), nullptr, nullptr),
                 UAKV_ERR_DISCONNECTED);
    uakv_status each = UAKV_OK;
    CHECK_STATUS(uakv_retrieve_many(f.space, &f.key, 1, &view, &each), UAKV_ERR_DISCONNECTED);
    CHECK_STATUS(each, UAKV_ERR_DISCONNECTED);
    CHECK(view.data == nullptr);
    f.daemon.start();
    await("the client has the new daemon, and that the block", [&] {
        const uakv_status status = uakv_retrieve(f.space, &f.key, nullptr, &view);
        CHECK(status == UAKV_OK || status == UAKV_ERR_DISCONNECTED || status == UAKV_MISS);
        return status == UAKV_OK;
    });
    check_block(view.data, view.nbytes, f.key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

void readers_load_too() {
    Fixture f;
    f.push_out();
    Client reader(f.daemon, UAKV_READ_ONLY);
    Space space(reader);
    check_stored(space, f.key, block_bytes);
    f.push_out();
    CHECK_STATUS(uakv_prefetch(space, &f.key, 1, 0), UAKV_OK);
    await("it is in memory", [&] { return tiers_of(space, f.key) == both; });
    f.push_out();
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &f.key, block_bytes, 0, &view, &slot), UAKV_OK);
    check_block(view.data, view.nbytes, f.key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

// Nobody computes what the disk has.
void single_flight() {
    Fixture f;
    f.push_out();
    uakv_view view;
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_or_reserve(f.space, &f.key, block_bytes, 0, &view, &slot), UAKV_OK);
    check_block(view.data, view.nbytes, f.key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    f.push_out();
    Polled polled(f.client);
    polled.submitted(uakv_retrieve_or_reserve_submit(f.space, &f.key, block_bytes, 0, 3));
    uakv_completion done = polled.next(UAKV_CALL_RETRIEVE_OR_RESERVE, 3);
    CHECK_STATUS(done.status, UAKV_OK);
    check_block(done.result.view.data, done.result.view.nbytes, f.key);
    CHECK_STATUS(uakv_release(&done.result.view), UAKV_OK);
    CHECK_EQ(f.client.statistics().misses, 0);
}

constexpr Case cases[] = {
    {"where_a_block_lies", where_a_block_lies},
    {"prefixes_over_both", prefixes_over_both},
    {"resident_only", resident_only},
    {"prefetched", prefetched},
    {"stored_anew", stored_anew},
    {"removed_and_cleared", removed_and_cleared},
    {"pins_are_for_memory", pins_are_for_memory},
    {"deadlines", deadlines},
    {"without_the_daemon", without_the_daemon},
    {"readers_load_too", readers_load_too},
    {"single_flight", single_flight},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_tiers", uakv::test::cases);
}
