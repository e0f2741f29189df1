// Who leaves when the memory is full: the least recently used, leaves before what they hang on; and each size of block
// finds room, whatever the sizes before it were.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

namespace uakv::test {
namespace {

constexpr size_t memory_bytes = 32 << 20;
constexpr size_t block_bytes = 64 << 10; // 512 of them fill the memory

DaemonOptions small_daemon() {
    DaemonOptions options;
    options.memory = "32MiB";
    return options;
}

void oldest_leave() {
    constexpr size_t count = 3 * memory_bytes / block_bytes;
    Daemon daemon(small_daemon());
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("block", count);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK(contains(space, key));
    }
    const size_t present = count_present(space, keys.data(), count);
    CHECK(present * block_bytes <= memory_bytes);
    CHECK(present * block_bytes >= memory_bytes / 2);
    CHECK_EQ(count_present(space, keys.data() + count - present / 2, present / 2), present / 2);
    CHECK_EQ(count_present(space, keys.data(), count - memory_bytes / block_bytes), 0);
    const uakv_statistics statistics = client.statistics();
    CHECK_EQ(statistics.blocks, present);
    CHECK_EQ(statistics.evictions, count - present);
    CHECK_EQ(statistics.bytes_evicted, (count - present) * block_bytes);
    CHECK_EQ(statistics.no_space, 0);
    CHECK(statistics.bytes_memory <= memory_bytes);
    for (size_t i = count - present / 2; i < count; ++i) {
        check_stored(space, keys[i], block_bytes);
    }
}

// What is read again and again stays, however old it is.
void used_ones_stay() {
    constexpr size_t count = 3 * memory_bytes / block_bytes;
    Daemon daemon(small_daemon());
    Client client(daemon);
    Space space(client);
    const auto used = make_keys("used", 50);
    for (const uakv_key &key : used) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    for (size_t i = 0; i < count; ++i) {
        CHECK_STATUS(store_block(space, make_key("passing", i), block_bytes), UAKV_OK);
        check_stored(space, used[i % used.size()], block_bytes);
    }
    CHECK_EQ(count_present(space, used.data(), used.size()), used.size());
    CHECK(client.statistics().evictions > count / 2);
}

// Stores block i of a chain as an engine does: where the one before it is still there, and held meanwhile.
void extend(uakv_space *space, const std::vector<uakv_key> &chain, size_t i) {
    if (i == 0) {
        CHECK_STATUS(store_block(space, chain[0], block_bytes), UAKV_OK);
        return;
    }
    uakv_view view;
    const uakv_status status = uakv_retrieve(space, &chain[i - 1], nullptr, &view);
    if (status != UAKV_MISS) {
        CHECK_STATUS(status, UAKV_OK);
        CHECK_STATUS(store_block(space, chain[i], block_bytes, &chain[i - 1]), UAKV_OK);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
}

// Blocks are stored round by round, so that by age alone every chain would lose its beginning first.
void chains_have_no_holes() {
    constexpr size_t chains = 96;
    constexpr size_t length = 16; // 1536 blocks: three times the memory
    Daemon daemon(small_daemon());
    Client client(daemon);
    Space space(client);
    std::vector<std::vector<uakv_key>> keys;
    for (size_t chain = 0; chain < chains; ++chain) {
        keys.push_back(make_keys("chain " + std::to_string(chain), length));
    }
    for (size_t i = 0; i < length; ++i) {
        for (const auto &chain : keys) {
            extend(space, chain, i);
        }
        for (const auto &chain : keys) {
            size_t matched = 0;
            CHECK_STATUS(uakv_match_prefix(space, chain.data(), length, &matched, nullptr), UAKV_OK);
            CHECK_EQ(count_present(space, chain.data(), length), matched);
        }
    }
    CHECK(client.statistics().evictions > 100);
}

// Chains stored whole, one after the other: each store_many sets the parents by itself.
void whole_chains_leave_from_their_ends() {
    constexpr size_t length = 40;
    constexpr size_t chains = 3 * memory_bytes / block_bytes / length;
    Daemon daemon(small_daemon());
    Client client(daemon);
    Space space(client);
    for (size_t chain = 0; chain < chains; ++chain) {
        const auto keys = make_keys("chain " + std::to_string(chain), length);
        std::vector<std::vector<uint8_t>> blocks;
        std::vector<const void *> data;
        for (const uakv_key &key : keys) {
            blocks.push_back(make_block(block_bytes, key));
            data.push_back(blocks.back().data());
        }
        const std::vector<size_t> lengths(length, block_bytes);
        CHECK_STATUS(uakv_store_many(space, keys.data(), data.data(), lengths.data(), length, nullptr), UAKV_OK);
    }
    size_t cut = 0;
    for (size_t chain = 0; chain < chains; ++chain) {
        const auto keys = make_keys("chain " + std::to_string(chain), length);
        size_t matched = 0;
        CHECK_STATUS(uakv_match_prefix(space, keys.data(), length, &matched, nullptr), UAKV_OK);
        CHECK_EQ(count_present(space, keys.data(), length), matched);
        cut += matched < length ? 1 : 0;
    }
    CHECK(cut > chains / 2);
}

// A beginning that many prompts share outlives all of its branches.
void shared_beginnings_stay() {
    Daemon daemon(small_daemon());
    Client client(daemon);
    Space space(client);
    const auto beginning = make_keys("beginning", 8);
    for (size_t i = 0; i < beginning.size(); ++i) {
        CHECK_STATUS(store_block(space, beginning[i], block_bytes, i > 0 ? &beginning[i - 1] : nullptr), UAKV_OK);
    }
    for (size_t i = 0; i < 3 * memory_bytes / block_bytes; ++i) {
        CHECK_STATUS(store_block(space, make_key("branch", i), block_bytes, &beginning.back()), UAKV_OK);
    }
    CHECK_EQ(count_present(space, beginning.data(), beginning.size()), beginning.size());
}

void fill(uakv_space *space, const char *name, size_t bytes) {
    for (size_t i = 0; i < 2 * memory_bytes / bytes; ++i) {
        const uakv_key key = make_key(name, i);
        CHECK_STATUS(store_block(space, key, bytes), UAKV_OK);
        check_stored(space, key, bytes);
    }
}

// A size that has no segment left takes over those of others.
void sizes_take_turns() {
    Daemon daemon(small_daemon());
    Client client(daemon);
    Space space(client);
    fill(space, "small", 4096);
    fill(space, "large", 2 << 20);
    fill(space, "odd", 150'000);
    fill(space, "small again", 4096);
    fill(space, "middle", 700'000);
    const uakv_statistics statistics = client.statistics();
    CHECK_EQ(statistics.no_space, 0);
    CHECK(statistics.bytes_blocks > memory_bytes / 4);
    CHECK(statistics.bytes_memory <= memory_bytes);
}

// Many sizes at once, more of them than the memory has segments.
void all_sizes_at_once() {
    Daemon daemon(small_daemon());
    Client client(daemon);
    Space space(client);
    Random random(5);
    for (size_t i = 0; i < 1500; ++i) {
        const size_t n = 1 + random.below(uint64_t{1} << (12 + random.below(10)));
        const uakv_key key = make_key("any", i);
        CHECK_STATUS(store_block(space, key, n), UAKV_OK);
        check_stored(space, key, n);
    }
    CHECK_EQ(client.statistics().no_space, 0);
}

// More sizes than there are segments (8), and each store leaves a slot of its size granted ahead: none of these may
// keep the next size out.
void more_sizes_than_segments() {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    client.await_populated();
    for (size_t round = 0; round < 3; ++round) {
        for (size_t pages = 1; pages <= 16; ++pages) {
            const uakv_key key = make_key("sizes", 100 * round + pages);
            CHECK_STATUS(store_block(space, key, pages * 4096), UAKV_OK);
            check_stored(space, key, pages * 4096);
        }
    }
    CHECK_EQ(client.statistics().no_space, 0);
}

// A daemon that has just started allocates its memory still: a store waits for that, and nothing leaves for it.
void not_while_memory_is_coming() {
    DaemonOptions options;
    options.memory = "256MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("early", 2000); // half of it
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    CHECK_EQ(client.statistics().evictions, 0);
    CHECK_EQ(count_present(space, keys.data(), keys.size()), keys.size());
}

constexpr Case cases[] = {
    {"oldest_leave", oldest_leave},
    {"used_ones_stay", used_ones_stay},
    {"chains_have_no_holes", chains_have_no_holes},
    {"whole_chains_leave_from_their_ends", whole_chains_leave_from_their_ends},
    {"shared_beginnings_stay", shared_beginnings_stay},
    {"sizes_take_turns", sizes_take_turns},
    {"all_sizes_at_once", all_sizes_at_once},
    {"more_sizes_than_segments", more_sizes_than_segments},
    {"not_while_memory_is_coming", not_while_memory_is_coming},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("eviction", uakv::test::cases);
}
