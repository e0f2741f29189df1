// Never wrong: whatever others do meanwhile, the bytes of a view are those that were committed under its key.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <atomic>
#include <cstring>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 100'000; // slots of 32 to the segment or fewer: eviction is constant in small memory

constexpr size_t slot_bytes = 4096;

uakv_status retrieve_verified(uakv_space *space, const uakv_key &key, uakv_view *out) {
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.flags = UAKV_VERIFY;
    return uakv_retrieve(space, &key, &options, out);
}

// Stores more than the memory holds, several times, and removes some of it.
void churn(const Daemon &daemon, const char *name, size_t count) {
    Client client(daemon);
    Space space(client);
    for (size_t i = 0; i < count; ++i) {
        const uakv_key key = make_key(name, i);
        CHECK_STATUS(reserve_fill_commit(space, key, block_bytes), UAKV_OK);
        if (i % 3 == 0) {
            CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
        }
    }
}

// Views that are held while their blocks are evicted, removed and stored again by others.
void held_views_do_not_change() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("held", 30);
    std::vector<uakv_view> views(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK_STATUS(store_block(space, keys[i], block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &keys[i], nullptr, &views[i]), UAKV_OK);
    }
    run_child([&] {
        Client other(daemon);
        Space same(other);
        CHECK_STATUS(uakv_remove(same, keys.data(), 10, nullptr), UAKV_OK);
        for (size_t i = 0; i < 5; ++i) {
            CHECK_STATUS(store_block(same, keys[i], block_bytes), UAKV_OK);
        }
        churn(daemon, "churn", 600);
    });
    CHECK(client.statistics().evictions > 100);
    CHECK(count_present(space, keys.data(), keys.size()) < keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
        check_block(views[i].data, views[i].nbytes, keys[i]);
        CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
    }
    await_equal("slots_limbo", 0, [&] { return client.statistics().slots_limbo; });
}

// Reads at random and checks each byte, until told to stop. Counts the hits.
void read_until(const Daemon &daemon, std::atomic<bool> &stop, std::atomic<uint64_t> &hits, uint64_t seed) {
    Client client(daemon);
    Space space(client);
    Random random(seed);
    while (!stop.load()) {
        const uakv_key key = make_key("raced", random.below(200));
        uakv_view view;
        const uakv_status status =
            random.below(2) == 0 ? retrieve_verified(space, key, &view) : uakv_retrieve(space, &key, nullptr, &view);
        if (status == UAKV_MISS) {
            continue;
        }
        CHECK_STATUS(status, UAKV_OK);
        CHECK_EQ(view.nbytes, block_bytes);
        check_block(view.data, view.nbytes, key);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
        hits.fetch_add(1);
    }
}

// Readers race with writers that store, remove and evict the very same keys: 200 keys, room for about 140 of them.
void readers_against_writers() {
    constexpr uint64_t operations = sanitized ? 2000 : 10'000;
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Shared<std::atomic<bool>> stop;
    Shared<std::atomic<uint64_t>> hits;
    std::vector<Child> readers;
    for (uint64_t i = 0; i < 2; ++i) {
        readers.emplace_back([&] { read_until(daemon, *stop, *hits, 77 + i); });
    }
    std::vector<Child> writers;
    for (uint64_t i = 0; i < 2; ++i) {
        writers.emplace_back([&] {
            Client client(daemon);
            Space space(client);
            Random random(i);
            for (uint64_t n = 0; n < operations; ++n) {
                const uakv_key key = make_key("raced", random.below(200));
                if (random.below(4) == 0) {
                    CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
                } else {
                    const uakv_status status = reserve_fill_commit(space, key, block_bytes);
                    CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS, last_error());
                }
            }
        });
    }
    for (Child &writer : writers) {
        writer.join();
    }
    stop->store(true);
    for (Child &reader : readers) {
        reader.join();
    }
    CHECK(hits->load() > 100);
    Client checker(daemon);
    const uakv_statistics statistics = checker.statistics();
    CHECK(statistics.evictions > operations / 200);
    CHECK_EQ(statistics.corruptions, 0);
    await_equal("leases", 0, [&] { return checker.statistics().leases; });
    await_equal("slots_limbo", 0, [&] { return checker.statistics().slots_limbo; });
}

// Looks at the two ends of each block only, so that much of its time goes by between finding a block and holding it.
void read_tightly(const Daemon &daemon, const std::vector<uakv_key> &keys, uint64_t count,
                  std::atomic<uint64_t> &hits) {
    Client client(daemon);
    Space space(client);
    std::vector<std::vector<uint8_t>> blocks;
    blocks.reserve(keys.size());
    for (const uakv_key &key : keys) {
        blocks.push_back(make_block(slot_bytes, key));
    }
    for (uint64_t n = 0; n < count; ++n) {
        const size_t i = n % keys.size();
        uakv_view view;
        if (uakv_retrieve(space, &keys[i], nullptr, &view) == UAKV_OK) {
            const uint8_t *bytes = static_cast<const uint8_t *>(view.data);
            CHECK(std::memcmp(bytes, blocks[i].data(), 8) == 0);
            CHECK(std::memcmp(bytes + slot_bytes - 8, blocks[i].data() + slot_bytes - 8, 8) == 0);
            CHECK_STATUS(uakv_release(&view), UAKV_OK);
            hits.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

// A handful of slots that change hands all the time: a block that was found may be another one when it is held.
void slots_change_hands() {
    Daemon daemon;
    const auto keys = make_keys("handed", 8);
    Shared<std::atomic<uint64_t>> hits;
    Shared<std::atomic<bool>> stop;
    std::vector<Child> writers;
    for (uint64_t seed = 0; seed < 2; ++seed) {
        writers.emplace_back([&, seed] {
            Client client(daemon);
            Space space(client);
            Random random(seed);
            while (!stop->load()) {
                const uakv_key &key = keys[random.below(keys.size())];
                CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_OK);
                const uakv_status status = store_block(space, keys[random.below(keys.size())], slot_bytes);
                CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS, last_error());
            }
        });
    }
    constexpr uint64_t count = sanitized ? 100'000 : 5'000'000;
    Child reader([&] { read_tightly(daemon, keys, count, *hits); });
    Child other_reader([&] { read_tightly(daemon, keys, count, *hits); });
    reader.join();
    other_reader.join();
    stop->store(true);
    for (Child &writer : writers) {
        writer.join();
    }
    CHECK(hits->load() > count / 10);
}

// A writer that breaks its promise and writes after the commit: UAKV_VERIFY finds it, the daemon drops the block.
void corruption_is_found() {
    Daemon daemon;
    Client client(daemon);
    Client writer(daemon);
    Space space(client);
    Space written(writer);
    const uakv_key broken = make_key("broken"), whole = make_key("whole");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(written, &broken, block_bytes, nullptr, &slot), UAKV_OK);
    fill_block(slot.data, block_bytes, broken);
    uint8_t *const bytes = static_cast<uint8_t *>(slot.data);
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    CHECK_STATUS(store_block(space, whole, block_bytes), UAKV_OK);

    uakv_view view;
    CHECK_STATUS(retrieve_verified(space, broken, &view), UAKV_OK);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    bytes[block_bytes - 1] ^= 1;
    CHECK_STATUS(retrieve_verified(space, broken, &view), UAKV_ERR_CORRUPT);
    CHECK(!last_error().empty());
    CHECK_STATUS(retrieve_verified(space, broken, &view), UAKV_MISS);
    CHECK_STATUS(uakv_retrieve(space, &broken, nullptr, &view), UAKV_MISS);
    CHECK(!contains(written, broken));
    CHECK_STATUS(retrieve_verified(space, whole, &view), UAKV_OK);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    const uakv_statistics statistics = client.statistics();
    CHECK_EQ(statistics.corruptions, 1);
    CHECK_EQ(statistics.blocks, 1);
    CHECK_EQ(statistics.leases, 0);

    CHECK_STATUS(store_block(space, broken, block_bytes), UAKV_OK);
    check_stored(written, broken, block_bytes);
}

// The same through uakv_retrieve_into: nothing of a corrupt block reaches the caller as if it were good.
void corruption_is_found_when_copied() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("broken");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(space, &key, block_bytes, nullptr, &slot), UAKV_OK);
    fill_block(slot.data, block_bytes, key);
    uint8_t *const bytes = static_cast<uint8_t *>(slot.data);
    CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
    bytes[0] ^= 0x80;
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.flags = UAKV_VERIFY;
    std::vector<uint8_t> copy(block_bytes);
    size_t n = 77;
    CHECK_STATUS(uakv_retrieve_into(space, &key, copy.data(), copy.size(), &n, &options), UAKV_ERR_CORRUPT);
    CHECK_EQ(n, 77);
    CHECK_STATUS(uakv_retrieve_into(space, &key, copy.data(), copy.size(), &n, &options), UAKV_MISS);
    CHECK_EQ(client.statistics().corruptions, 1);
}

constexpr Case cases[] = {
    {"held_views_do_not_change", held_views_do_not_change},
    {"readers_against_writers", readers_against_writers},
    {"slots_change_hands", slots_change_hands},
    {"corruption_is_found", corruption_is_found},
    {"corruption_is_found_when_copied", corruption_is_found_when_copied},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("never_wrong", uakv::test::cases);
}
