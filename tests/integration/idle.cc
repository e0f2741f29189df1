// A daemon that nobody asks for anything costs nothing.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <thread>

namespace uakv::test {
namespace {

// Two seconds in which nothing happens: at most one tick (10 ms) of the daemon's time. Not earlier than it has gone to
// sleep, which it does about a millisecond after the last request.
void check_sleeps(const Daemon &daemon) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const uint64_t before = cpu_ticks(daemon.pid());
    std::this_thread::sleep_for(std::chrono::seconds(2));
    CHECK(cpu_ticks(daemon.pid()) <= before + 1);
}

void uses_no_processor() {
    DaemonOptions options;
    options.memory = "256MiB";
    Daemon daemon(options);
    {
        Client client(daemon);
        client.await_populated();
    }
    check_sleeps(daemon); // alone
    Client client(daemon);
    Client other(daemon);
    Space space(client);
    const auto keys = make_keys("key", 100);
    uakv_view view;
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, 100'000), UAKV_OK);
        check_stored(space, key, 100'000);
    }
    check_sleeps(daemon); // with clients that do nothing
    CHECK_STATUS(uakv_retrieve(space, &keys[0], nullptr, &view), UAKV_OK);
    CHECK_STATUS(uakv_remove(space, &keys[0], 1, nullptr), UAKV_OK);
    CHECK_EQ(client.statistics().slots_limbo, 1);
    check_sleeps(daemon); // with a slot in limbo
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

void holds_little_memory() {
    if (sanitized) {
        throw Skip("sanitizers have memory of their own");
    }
    DaemonOptions options;
    options.memory = "1GiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    client.await_populated();
    for (const uakv_key &key : make_keys("key", 10'000)) {
        CHECK_STATUS(store_block(space, key, 4096), UAKV_OK);
    }
    const uint64_t bytes = private_memory_bytes(daemon.pid());
    CHECK_MESSAGE(bytes < (30 << 20), "the daemon holds " + std::to_string(bytes >> 20) + " MiB beside the cache");
}

constexpr Case cases[] = {
    {"uses_no_processor", uses_no_processor},
    {"holds_little_memory", holds_little_memory},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("idle", uakv::test::cases);
}
