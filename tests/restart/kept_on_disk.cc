// Blocks in memory, on disk and on both, encoded or not, when the daemon is killed: the next one has them all, and a
// flush there speaks of all that was stored before.
#include "integration/disk_blocks.h"
#include "restart/connected.h"
#include "support/async.h"
#include "support/check.h"
#include "support/client.h"
#include "support/keeper.h"
#include "support/pattern.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

namespace uakv::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t block_bytes = 512 << 10;

std::vector<uint8_t> tensor_of(size_t number) {
    return make_tensor(block_bytes, number);
}

// As it is on disk, and so as a frame in memory.
void read_as_stored(uakv_space *space, const uakv_key &key, size_t number) {
    std::vector<uint8_t> copy(block_bytes);
    size_t n = 0;
    CHECK_STATUS(uakv_retrieve_into(space, &key, copy.data(), copy.size(), &n, nullptr), UAKV_OK);
    CHECK_EQ(n, block_bytes);
    CHECK(copy == tensor_of(number));
}

void view(uakv_space *space, const uakv_key &key, size_t number) {
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
    const std::vector<uint8_t> expected = tensor_of(number);
    CHECK_EQ(view.nbytes, expected.size());
    CHECK(std::memcmp(view.data, expected.data(), expected.size()) == 0);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

uint64_t resident_bytes(const Connected &connected) {
    return connected.statistics().bytes_blocks;
}

// Frames in memory take less than the blocks do; they are what they were in the next daemon, and so are those of which
// only the disk knows.
void frames_and_cold_blocks() {
    KeptDaemon daemon(with_disk());
    const Connected connected(daemon);
    uakv_space_options options = {};
    options.struct_size = sizeof options;
    options.layout.dtype = UAKV_DTYPE_BF16;
    options.layout.ndim = 1;
    options.layout.shape[0] = block_bytes / 2;
    const Space tensors(connected.client(), "tensors", &options);
    const std::vector<uakv_key> keys = make_keys("tensor", 60);
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK_STATUS(uakv_store(tensors, &keys[i], tensor_of(i).data(), block_bytes, nullptr), UAKV_OK);
    }
    CHECK_STATUS(uakv_flush(tensors), UAKV_OK);
    push_out(connected.client(), tensors, keys.back(), block_bytes);
    std::vector<uakv_key> cold;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(cold),
                 [&](const uakv_key &key) { return tiers_of(tensors, key) == UAKV_TIER_DISK; });
    CHECK(cold.size() > 30);
    for (size_t i = 0; i < 10; ++i) {
        read_as_stored(tensors, keys[i], i);
        CHECK_EQ(tiers_of(tensors, keys[i]), UAKV_TIER_HOST | UAKV_TIER_DISK);
    }
    const uint64_t loaded = connected.statistics().loads;
    daemon.restart();
    CHECK(daemon.log().find("empty memory") == std::string::npos);
    CHECK(resident_bytes(connected) > 0);
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK((tiers_of(tensors, keys[i]) & UAKV_TIER_DISK) != 0);
    }
    CHECK_EQ(tiers_of(tensors, keys[0]), UAKV_TIER_HOST | UAKV_TIER_DISK);
    for (size_t i = 0; i < 10; ++i) {
        read_as_stored(tensors, keys[i], i); // in memory as before
    }
    CHECK_EQ(connected.statistics().loads, 0);
    CHECK(loaded >= 10);
    await("all are compared with their checksums",
          [&] { return daemon.log().find("are as they were stored") != std::string::npos; });
    for (size_t i = 0; i < keys.size(); ++i) {
        view(tensors, keys[i], i);
    }
    CHECK(connected.statistics().loads >= 10);
}

// The daemon has gone on with what was stored in the one before: nothing is lost, so nothing is said. And what was only
// in memory is on disk after it.
void flush_at_the_next_daemon() {
    KeptDaemon daemon(with_disk());
    const Connected connected(daemon);
    const std::vector<uakv_key> keys = make_keys("block", 40);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    }
    daemon.restart();
    CHECK_STATUS(uakv_flush(connected.space()), UAKV_OK); // the first call of all
    for (const uakv_key &key : keys) {
        CHECK((tiers_of(connected.space(), key) & UAKV_TIER_DISK) != 0);
    }
    daemon.kill();
    CHECK_STATUS(uakv_flush(connected.space()), UAKV_ERR_DISCONNECTED); // nobody came
    daemon.start();
    Polled polled(connected.client());
    connected.statistics();
    polled.submitted(uakv_flush_submit(connected.space(), 7));
    CHECK_STATUS(polled.next(UAKV_CALL_FLUSH, 7).status, UAKV_OK);
}

// It waits for the daemon that is coming, and fails only where that is not the one that has gone on.
void flush_while_the_daemon_is_replaced() {
    KeptDaemon daemon(with_disk());
    const Connected connected(daemon);
    const uakv_key key = make_key("block");
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    daemon.restart();
    for (int round = 0; round < 20; ++round) {
        CHECK_STATUS(uakv_flush(connected.space()), UAKV_OK);
    }
    for (int round = 0; round < 2; ++round) {
        daemon.stop();
        const auto end = Clock::now() + std::chrono::milliseconds(400);
        while (Clock::now() < end) { // each time that there is none, the client waits longer before it looks again
            CHECK_STATUS(store_block(connected.space(), make_key("never"), block_bytes), UAKV_ERR_DISCONNECTED);
        }
        daemon.start();
        CHECK_STATUS(uakv_flush(connected.space()), UAKV_OK);
    }
    CHECK_STATUS(store_block(connected.space(), make_key("other"), block_bytes), UAKV_OK);
    daemon.kill();
    daemon.manager().lose("t.default.state");
    daemon.start();
    CHECK_STATUS(uakv_flush(connected.space()), UAKV_ERR_DISCONNECTED); // that may be lost
    CHECK(last_error().find("are gone") != std::string::npos || last_error().find("is gone") != std::string::npos);
    CHECK_STATUS(uakv_flush(connected.space()), UAKV_OK);
    check_stored(connected.space(), key, block_bytes);
}

// What had to leave memory before the disk had it, the flush at the next daemon tells of too, once.
void losses_are_told_by_the_next_daemon() {
    DaemonOptions options = with_disk();
    options.environment.emplace_back("UAKV_DISK_WRITE_RATE", "1MiB");
    options.environment.emplace_back("UAKV_STOP_TIMEOUT", "0s");
    KeptDaemon daemon(options);
    const Connected connected(daemon);
    const Space untouched(connected.client(), "untouched");
    for (uint64_t i = 0; connected.statistics().evictions_unsaved == 0; ++i) {
        CHECK_STATUS(store_block(connected.space(), make_key("lost", i), block_bytes), UAKV_OK);
    }
    CHECK_STATUS(store_block(untouched, make_key("kept"), block_bytes), UAKV_OK);
    daemon.restart();
    CHECK_STATUS(uakv_flush(untouched), UAKV_OK);
    CHECK_STATUS(uakv_flush(connected.space()), UAKV_ERR_NO_SPACE);
    CHECK_STATUS(uakv_flush(connected.space()), UAKV_OK);
}

constexpr Case cases[] = {
    {"frames_and_cold_blocks", frames_and_cold_blocks},
    {"flush_at_the_next_daemon", flush_at_the_next_daemon},
    {"flush_while_the_daemon_is_replaced", flush_while_the_daemon_is_replaced},
    {"losses_are_told_by_the_next_daemon", losses_are_told_by_the_next_daemon},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("kept_on_disk", uakv::test::cases);
}
