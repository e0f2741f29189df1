// Blocks that are kept although they are cold: for how long, how many, and what they keep others from.
#include "ipc/clock.h"
#include "store_bench.h"

#include <cstdint>

namespace uakv::test {
namespace {

constexpr std::uint32_t for_ever = UAKV_PIN_FOREVER;
constexpr std::uint32_t long_ms = 1'000'000'000;

StoreOptions may_pin(std::uint64_t bytes) {
    StoreOptions options;
    options.pinned_bytes_max = bytes;
    return options;
}

uakv_status pin(Bench &store, std::uint64_t number, std::uint32_t ttl_ms = for_ever) {
    return store->pin(0, sample_key(number), ttl_ms);
}

void check_pinned(Bench &store, std::uint64_t blocks, std::uint64_t bytes) {
    const uakv_statistics now = store.statistics();
    CHECK_EQ(now.blocks_pinned, blocks);
    CHECK_EQ(now.bytes_pinned, bytes);
}

void pinned_blocks_outlast_pressure() {
    Bench store(may_pin(all_big * big));
    store.put_big(all_big);
    CHECK_STATUS(pin(store, 0), UAKV_OK);
    CHECK_STATUS(pin(store, 5, long_ms), UAKV_OK);
    check_pinned(store, 2, 2 * big);
    for (std::uint64_t i = 0; i < 5 * all_big; ++i) {
        store.put(100 + i, big);
        store->maintain();
        CHECK(store.has(0) && store.has(5));
    }
    CHECK(!store.has(1));
    CHECK_EQ(store.statistics().blocks, all_big);
    CHECK_STATUS(pin(store, 0, 0), UAKV_OK);
    CHECK_STATUS(pin(store, 0, 0), UAKV_OK); // it was not, any more
    store.put(1000, big);
    CHECK(!store.has(0) && store.has(5)); // it had not been used since
    check_pinned(store, 1, big);
}

void nothing_else_is_left() {
    Bench store(may_pin(all_big * big));
    store.put_big(all_big);
    for (std::uint64_t i = 0; i < all_big; ++i) {
        CHECK_STATUS(pin(store, i), UAKV_OK);
    }
    CHECK(store->grant(big).outcome == Store::GrantOutcome::none);
    CHECK(store->grant(1).outcome == Store::GrantOutcome::none);
    CHECK_EQ(store.statistics().evictions, 0);
    CHECK_STATUS(pin(store, 7, 0), UAKV_OK);
    store.put(100, big);
    CHECK(!store.has(7));
}

// What counts is the slot: it is what others cannot have.
void quota_to_the_byte() {
    Bench store(may_pin(3 * big));
    store.put_big(4);
    store.put(10, 1);
    for (std::uint64_t i = 0; i < 3; ++i) {
        CHECK_STATUS(pin(store, i), UAKV_OK);
    }
    check_pinned(store, 3, 3 * big);
    CHECK_STATUS(pin(store, 3), UAKV_ERR_NO_SPACE);
    CHECK_STATUS(pin(store, 10), UAKV_ERR_NO_SPACE); // a byte, and a page
    CHECK_STATUS(pin(store, 2, long_ms), UAKV_OK);   // pinned already: only the end changes
    check_pinned(store, 3, 3 * big);
    CHECK_STATUS(pin(store, 0, 0), UAKV_OK);
    CHECK_STATUS(pin(store, 10), UAKV_OK);
    check_pinned(store, 3, 2 * big + limits::page_bytes);
    CHECK_STATUS(pin(store, 3), UAKV_ERR_NO_SPACE);
    Bench without;
    without.put(0, 1);
    CHECK_STATUS(pin(without, 0), UAKV_ERR_NO_SPACE);
    CHECK_STATUS(pin(without, 0, 0), UAKV_OK);
}

void lower_quota_keeps_what_is_pinned() {
    Bench store(may_pin(4 * big));
    store.put_big(all_big);
    CHECK_STATUS(pin(store, 0), UAKV_OK);
    CHECK_STATUS(pin(store, 1), UAKV_OK);
    store->reconfigure(may_pin(big));
    store.put_big(2 * all_big, 100);
    CHECK(store.has(0) && store.has(1));
    CHECK_STATUS(pin(store, 1, long_ms), UAKV_OK);
    CHECK_STATUS(pin(store, 100 + 2 * all_big - 1), UAKV_ERR_NO_SPACE);
    CHECK_STATUS(pin(store, 0, 0), UAKV_OK);
    CHECK_STATUS(pin(store, 100 + 2 * all_big - 1), UAKV_ERR_NO_SPACE); // full with the one that is left
    check_pinned(store, 1, big);
}

void what_is_not_there_cannot_be_pinned() {
    Bench store(may_pin(4 * big));
    CHECK_STATUS(pin(store, 0), UAKV_MISS);
    CHECK_STATUS(pin(store, 0, 0), UAKV_MISS);
    Store::CommitRequest brief;
    brief.ttl_ms = 1;
    store.put(0, big, brief);
    const std::uint64_t stored_ms = boot_ms();
    await("it expires", [&] { return boot_ms() > stored_ms + 1; });
    CHECK_STATUS(pin(store, 0), UAKV_MISS);
    store.put(1, big);
    CHECK_STATUS(store->pin(1, sample_key(1), for_ever), UAKV_MISS); // of another space
    check_pinned(store, 0, 0);
}

void pins_end_with_their_time() {
    Bench store(may_pin(big));
    store.put_big(all_big);
    CHECK_STATUS(pin(store, 0, long_ms), UAKV_OK);
    CHECK(store->next_expiry_ms() > boot_ms() + long_ms / 2);
    CHECK_STATUS(pin(store, 0, 1), UAKV_OK); // the last call counts
    CHECK(store->next_expiry_ms() <= boot_ms() + 1);
    await("it is due", [&] { return boot_ms() > store->next_expiry_ms(); });
    CHECK_STATUS(pin(store, 1), UAKV_OK); // there is room again, whether or not expire() was called
    CHECK_STATUS(pin(store, 1, 1), UAKV_OK);
    await("it is due", [&] { return boot_ms() > store->next_expiry_ms(); });
    store->expire();
    check_pinned(store, 0, 0);
    CHECK_EQ(store->next_expiry_ms(), UINT64_MAX);
    CHECK(store.has(0) && store.has(1));
    store.put_big(2, 100);
    CHECK(!store.has(0) && !store.has(1));
    CHECK_STATUS(pin(store, 2, 1), UAKV_OK);
    CHECK_STATUS(pin(store, 2, for_ever), UAKV_OK);
    CHECK_EQ(store->next_expiry_ms(), UINT64_MAX);
}

void pins_end_with_their_blocks() {
    Bench store(may_pin(all_big * big));
    Store::CommitRequest brief;
    brief.ttl_ms = 50;
    store.put(0, big, brief);
    const SlotRef damaged = store.put(1, big);
    store.put(2, big);
    store.put(3, big);
    for (std::uint64_t i = 0; i < 4; ++i) {
        CHECK_STATUS(pin(store, i, i == 3 ? long_ms : for_ever), UAKV_OK);
    }
    check_pinned(store, 4, 4 * big);
    await("it is due", [&] { return boot_ms() > store->next_expiry_ms(); });
    store->expire();
    CHECK(!store.has(0));
    check_pinned(store, 3, 3 * big);
    store.at(damaged)[0] ^= std::byte{1};
    CHECK(store->drop_if_corrupt(0, sample_key(1)));
    check_pinned(store, 2, 2 * big);
    CHECK(store->remove(0, sample_key(2)));
    check_pinned(store, 1, big);
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    CHECK(store->clear_some(0, cursor, 1000, removed));
    check_pinned(store, 0, 0);
    CHECK_EQ(store->next_expiry_ms(), UINT64_MAX);
    store.put(3, big); // the entry is another block's now
    store.put_big(2 * all_big, 100);
    CHECK(!store.has(3));
}

// Another size takes a segment over, and not the coldest one: a block in it is pinned.
void segment_of_a_pinned_block_is_not_taken() {
    Bench store(may_pin(big));
    store.put_big(all_big);
    CHECK_STATUS(pin(store, 2), UAKV_OK);
    store.put(100, segment_bytes);
    for (std::uint64_t i = 0; i < all_big; ++i) {
        CHECK_EQ(store.has(i), i < 4 || i >= 8);
    }
}

void pinned_while_its_segment_is_taken() {
    Bench store(may_pin(limits::page_bytes));
    const std::uint64_t pages = limits::memory_bytes_min / limits::page_bytes;
    for (std::uint64_t i = 0; i < pages; ++i) {
        store.put(i, 1);
    }
    CHECK(store->grant(segment_bytes).outcome == Store::GrantOutcome::later);
    CHECK(store.has(0)); // in the coldest segment, which is drained from its end
    CHECK_STATUS(pin(store, 0), UAKV_OK);
    const auto gone = static_cast<std::uint32_t>(pages - store.statistics().blocks);
    CHECK_EQ(store->slots().free_slots(0), gone);
    CHECK(!store->maintain());
    CHECK(store.has(0) && store.has(1));
    CHECK(store->grant(segment_bytes).outcome == Store::GrantOutcome::later); // the next one instead
    for (int turns = 0; store->maintain(); ++turns) {
        CHECK(turns < 100);
    }
    CHECK(store->grant(segment_bytes).outcome == Store::GrantOutcome::granted);
    CHECK(store.has(0));
}

// Only what was asked for is kept: the rest of the prompt may leave.
void pinned_end_of_a_prompt() {
    Bench store(may_pin(big));
    for (std::uint64_t i = 0; i < all_big; ++i) {
        Store::CommitRequest request;
        if (i > 0) {
            request.parent = sample_key(i - 1);
        }
        store.put(i, big, request);
    }
    CHECK_STATUS(pin(store, all_big - 1), UAKV_OK);
    store.put(100, big);
    CHECK(store.has(all_big - 1) && !store.has(all_big - 2) && store.has(all_big - 3));
    CHECK_STATUS(pin(store, all_big - 1, 0), UAKV_OK);
    store->touch(store.find(100)->id);
    store.put(101, big);
    CHECK(store.has(100));
}

constexpr Case cases[] = {
    {"pinned_blocks_outlast_pressure", pinned_blocks_outlast_pressure},
    {"nothing_else_is_left", nothing_else_is_left},
    {"quota_to_the_byte", quota_to_the_byte},
    {"lower_quota_keeps_what_is_pinned", lower_quota_keeps_what_is_pinned},
    {"what_is_not_there_cannot_be_pinned", what_is_not_there_cannot_be_pinned},
    {"pins_end_with_their_time", pins_end_with_their_time},
    {"pins_end_with_their_blocks", pins_end_with_their_blocks},
    {"segment_of_a_pinned_block_is_not_taken", segment_of_a_pinned_block_is_not_taken},
    {"pinned_while_its_segment_is_taken", pinned_while_its_segment_is_taken},
    {"pinned_end_of_a_prompt", pinned_end_of_a_prompt},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("pins", uakv::test::cases);
}
