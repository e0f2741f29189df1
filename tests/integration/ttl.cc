// Blocks with a lifetime leave when it is over, and not before.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <chrono>

namespace uakv::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t block_bytes = 10'000;
constexpr uint32_t ttl_ms = 300;

uakv_status store_for(uakv_space *space, const uakv_key &key, uint32_t milliseconds) {
    const std::vector<uint8_t> block = make_block(block_bytes, key);
    uakv_store_options options = {};
    options.struct_size = sizeof options;
    options.ttl_ms = milliseconds;
    return uakv_store(space, &key, block.data(), block.size(), &options);
}

// The block is there until its time is over.
void check_lifetime(uakv_space *space, const uakv_key &key, Clock::time_point begin) {
    await("the block expires", [&] {
        const bool present = contains(space, key);
        const bool early = Clock::now() < begin + std::chrono::milliseconds(ttl_ms - 1); // clocks are cut to 1 ms
        CHECK_MESSAGE(present || !early, "the block left before its time");
        return !present;
    });
}

void of_a_block() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("short"), kept = make_key("kept"), other = make_key("long");
    CHECK_STATUS(store_block(space, kept, block_bytes), UAKV_OK);
    CHECK_STATUS(store_for(space, other, 600'000), UAKV_OK);
    const Clock::time_point begin = Clock::now();
    CHECK_STATUS(store_for(space, key, ttl_ms), UAKV_OK);
    check_lifetime(space, key, begin);
    CHECK(!check_stored_or_missing(space, key, block_bytes));
    const uakv_key prefix[] = {kept, key, other};
    size_t matched = 0;
    CHECK_STATUS(uakv_match_prefix(space, prefix, 3, &matched, nullptr), UAKV_OK);
    CHECK_EQ(matched, 1);
    await_equal("expirations", 1, [&] { return client.statistics().expirations; });
    CHECK_EQ(client.statistics().blocks, 2);
    check_stored(space, kept, block_bytes);
    check_stored(space, other, block_bytes);
}

void of_a_space() {
    Daemon daemon;
    Client client(daemon);
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.ttl_ms = ttl_ms;
    Space space(client, "short-lived", &options);
    const uakv_key key = make_key("short"), longer = make_key("longer");
    const Clock::time_point begin = Clock::now();
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    CHECK_STATUS(store_for(space, longer, 600'000), UAKV_OK);
    check_lifetime(space, key, begin);
    check_stored(space, longer, block_bytes);
}

// Once expired, a key is free again; the daemon may not even have noticed yet.
void stored_again() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("again");
    for (int round = 0; round < 3; ++round) {
        const Clock::time_point begin = Clock::now();
        CHECK_STATUS(store_for(space, key, ttl_ms), UAKV_OK);
        check_lifetime(space, key, begin);
    }
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    check_stored(space, key, block_bytes);
    await_equal("expirations", 3, [&] { return client.statistics().expirations; });
    CHECK_EQ(client.statistics().blocks, 1);
}

void views_outlive_it() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("held");
    uakv_view view;
    uakv_status status = UAKV_MISS;
    while (status == UAKV_MISS) { // on a machine that is busy it may expire before we hold it
        CHECK_STATUS(store_for(space, key, ttl_ms), UAKV_OK);
        status = uakv_retrieve(space, &key, nullptr, &view);
    }
    CHECK_STATUS(status, UAKV_OK);
    await("the block expires", [&] { return !contains(space, key); });
    await("the daemon has dropped it", [&] { return client.statistics().blocks == 0; });
    CHECK_EQ(client.statistics().slots_limbo, 1);
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    await_equal("slots_limbo", 0, [&] { return client.statistics().slots_limbo; });
}

constexpr Case cases[] = {
    {"of_a_block", of_a_block},
    {"of_a_space", of_a_space},
    {"stored_again", stored_again},
    {"views_outlive_it", views_outlive_it},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ttl", uakv::test::cases);
}
