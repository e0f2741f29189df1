// What the store tells of itself: single blocks, lists of them, why one is not there, and what clients hold.
#include "ipc/clock.h"
#include "store_bench.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace uakv::test {
namespace {

bool same(const uakv_key &key, std::uint64_t number) {
    const uakv_key other = sample_key(number);
    return std::memcmp(&key, &other, sizeof key) == 0;
}

void check_why(Bench &store, std::uint64_t number, Departure why, SpaceId space = 0) {
    const auto past = store->departed(space, sample_key(number));
    CHECK(past && past->why == why);
    CHECK(past->left_ms >= store->history_from_ms() && past->left_ms <= boot_ms());
    CHECK(!store->describe_block(space, sample_key(number)));
}

void reasons_are_remembered() {
    const std::uint64_t before_ms = boot_ms();
    Bench store;
    CHECK(store->history_from_ms() >= before_ms && store->history_from_ms() <= boot_ms());
    CHECK(!store->departed(0, sample_key(0)));
    Store::CommitRequest other;
    other.space = 1;
    store.put(0, big, other);
    store.put(1, big);
    const SlotRef damaged = store.put(2, big);
    Store::CommitRequest brief;
    brief.ttl_ms = 1;
    store.put(3, big, brief);
    await("it is due", [&] { return boot_ms() > store->next_expiry_ms(); });
    store->expire();
    CHECK(store->remove(0, sample_key(1)));
    store.at(damaged)[0] ^= std::byte{1};
    CHECK(store->drop_if_corrupt(0, sample_key(2)));
    EntryId cursor = 0;
    std::uint64_t removed = 0;
    CHECK(store->clear_some(1, cursor, 1000, removed));
    store->maintain();
    check_why(store, 0, Departure::cleared, 1);
    check_why(store, 1, Departure::removed);
    check_why(store, 2, Departure::corrupt);
    check_why(store, 3, Departure::expired);
    CHECK(!store->departed(0, sample_key(0))); // was of another space
    store.put_big(all_big + 1, 100);
    check_why(store, 100, Departure::evicted);
    CHECK_EQ(store.statistics().evictions_rebalance, 0);
    store.put(200, segment_bytes);
    check_why(store, 104, Departure::rebalanced);
    CHECK_EQ(store.statistics().evictions, 5);
    CHECK_EQ(store.statistics().evictions_rebalance, 4);
    CHECK_EQ(store.statistics().bytes_evicted, 5 * big);
    store.put(1, big);
    CHECK(store->describe_block(0, sample_key(1)).has_value()); // stored again: that counts
}

void block_is_described() {
    Bench store;
    const SlotRef slot = store.put(0, 10'000);
    Store::CommitRequest request;
    request.parent = sample_key(0);
    request.ttl_ms = 1'000'000;
    const std::uint64_t before_ms = boot_ms();
    store.put(1, big, request);
    const auto first = store->describe_block(0, sample_key(0));
    CHECK(first && same(first->key, 0) && !first->parent && !first->pinned);
    CHECK_EQ(first->bytes, 10'000);
    CHECK_EQ(first->segment, slot.segment);
    CHECK_EQ(first->expires_ms, UINT64_MAX);
    CHECK_EQ(first->leases, 0);
    store->reconfigure({.memory_bytes = 0, .pinned_bytes_max = big});
    CHECK_STATUS(store->pin(0, sample_key(1), UAKV_PIN_FOREVER), UAKV_OK);
    store.lease(0, 1);
    store.lease(5, 1);
    store.session().leases[3] = make_lease(store.find(1)->id, store.find(1)->generation + 2); // not its
    const auto second = store->describe_block(0, sample_key(1));
    CHECK(second && second->parent && same(*second->parent, 0) && second->pinned);
    CHECK(second->expires_ms >= before_ms + 1'000'000 && second->expires_ms <= boot_ms() + 1'000'000);
    CHECK_EQ(second->leases, 2);
    CHECK(!store->describe_block(0, sample_key(2)));
    CHECK(!store->describe_block(1, sample_key(0)));
}

void blocks_are_listed_in_pages() {
    Bench store;
    Store::CommitRequest other;
    other.space = 2;
    for (std::uint64_t i = 0; i < 10; ++i) {
        store.put(i, 1);
        store.put(i, 1, other);
    }
    store.lease(0, 7);
    CHECK(store->remove(0, sample_key(3)));
    std::vector<BlockReport> blocks{BlockReport{}}; // what is there stays
    std::optional<EntryId> cursor = 0;
    for (std::size_t pages = 0; cursor; ++pages) {
        const std::size_t before = blocks.size();
        cursor = store->list_blocks(0, *cursor, 4, blocks);
        CHECK_EQ(blocks.size() - before, cursor ? 4 : 1);
        CHECK(pages < 3);
    }
    CHECK_EQ(blocks.size(), 10);
    for (std::uint64_t i = 0; i < 10; ++i) {
        const auto found =
            std::find_if(blocks.begin() + 1, blocks.end(), [&](const auto &b) { return same(b.key, i); });
        CHECK_EQ(found != blocks.end(), i != 3);
        CHECK(found == blocks.end() || found->leases == (i == 7 ? 1 : 0));
    }
    blocks.clear();
    CHECK(!store->list_blocks(0, UINT32_MAX, 4, blocks)); // from a client
    CHECK(!store->list_blocks(5, 0, 4, blocks));
    CHECK(blocks.empty());
}

// Each block counts once, however many views there are; what is no lease counts for nothing.
void leased_bytes_are_those_of_blocks() {
    Bench store;
    CHECK_EQ(store->leased_bytes(store.session()), 0);
    store.put(0, big);
    store.put(1, 5000);
    store.put(2, 1);
    store.lease(0, 0);
    store.lease(1, 0);
    store.lease(9, 1);
    store.session().leases[2] = UINT64_MAX;
    store.session().leases[3] = make_lease(store.find(2)->id, store.find(2)->generation - 2);
    store.session().leases[4] = make_lease(1000, 2);
    CHECK_EQ(store->leased_bytes(store.session()), big + 5000);
    CHECK_EQ(store.statistics().bytes_leased, big + 5000);
    CHECK_EQ(store.statistics().leases, 6);
    CHECK(store->remove(0, sample_key(0)));
    store->maintain();
    CHECK(store->has_limbo()); // its memory is not free while it is read
    CHECK_EQ(store->leased_bytes(store.session()), big + 5000);
    const std::uint64_t word = store.session().leases[0];
    lease_end(store.session(), 0);
    lease_end(store.session(), 1);
    store->revisit_limbo();
    store.session().leases[0] = word; // of a block that is gone for good
    CHECK_EQ(store->leased_bytes(store.session()), 5000);
    CHECK_EQ(store.statistics().bytes_leased, 5000);
}

void spaces_are_counted() {
    Bench store;
    CHECK_EQ(store->space_counters(7).blocks, 0);
    CHECK_EQ(store->space_counters(UINT32_MAX).bytes, 0);
    Store::CommitRequest other;
    other.space = 7;
    store.put(0, 5000, other);
    store.put(1, 100, other);
    store.put(1, big);
    CHECK_EQ(store->space_counters(7).blocks, 2);
    CHECK_EQ(store->space_counters(7).bytes, 5100);
    CHECK(store->remove(7, sample_key(0)));
    CHECK_EQ(store->space_counters(7).bytes, 100);
    CHECK_EQ(store->space_counters(0).bytes, big);
    store.put_big(2 * all_big, 100);
    CHECK_EQ(store->space_counters(0).bytes, store.statistics().bytes_blocks - store->space_counters(7).bytes);
}

constexpr Case cases[] = {
    {"reasons_are_remembered", reasons_are_remembered},
    {"block_is_described", block_is_described},
    {"blocks_are_listed_in_pages", blocks_are_listed_in_pages},
    {"leased_bytes_are_those_of_blocks", leased_bytes_are_those_of_blocks},
    {"spaces_are_counted", spaces_are_counted},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("store_report", uakv::test::cases);
}
