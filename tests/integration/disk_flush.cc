// What was flushed survives: the daemon's death, and its stop. And flushes that cannot be good say so.
#include "disk_blocks.h"
#include "support/async.h"

#include <string>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 200'000;

uakv_space_options durable() {
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.flags = UAKV_SPACE_DURABLE;
    return options;
}

void survives_a_kill() {
    Daemon daemon(with_disk());
    const std::vector<uakv_key> keys = make_keys("kept", 50);
    {
        Client client(daemon);
        Space space(client);
        for (const uakv_key &key : keys) {
            CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        }
        CHECK_STATUS(uakv_flush(space), UAKV_OK);
        CHECK_STATUS(uakv_flush(space), UAKV_OK); // nothing to do
        daemon.kill();
    }
    daemon.start();
    Client client(daemon);
    Space space(client);
    CHECK_EQ(count_present(space, keys.data(), keys.size()), keys.size());
    for (const uakv_key &key : keys) {
        CHECK_EQ(tiers_of(space, key), UAKV_TIER_DISK);
        check_stored(space, key, block_bytes);
    }
}

// The daemon writes what is only in memory when it is told to stop.
void survives_a_stop() {
    Daemon daemon(with_disk());
    const uakv_key key = make_key("kept");
    {
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
    daemon.stop();
    daemon.start();
    Client client(daemon);
    Space space(client);
    check_stored(space, key, block_bytes);
}

// A space is another one for what was removed from it.
void removals_survive_too() {
    Daemon daemon(with_disk());
    const std::vector<uakv_key> keys = make_keys("kept", 4);
    {
        Client client(daemon);
        Space space(client);
        Space cleared(client, "cleared");
        store_safely(space, keys, block_bytes);
        store_safely(cleared, keys, block_bytes);
        CHECK_STATUS(uakv_remove(space, keys.data(), 2, nullptr), UAKV_OK);
        CHECK_STATUS(uakv_clear(cleared), UAKV_OK);
        CHECK_STATUS(uakv_flush(space), UAKV_OK);
        CHECK_STATUS(uakv_flush(cleared), UAKV_OK);
        daemon.kill();
    }
    daemon.start();
    Client client(daemon);
    Space space(client);
    Space cleared(client, "cleared");
    CHECK_EQ(count_present(space, keys.data(), 2), 0);
    CHECK_EQ(count_present(space, keys.data() + 2, 2), 2);
    CHECK_EQ(count_present(cleared, keys.data(), keys.size()), 0);
}

// Written without being asked to, and nobody waits for it.
void durable_spaces() {
    Daemon daemon(with_disk());
    const uakv_space_options options = durable();
    const uakv_key key = make_key("durable");
    Client client(daemon);
    Space space(client, "durable", &options);
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    await("it is on disk", [&] { return tiers_of(space, key) == (UAKV_TIER_HOST | UAKV_TIER_DISK); });
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
    uakv_space *other = nullptr; // all openers say the same of a space
    CHECK_STATUS(uakv_space_open(client, "durable", nullptr, &other), UAKV_ERR_LAYOUT);
    CHECK(last_error().find("flags") != std::string::npos);
}

void submitted() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const uakv_key key = make_key("kept");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    polled.submitted(uakv_flush_submit(space, 7));
    CHECK_STATUS(polled.next(UAKV_CALL_FLUSH, 7).status, UAKV_OK);
    CHECK((tiers_of(space, key) & UAKV_TIER_DISK) != 0);
}

void readers_may() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    const uakv_key key = make_key("kept");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    Client reader(daemon, UAKV_READ_ONLY);
    Space read(reader);
    CHECK_STATUS(uakv_flush(read), UAKV_OK);
    CHECK((tiers_of(space, key) & UAKV_TIER_DISK) != 0);
}

void without_a_disk() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    CHECK_STATUS(uakv_flush(space), UAKV_ERR_UNSUPPORTED);
    CHECK(last_error().find("no disk") != std::string::npos);
    Polled polled(client);
    polled.submitted(uakv_flush_submit(space, 1));
    CHECK_STATUS(polled.next(UAKV_CALL_FLUSH, 1).status, UAKV_ERR_UNSUPPORTED);
    const uakv_space_options options = durable();
    uakv_space *refused = nullptr;
    CHECK_STATUS(uakv_space_open(client, "durable", &options, &refused), UAKV_ERR_UNSUPPORTED);
    CHECK(last_error().find("UAKV_SPACE_DURABLE") != std::string::npos);
    CHECK(refused == nullptr);
    const uakv_key key = make_key("one");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    CHECK_STATUS(uakv_prefetch(space, &key, 1, 0), UAKV_OK);
    CHECK_EQ(tiers_of(space, key), UAKV_TIER_HOST);
    const uakv_statistics statistics = client.statistics();
    CHECK_EQ(statistics.bytes_disk_max, 0);
    CHECK_EQ(statistics.blocks_cold, 0);
}

void a_daemon_that_is_wedged() {
    Daemon daemon(with_disk());
    Client client(daemon, 0, 200);
    Space space(client);
    const uakv_key key = make_key("kept");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    daemon.pause();
    CHECK_STATUS(uakv_flush(space), UAKV_ERR_TIMEOUT);
    daemon.resume();
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
}

// Who flushes at another daemon than he has stored at hears of it, once.
void a_daemon_that_was_replaced() {
    Daemon daemon(with_disk());
    Client client(daemon);
    Space space(client);
    Space idle(client, "idle");
    CHECK_STATUS(store_block(space, make_key("lost"), block_bytes), UAKV_OK);
    daemon.kill();
    daemon.start();
    await("the client has the new daemon", [&] {
        const uakv_status status = uakv_flush(idle);
        CHECK(status == UAKV_OK || status == UAKV_ERR_DISCONNECTED);
        return status == UAKV_OK;
    });
    CHECK_STATUS(uakv_flush(space), UAKV_ERR_DISCONNECTED);
    CHECK(last_error().find("gone") != std::string::npos);
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
    CHECK_STATUS(store_block(space, make_key("stored"), block_bytes), UAKV_OK);
    CHECK_STATUS(uakv_flush(space), UAKV_OK);
}

constexpr Case cases[] = {
    {"survives_a_kill", survives_a_kill},
    {"survives_a_stop", survives_a_stop},
    {"removals_survive_too", removals_survive_too},
    {"durable_spaces", durable_spaces},
    {"submitted", submitted},
    {"readers_may", readers_may},
    {"without_a_disk", without_a_disk},
    {"a_daemon_that_is_wedged", a_daemon_that_is_wedged},
    {"a_daemon_that_was_replaced", a_daemon_that_was_replaced},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_flush", uakv::test::cases);
}
