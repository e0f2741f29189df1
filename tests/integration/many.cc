// The calls for many blocks at once, prefixes, and spaces beside each other.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <cstring>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 5000;

// count blocks by uakv_store_many, from `first` on.
uakv_status store_many(uakv_space *space, const std::vector<uakv_key> &keys, size_t first, size_t count,
                       uakv_status *each) {
    std::vector<std::vector<uint8_t>> blocks;
    std::vector<const void *> data;
    std::vector<size_t> lengths;
    for (size_t i = first; i < first + count; ++i) {
        blocks.push_back(make_block(block_bytes + i, keys[i]));
        data.push_back(blocks.back().data());
        lengths.push_back(block_bytes + i);
    }
    return uakv_store_many(space, keys.data() + first, data.data(), lengths.data(), count, each);
}

void store_and_retrieve_many() {
    constexpr size_t count = 700; // more than fit into the rings at once
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("many", count);
    CHECK_STATUS(store_block(space, keys[3], block_bytes + 3), UAKV_OK);
    std::vector<uakv_status> each(count, 99);
    CHECK_STATUS(store_many(space, keys, 0, count, each.data()), UAKV_OK);
    for (size_t i = 0; i < count; ++i) {
        CHECK_STATUS(each[i], i == 3 ? UAKV_EXISTS : UAKV_OK);
    }
    run_child([&] {
        Client other(daemon);
        Space same(other);
        std::vector<uakv_view> views(count);
        std::vector<uakv_status> found(count, 99);
        CHECK_STATUS(uakv_retrieve_many(same, keys.data(), count, views.data(), found.data()), UAKV_OK);
        CHECK_EQ(other.statistics().leases, count);
        for (size_t i = 0; i < count; ++i) {
            CHECK_STATUS(found[i], UAKV_OK);
            CHECK_EQ(views[i].nbytes, block_bytes + i);
            CHECK_EQ(views[i].tier, UAKV_TIER_HOST);
            check_block(views[i].data, views[i].nbytes, keys[i]);
            CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
        }
    });
}

void some_are_missing() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("some", 6);
    CHECK_STATUS(store_many(space, keys, 0, 3, nullptr), UAKV_OK);
    uakv_view views[6];
    std::memset(static_cast<void *>(views), 0xff, sizeof views);
    uakv_status each[6];
    CHECK_STATUS(uakv_retrieve_many(space, keys.data(), 6, views, each), UAKV_MISS);
    const uakv_view nothing = {};
    for (size_t i = 0; i < 6; ++i) {
        CHECK_STATUS(each[i], i < 3 ? UAKV_OK : UAKV_MISS);
        if (i < 3) {
            check_block(views[i].data, views[i].nbytes, keys[i]);
            CHECK_STATUS(uakv_release(&views[i]), UAKV_OK);
        } else {
            CHECK(std::memcmp(&views[i], &nothing, sizeof nothing) == 0);
        }
    }
    CHECK_EQ(client.statistics().leases, 0);
}

// One block of many that cannot be stored: the others are, and the first error is returned.
void one_fails() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("one fails", 3);
    const std::vector<uint8_t> large(3 << 20);
    const std::vector<uint8_t> first = make_block(block_bytes, keys[0]), last = make_block(block_bytes, keys[2]);
    const void *data[] = {first.data(), large.data(), last.data()};
    const size_t lengths[] = {block_bytes, large.size(), block_bytes};
    uakv_status each[3];
    CHECK_STATUS(uakv_store_many(space, keys.data(), data, lengths, 3, each), UAKV_ERR_TOO_LARGE);
    CHECK_STATUS(each[0], UAKV_OK);
    CHECK_STATUS(each[1], UAKV_ERR_TOO_LARGE);
    CHECK_STATUS(each[2], UAKV_OK);
    check_stored(space, keys[0], block_bytes);
    check_stored(space, keys[2], block_bytes);
    await_equal("no slot is left behind by the failed one", 2, [&] { return client.statistics().blocks; });
}

void prefixes() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const auto keys = make_keys("prefix", 512);
    size_t matched = 99;
    CHECK_STATUS(uakv_match_prefix(space, keys.data(), 512, &matched, nullptr), UAKV_OK);
    CHECK_EQ(matched, 0);
    CHECK_STATUS(store_many(space, keys, 0, 400, nullptr), UAKV_OK);
    CHECK_STATUS(store_many(space, keys, 401, 100, nullptr), UAKV_OK);
    run_child([&] {
        Client other(daemon);
        Space same(other);
        std::vector<uint8_t> tiers(512, 0xff);
        size_t length = 99;
        CHECK_STATUS(uakv_match_prefix(same, keys.data(), 512, &length, tiers.data()), UAKV_OK);
        CHECK_EQ(length, 400);
        for (size_t i = 0; i < length; ++i) {
            CHECK_EQ(+tiers[i], UAKV_TIER_HOST);
        }
        CHECK_STATUS(uakv_match_prefix(same, keys.data(), 10, &length, nullptr), UAKV_OK);
        CHECK_EQ(length, 10);
        CHECK_STATUS(uakv_match_prefix(same, keys.data() + 400, 100, &length, nullptr), UAKV_OK);
        CHECK_EQ(length, 0);
        CHECK_EQ(count_present(same, keys.data(), 512), 500);
    });
}

void nothing_to_do() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    size_t number = 99;
    CHECK_STATUS(uakv_store_many(space, nullptr, nullptr, nullptr, 0, nullptr), UAKV_OK);
    CHECK_STATUS(uakv_retrieve_many(space, nullptr, 0, nullptr, nullptr), UAKV_OK);
    CHECK_STATUS(uakv_contains(space, nullptr, 0, nullptr), UAKV_OK);
    CHECK_STATUS(uakv_match_prefix(space, nullptr, 0, &number, nullptr), UAKV_OK);
    CHECK_EQ(number, 0);
    number = 99;
    CHECK_STATUS(uakv_remove(space, nullptr, 0, &number), UAKV_OK);
    CHECK_EQ(number, 0);
}

// One key in two spaces: two blocks.
void spaces_are_apart() {
    Daemon daemon;
    Client client(daemon);
    Space left(client, "left");
    Space right(client, "right");
    Space again(client, "left");
    const uakv_key key = make_key("key");
    CHECK_STATUS(store_block(left, key, 100), UAKV_OK);
    CHECK(contains(left, key) && contains(again, key) && !contains(right, key));
    CHECK_STATUS(store_block(right, key, 200), UAKV_OK);
    CHECK_STATUS(uakv_remove(left, &key, 1, nullptr), UAKV_OK);
    CHECK(!contains(again, key));
    check_stored(right, key, 200);
    CHECK_EQ(client.statistics().spaces, 2);
}

// The blocks of a space with a layout have exactly its length.
void layouts() {
    Daemon daemon;
    Client client(daemon);
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.layout = {UAKV_DTYPE_BF16, 3, {2, 16, 64}, {UAKV_AXIS_KV, UAKV_AXIS_TOKEN, UAKV_AXIS_CHANNEL}};
    constexpr size_t bytes = 2 * 16 * 64 * 2;
    Space space(client, "shaped", &options);
    const uakv_key key = make_key("shaped");
    CHECK_STATUS(store_block(space, key, bytes - 2), UAKV_ERR_LAYOUT);
    CHECK_STATUS(store_block(space, key, bytes + 2), UAKV_ERR_LAYOUT);
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(space, &key, bytes / 2, nullptr, &slot), UAKV_ERR_LAYOUT);
    CHECK_STATUS(store_block(space, key, bytes), UAKV_OK);
    run_child([&] {
        Client other(daemon);
        Space same(other, "shaped", &options);
        check_stored(same, key, bytes);
    });
    options.layout = {};
    options.block_bytes = 1000;
    Space limited(client, "limited", &options);
    CHECK_STATUS(store_block(limited, key, 1001), UAKV_ERR_TOO_LARGE);
    CHECK_STATUS(store_block(limited, key, 999), UAKV_OK);
    check_stored(limited, key, 999);
}

constexpr Case cases[] = {
    {"store_and_retrieve_many", store_and_retrieve_many},
    {"some_are_missing", some_are_missing},
    {"one_fails", one_fails},
    {"prefixes", prefixes},
    {"nothing_to_do", nothing_to_do},
    {"spaces_are_apart", spaces_are_apart},
    {"layouts", layouts},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("many", uakv::test::cases);
}
