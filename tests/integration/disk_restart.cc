// The cache outlives its daemon: what was stored is found by the next one, after a stop and, where it was flushed,
// after a kill.
#include "disk_blocks.h"

#include <optional>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 300'000;
constexpr size_t more_than_memory = 400; // 120 MB, in a memory of 64 MiB

size_t count_right(uakv_space *space, const std::vector<uakv_key> &keys) {
    size_t right = 0;
    for (const uakv_key &key : keys) {
        right += check_stored_or_missing(space, key, block_bytes) ? 1U : 0U;
    }
    return right;
}

void all_is_there_after_a_stop() {
    Daemon daemon(with_disk());
    const auto keys = make_keys("kept", more_than_memory);
    {
        const Client client(daemon);
        const Space space(client);
        store_safely(space, keys, block_bytes);
        CHECK_EQ(count_right(space, keys), keys.size());
    }
    for (int restarts = 0; restarts < 2; ++restarts) {
        daemon.stop();
        daemon.start();
        const Client client(daemon);
        const Space space(client);
        CHECK_EQ(client.statistics().blocks_cold, keys.size());
        CHECK_EQ(count_right(space, keys), keys.size());
    }
}

// Nobody has flushed: the daemon writes what is only in memory before it ends.
void a_stop_saves_what_is_in_memory() {
    Daemon daemon(with_disk());
    const auto keys = make_keys("unflushed", 100);
    {
        const Client client(daemon);
        const Space space(client);
        for (const uakv_key &key : keys) {
            CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        }
    }
    daemon.stop();
    daemon.start();
    const Client client(daemon);
    const Space space(client);
    CHECK_EQ(count_right(space, keys), keys.size());
}

// And one that has no time for that does not.
void a_stop_without_time() {
    DaemonOptions options = with_disk();
    options.environment.emplace_back("UAKV_STOP_TIMEOUT", "0s");
    Daemon daemon(options);
    const uakv_key key = make_key("unflushed");
    {
        const Client client(daemon);
        const Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    daemon.stop();
    daemon.start();
    const Client client(daemon);
    const Space space(client);
    CHECK(!check_stored_or_missing(space, key, block_bytes));
}

void what_is_flushed_survives_a_kill() {
    Daemon daemon(with_disk());
    const auto keys = make_keys("flushed", 100);
    const uakv_key removed = make_key("removed");
    {
        const Client client(daemon);
        const Space space(client);
        store_safely(space, keys, block_bytes);
        CHECK_STATUS(store_block(space, removed, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_flush(space), UAKV_OK);
        CHECK_STATUS(uakv_remove(space, &removed, 1, nullptr), UAKV_OK);
        CHECK_STATUS(uakv_flush(space), UAKV_OK);
    }
    daemon.kill();
    daemon.start();
    const Client client(daemon);
    const Space space(client);
    CHECK_EQ(count_right(space, keys), keys.size());
    CHECK(!check_stored_or_missing(space, removed, block_bytes));
}

// A client that stays finds its blocks at the new daemon.
void a_client_that_stays() {
    Daemon daemon(with_disk());
    const Client client(daemon);
    const Space space(client);
    const auto keys = make_keys("kept", 50);
    store_safely(space, keys, block_bytes);
    daemon.stop();
    daemon.start();
    await("the client has found the new daemon", [&] { return count_right(space, keys) == keys.size(); });
}

void a_space_is_what_it_was() {
    Daemon daemon(with_disk());
    uakv_space_options options{};
    options.struct_size = sizeof options;
    options.block_bytes = block_bytes;
    options.fingerprint[3] = 7;
    const uakv_key key = make_key("kept");
    {
        const Client client(daemon);
        const Space space(client, "model", &options);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_clear(space), UAKV_OK);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_flush(space), UAKV_OK);
    }
    daemon.kill();
    daemon.start();
    const Client client(daemon);
    uakv_space *other = nullptr;
    options.fingerprint[3] = 8;
    CHECK_STATUS(uakv_space_open(client, "model", &options, &other), UAKV_ERR_LAYOUT);
    options.fingerprint[3] = 7;
    const Space space(client, "model", &options);
    check_stored(space, key, block_bytes);
}

constexpr Case cases[] = {
    {"all_is_there_after_a_stop", all_is_there_after_a_stop},
    {"a_stop_saves_what_is_in_memory", a_stop_saves_what_is_in_memory},
    {"a_stop_without_time", a_stop_without_time},
    {"what_is_flushed_survives_a_kill", what_is_flushed_survives_a_kill},
    {"a_client_that_stays", a_client_that_stays},
    {"a_space_is_what_it_was", a_space_is_what_it_was},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_restart", uakv::test::cases);
}
