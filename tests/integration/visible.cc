// Stored means visible: what one process committed, every other process finds.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <atomic>
#include <cstring>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 10000; // no multiple of a page or of a word

void both_ways() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto ours = make_keys("ours", 20);
    const auto theirs = make_keys("theirs", 20);
    for (const uakv_key &key : ours) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    run_child([&] {
        Client other(daemon);
        Space same(other);
        for (const uakv_key &key : ours) {
            check_stored(same, key, block_bytes);
        }
        for (const uakv_key &key : theirs) {
            CHECK_STATUS(reserve_fill_commit(same, key, block_bytes), UAKV_OK);
        }
    });
    for (const uakv_key &key : theirs) {
        check_stored(space, key, block_bytes);
    }
}

// The reader looks for each block as soon as the writer's store has returned.
void at_once() {
    constexpr uint64_t count = 1000;
    Daemon daemon;
    Shared<std::atomic<uint64_t>> stored;
    Child writer([&] {
        Client client(daemon);
        Space space(client);
        for (uint64_t i = 0; i < count; ++i) {
            CHECK_STATUS(store_block(space, make_key("at once", i), block_bytes), UAKV_OK);
            stored->store(i + 1);
        }
    });
    Client client(daemon);
    Space space(client);
    for (uint64_t seen = 0; seen < count; ++seen) {
        await("the writer stores", [&] { return stored->load() > seen; });
        check_stored(space, make_key("at once", seen), block_bytes);
    }
    writer.join();
}

void not_before_commit() {
    Daemon daemon;
    Client client(daemon);
    Client other(daemon);
    Space space(client);
    Space same(other);
    const uakv_key kept = make_key("kept");
    const uakv_key dropped = make_key("dropped");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(space, &kept, block_bytes, nullptr, &slot), UAKV_OK);
    CHECK_EQ(reinterpret_cast<uintptr_t>(slot.data) % 4096, 0);
    fill_block(slot.data, block_bytes, kept);
    CHECK(!contains(space, kept) && !contains(same, kept));
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    check_stored(space, kept, block_bytes);
    check_stored(same, kept, block_bytes);

    CHECK_STATUS(uakv_reserve(space, &dropped, block_bytes, nullptr, &slot), UAKV_OK);
    fill_block(slot.data, block_bytes, dropped);
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    CHECK(!contains(space, dropped) && !contains(same, dropped));
    CHECK(!check_stored_or_missing(same, dropped, block_bytes));
}

void first_commit_wins() {
    Daemon daemon;
    Client client(daemon);
    Client other(daemon);
    Space space(client);
    Space same(other);
    const uakv_key key = make_key("one");
    uakv_slot first, second;
    CHECK_STATUS(uakv_reserve(space, &key, block_bytes, nullptr, &first), UAKV_OK);
    CHECK_STATUS(uakv_reserve(same, &key, block_bytes, nullptr, &second), UAKV_OK);
    fill_block(first.data, block_bytes, key);
    std::memset(second.data, 0xee, block_bytes);
    CHECK_STATUS(uakv_commit(&first), UAKV_OK);
    CHECK_STATUS(uakv_commit(&second), UAKV_EXISTS);
    check_stored(same, key, block_bytes);

    CHECK_STATUS(uakv_reserve(same, &key, block_bytes, nullptr, &second), UAKV_EXISTS);
    CHECK_STATUS(store_block(same, key, block_bytes), UAKV_EXISTS);
    check_stored(space, key, block_bytes);
    CHECK_EQ(client.statistics().blocks, 1);
    CHECK_EQ(client.statistics().stores, 1);
}

void lengths() {
    Daemon daemon; // 64 MiB: segments, and so the largest blocks, of 2 MiB
    Client client(daemon);
    Space space(client);
    constexpr size_t largest = 2 << 20;
    const size_t lengths[] = {1, 7, 4095, 4096, 4097, 65536, 100001, 1 << 20, (1 << 20) + 1, largest};
    for (const size_t n : lengths) {
        CHECK_STATUS(store_block(space, make_key("length", n), n), UAKV_OK);
    }
    run_child([&] {
        Client other(daemon);
        Space same(other);
        for (const size_t n : lengths) {
            check_stored(same, make_key("length", n), n);
        }
    });
    CHECK_STATUS(store_block(space, make_key("length", largest + 1), largest + 1), UAKV_ERR_TOO_LARGE);
}

void copied_out() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("copy");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    std::vector<uint8_t> out(block_bytes + 1, 0x55);
    size_t n = 0;
    CHECK_STATUS(uakv_retrieve_into(space, &key, out.data(), out.size(), &n, nullptr), UAKV_OK);
    CHECK_EQ(n, block_bytes);
    check_block(out.data(), n, key);
    CHECK_EQ(out.back(), 0x55);

    std::vector<uint8_t> small(block_bytes - 1, 0x55);
    n = 0;
    CHECK_STATUS(uakv_retrieve_into(space, &key, small.data(), small.size(), &n, nullptr), UAKV_ERR_TOO_LARGE);
    CHECK_EQ(n, block_bytes);
    CHECK(small == std::vector<uint8_t>(block_bytes - 1, 0x55));
    const uakv_key absent = make_key("absent");
    CHECK_STATUS(uakv_retrieve_into(space, &absent, out.data(), out.size(), nullptr, nullptr), UAKV_MISS);
}

void removed() {
    Daemon daemon;
    Client client(daemon);
    Client other(daemon);
    Space space(client);
    Space same(other);
    const auto keys = make_keys("removed", 10);
    for (size_t i = 0; i < 8; ++i) {
        CHECK_STATUS(store_block(space, keys[i], block_bytes), UAKV_OK);
    }
    size_t removed = 99;
    CHECK_STATUS(uakv_remove(same, keys.data() + 5, 5, &removed), UAKV_OK);
    CHECK_EQ(removed, 3);
    CHECK_EQ(count_present(space, keys.data(), 10), 5);
    CHECK(!check_stored_or_missing(space, keys[5], block_bytes));
    CHECK_STATUS(store_block(same, keys[5], block_bytes), UAKV_OK);
    check_stored(space, keys[5], block_bytes);
    CHECK_STATUS(uakv_remove(space, keys.data(), 10, nullptr), UAKV_OK);
    CHECK_EQ(count_present(same, keys.data(), 10), 0);
    const uakv_statistics statistics = client.statistics();
    CHECK_EQ(statistics.removals, 9);
    CHECK_EQ(statistics.blocks, 0);
    CHECK_EQ(statistics.bytes_blocks, 0);
}

void counted() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("counted", 5);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        check_stored(space, key, block_bytes);
    }
    check_stored(space, keys[0], block_bytes);
    CHECK_STATUS(store_block(space, keys[0], block_bytes), UAKV_EXISTS);
    CHECK(!check_stored_or_missing(space, make_key("other"), block_bytes));
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &keys[0], nullptr, &view), UAKV_OK);
    const uakv_statistics statistics = client.statistics();
    CHECK_EQ(statistics.clients, 1);
    CHECK_EQ(statistics.spaces, 1);
    CHECK_EQ(statistics.blocks, 5);
    CHECK_EQ(statistics.bytes_blocks, 5 * block_bytes);
    CHECK_EQ(statistics.stores, 5);
    CHECK_EQ(statistics.bytes_stored, 5 * block_bytes);
    CHECK_EQ(statistics.hits, 7);
    CHECK_EQ(statistics.bytes_hit, 7 * block_bytes);
    CHECK_EQ(statistics.misses, 1);
    CHECK_EQ(statistics.leases, 1);
    CHECK_EQ(statistics.bytes_capacity, 64 << 20);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK_EQ(client.statistics().leases, 0);
    // What a client did still counts when it has gone.
    client.disconnect();
    space.forget();
    Client later(daemon);
    await_equal("the hits of a client that left", 7, [&] { return later.statistics().hits; });
}

constexpr Case cases[] = {
    {"both_ways", both_ways},
    {"at_once", at_once},
    {"not_before_commit", not_before_commit},
    {"first_commit_wins", first_commit_wins},
    {"lengths", lengths},
    {"copied_out", copied_out},
    {"removed", removed},
    {"counted", counted},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("visible", uakv::test::cases);
}
