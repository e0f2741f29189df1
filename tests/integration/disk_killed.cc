// SIGKILL under load, again and again, on a real file system: what a flush has answered for is there and right, and
// nothing is ever wrong.
#include "disk_blocks.h"
#include "support/child.h"
#include "support/effort.h"

#include <array>
#include <atomic>
#include <chrono>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 150'000;
constexpr size_t batch = 8;
constexpr uint64_t batches_max = 100'000;

// What the storing process has been promised. Batches are numbered; those below `flushed` must be there.
struct Promises {
    std::atomic<uint64_t> stored{0};
    std::atomic<uint64_t> flushed{0};
    std::atomic<bool> killed{false}; // what is in memory is found even then
};

uakv_key key_of(uint64_t number, size_t place) {
    return make_key("killed", number * batch + place);
}

// Until the daemon is gone.
void store_and_flush(const Daemon &daemon, Promises &promises) {
    const Client client(daemon);
    const Space space(client);
    for (uint64_t number = promises.flushed; number < batches_max; ++number) {
        for (size_t place = 0; place < batch; ++place) {
            const uakv_status status = store_block(space, key_of(number, place), block_bytes);
            if (status == UAKV_ERR_DISCONNECTED) {
                return;
            }
            CHECK(status == UAKV_OK || status == UAKV_EXISTS);
        }
        promises.stored = number + 1;
        const uakv_status status = uakv_flush(space);
        if (status == UAKV_ERR_DISCONNECTED) {
            return;
        }
        CHECK_STATUS(status, UAKV_OK);
        promises.flushed = number + 1;
    }
}

// Beside it, so that loads are under way too.
void retrieve(const Daemon &daemon, const Promises &promises, uint64_t seed) {
    const Client client(daemon);
    const Space space(client);
    Random random(seed);
    std::vector<uint8_t> copy(block_bytes);
    while (!promises.killed) {
        const uakv_key key = key_of(random.below(promises.stored + 1), random.below(batch));
        size_t bytes = 0;
        const uakv_status status = uakv_retrieve_into(space, &key, copy.data(), copy.size(), &bytes, nullptr);
        if (status == UAKV_ERR_DISCONNECTED) {
            return;
        }
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_MISS, uakv_status_name(status));
        if (status == UAKV_OK) {
            check_block(copy.data(), bytes, key);
        }
    }
}

void check_promises(const Daemon &daemon, uint64_t from, const Promises &promises) {
    const Client client(daemon);
    const Space space(client);
    for (uint64_t number = from; number < promises.stored; ++number) {
        for (size_t place = 0; place < batch; ++place) {
            const bool there = check_stored_or_missing(space, key_of(number, place), block_bytes);
            CHECK_MESSAGE(there || number >= promises.flushed,
                          "block " + std::to_string(place) + " of batch " + std::to_string(number) + " is gone");
        }
    }
}

void killed_under_load() {
    Daemon daemon(with_disk("4GiB"));
    const Shared<Promises> promises;
    Random random(seed());
    const auto end = std::chrono::steady_clock::now() + effort(std::chrono::seconds(10));
    int kills = 0;
    uint64_t checked = 0;
    do {
        const uint64_t before = promises->flushed;
        const uint64_t goal = before + 1 + random.below(6);
        promises->killed = false;
        {
            Child storing([&] { store_and_flush(daemon, *promises); });
            Child reading([&] { retrieve(daemon, *promises, random.next()); });
            storing.await("some batches are flushed", [&] { return promises->flushed >= goal; });
            daemon.kill();
            promises->killed = true;
            storing.join();
            reading.join();
        }
        daemon.start();
        check_promises(daemon, checked, *promises);
        checked = before > 20 ? before - 20 : 0; // the older ones were looked at often enough
        ++kills;
    } while (kills < 2 || std::chrono::steady_clock::now() < end); // a sanitizer makes the first one long
    check_promises(daemon, 0, *promises);
}

constexpr Case cases[] = {
    {"killed_under_load", killed_under_load},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_killed", uakv::test::cases);
}
