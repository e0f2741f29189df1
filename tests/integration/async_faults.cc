// Asynchronous calls when the daemon stands still, dies, or there are too many of them: each still ends, once.
#include "support/async.h"
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <map>
#include <vector>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 8'192;
constexpr int patience_ms = 20'000;

struct Blocks {
    explicit Blocks(size_t count) : keys(make_keys("fault", count)) {
        contents.reserve(count);
        for (const uakv_key &key : keys) {
            contents.push_back(make_block(block_bytes, key));
        }
    }
    uakv_status submit(uakv_space *space, size_t i) const {
        return uakv_store_submit(space, &keys[i], contents[i].data(), block_bytes, nullptr, i);
    }
    std::vector<uakv_key> keys;
    std::vector<std::vector<uint8_t>> contents;
};

void too_many() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const Blocks blocks(400);
    daemon.pause();
    size_t accepted = 0;
    while (blocks.submit(space, accepted) == UAKV_PENDING) {
        polled.submitted(UAKV_PENDING);
        ++accepted;
        CHECK(accepted < blocks.keys.size());
    }
    CHECK_EQ(accepted, 256);
    CHECK_STATUS(blocks.submit(space, accepted), UAKV_ERR_BUSY);
    CHECK(!readable(client, 0));
    daemon.resume();
    std::map<uint64_t, uakv_status> statuses;
    polled.take_all(statuses);
    CHECK_EQ(statuses.size(), accepted);
    for (size_t i = 0; i < accepted; ++i) {
        CHECK_STATUS(statuses.at(i), UAKV_OK);
        check_stored(space, blocks.keys[i], block_bytes);
    }
    polled.submitted(blocks.submit(space, accepted));
    CHECK_STATUS(polled.next(UAKV_CALL_STORE, accepted).status, UAKV_OK);
}

// A slot whose commit was not taken on is still open.
void commit_when_busy() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const Blocks blocks(300);
    const uakv_key key = make_key("kept slot");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(space, &key, block_bytes, nullptr, &slot), UAKV_OK);
    fill_block(slot.data, block_bytes, key);
    daemon.pause();
    for (size_t i = 0; blocks.submit(space, i) == UAKV_PENDING; ++i) {
        polled.submitted(UAKV_PENDING);
    }
    CHECK_STATUS(uakv_commit_submit(&slot, 1000), UAKV_ERR_BUSY);
    daemon.resume();
    std::map<uint64_t, uakv_status> statuses;
    polled.take_all(statuses);
    polled.submitted(uakv_commit_submit(&slot, 1000));
    CHECK_STATUS(polled.next(UAKV_CALL_COMMIT, 1000).status, UAKV_OK);
    check_stored(space, key, block_bytes);
}

// The time of a call is over though nobody polls: the descriptor says so.
void deadline() {
    Daemon daemon;
    Client client(daemon, 0, 300);
    Space space(client);
    Polled polled(client);
    const Blocks blocks(10);
    CHECK(!readable(client, 0));
    daemon.pause();
    for (size_t i = 0; i < 10; ++i) {
        polled.submitted(blocks.submit(space, i));
    }
    uakv_completion none;
    CHECK_EQ(uakv_poll(client, &none, 1, 0), 0);
    CHECK(readable(client, patience_ms));
    std::map<uint64_t, uakv_status> statuses;
    polled.take_all(statuses);
    for (const auto &[number, status] : statuses) {
        CHECK_STATUS(status, UAKV_ERR_TIMEOUT);
    }
    CHECK_EQ(statuses.size(), 10);
    daemon.resume();
    // Places and slots of those that were given up come back.
    for (uint64_t round = 0; round < 100; ++round) {
        std::map<uint64_t, uakv_status> again;
        for (size_t i = 0; i < 10; ++i) {
            polled.submitted(blocks.submit(space, i));
        }
        polled.take_all(again);
    }
    await_equal("granted slots that nobody ends", true, [&] { return client.statistics().slots_granted <= 64; });
}

void daemon_killed() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const Blocks blocks(50);
    CHECK(!readable(client, 0));
    daemon.pause();
    for (size_t i = 0; i < 50; ++i) {
        polled.submitted(blocks.submit(space, i));
    }
    uakv_completion none;
    CHECK_EQ(uakv_poll(client, &none, 1, 0), 0);
    daemon.kill();
    CHECK(readable(client, patience_ms)); // by the hang-up
    std::map<uint64_t, uakv_status> statuses;
    polled.take_all(statuses);
    CHECK_EQ(statuses.size(), 50);
    for (const auto &[number, status] : statuses) {
        CHECK_STATUS(status, UAKV_ERR_DISCONNECTED);
    }
    CHECK_STATUS(blocks.submit(space, 0), UAKV_ERR_DISCONNECTED); // not accepted
    CHECK_EQ(uakv_poll(client, &none, 1, 0), 0);
}

// All parts of a call that is given up have an end.
void many_when_killed() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const Blocks blocks(100);
    std::vector<const void *> data;
    data.reserve(blocks.contents.size());
    for (const auto &content : blocks.contents) {
        data.push_back(content.data());
    }
    const std::vector<size_t> lengths(100, block_bytes);
    std::vector<uakv_status> each(100, UAKV_PENDING);
    daemon.pause();
    polled.submitted(
        uakv_store_many_submit(space, blocks.keys.data(), data.data(), lengths.data(), 100, each.data(), 1));
    daemon.kill();
    const uakv_completion ended = polled.next(UAKV_CALL_STORE_MANY, 1);
    CHECK_STATUS(ended.status, UAKV_ERR_DISCONNECTED);
    CHECK_EQ(ended.result.count, 0);
    for (const uakv_status status : each) {
        CHECK_STATUS(status, UAKV_ERR_DISCONNECTED);
    }
}

// Nothing comes any more after a disconnect, and the memory is the caller's again.
void disconnect_cancels() {
    Daemon daemon;
    {
        Client client(daemon);
        Space space(client);
        Blocks blocks(100);
        daemon.pause();
        for (size_t i = 0; i < 100; ++i) {
            CHECK_STATUS(blocks.submit(space, i), UAKV_PENDING);
        }
        space.forget();
        client.disconnect();
    }
    daemon.resume();
    Client next(daemon);
    await_equal("clients", 1, [&] { return next.statistics().clients; });
    await_equal("granted slots", 0, [&] { return next.statistics().slots_granted; });
}

constexpr Case cases[] = {
    {"too_many", too_many},
    {"commit_when_busy", commit_when_busy},
    {"deadline", deadline},
    {"daemon_killed", daemon_killed},
    {"many_when_killed", many_when_killed},
    {"disconnect_cancels", disconnect_cancels},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("async_faults", uakv::test::cases);
}
