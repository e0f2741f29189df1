// Sixteen threads of one client, on the same keys.
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace uakv::test {
namespace {

constexpr size_t threads = 16;
constexpr size_t key_count = 3000;
constexpr uint64_t operations = sanitized ? 500 : 4000; // of each thread

// Two sizes of slots, and half as much again as 16 MiB in all.
size_t length_of(size_t block) {
    return 4000 + block * 2;
}

// Fifteen sizes of slots; 16 MiB has eight segments.
size_t length_of_many(size_t block) {
    return 1000 + block * 20;
}

// A failure in a thread fails the test.
void run_threads(const std::function<void(size_t)> &body) {
    std::vector<std::thread> running;
    std::mutex mutex;
    std::string failure;
    for (size_t number = 0; number < threads; ++number) {
        running.emplace_back([&, number] {
            try {
                body(number);
            } catch (const std::exception &thrown) {
                const std::lock_guard lock(mutex);
                failure = thrown.what();
            }
        });
    }
    for (std::thread &thread : running) {
        thread.join();
    }
    CHECK_MESSAGE(failure.empty(), failure);
}

void operate(uakv_space *space, uint64_t seed, size_t (*length_of)(size_t)) {
    const auto keys = make_keys("thread", key_count);
    Random random(seed);
    for (uint64_t n = 0; n < operations; ++n) {
        const size_t block = random.below(key_count);
        switch (random.below(4)) {
        case 0: {
            const uakv_status status = store_block(space, keys[block], length_of(block));
            CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS, last_error());
            break;
        }
        case 1: {
            const uakv_status status = reserve_fill_commit(space, keys[block], length_of(block));
            CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS, last_error());
            break;
        }
        case 2:
            check_stored_or_missing(space, keys[block], length_of(block));
            break;
        default:
            if (random.below(4) == 0) {
                CHECK_STATUS(uakv_remove(space, &keys[block], 1, nullptr), UAKV_OK);
            } else {
                check_stored_or_missing(space, keys[block], length_of(block));
            }
        }
    }
}

void run_all(size_t (*length_of)(size_t)) {
    DaemonOptions options;
    options.memory = "16MiB";
    Daemon daemon(options);
    Client client(daemon);
    Space space(client);
    run_threads([&](size_t number) { operate(space, number, length_of); });
    const uakv_statistics statistics = client.statistics();
    const auto keys = make_keys("thread", key_count);
    CHECK_EQ(statistics.leases, 0);
    CHECK(statistics.hits > threads * operations / 20);
    CHECK_EQ(statistics.no_space, 0);
    CHECK_EQ(statistics.blocks, count_present(space, keys.data(), key_count));
    CHECK(statistics.slots_granted < 512);
    client.disconnect();
    space.forget();
    Client checker(daemon);
    await_equal("clients", 1, [&] { return checker.statistics().clients; });
    await_equal("slots_granted", 0, [&] { return checker.statistics().slots_granted; });
    await_equal("slots_limbo", 0, [&] { return checker.statistics().slots_limbo; });
}

void one_client() {
    run_all(length_of);
}

// The slots and views that are open at one moment must not keep a size out for which there is no segment yet.
void one_client_with_many_sizes() {
    run_all(length_of_many);
}

// Each thread stores and reads its own, through a space that another one opened.
void own_keys() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    run_threads([&](size_t number) {
        for (size_t i = 0; i < 200; ++i) {
            const uakv_key key = make_key("thread " + std::to_string(number), i);
            CHECK_STATUS(store_block(space, key, 5000), UAKV_OK);
            check_stored(space, key, 5000);
        }
    });
    CHECK_EQ(client.statistics().blocks, threads * 200);
    CHECK_EQ(client.statistics().hits, threads * 200);
}

void opening_and_closing_spaces() {
    Daemon daemon;
    Client client(daemon);
    run_threads([&](size_t number) {
        for (size_t i = 0; i < 20; ++i) {
            Space space(client, "space-" + std::to_string(i));
            const uakv_key key = make_key("key", number);
            CHECK_STATUS(store_block(space, key, 100), UAKV_OK);
            check_stored(space, key, 100);
        }
    });
    CHECK_EQ(client.statistics().spaces, 20);
    CHECK_EQ(client.statistics().blocks, 20 * threads);
}

// The detail of a failure belongs to the thread that met it.
void errors_are_each_threads_own() {
    run_threads([](size_t) { CHECK_EQ(last_error(), ""); });
    CHECK_STATUS(uakv_release(nullptr), UAKV_ERR_INVALID);
    const std::string ours = last_error();
    CHECK(!ours.empty());
    run_threads([](size_t number) {
        CHECK_EQ(last_error(), "");
        for (int i = 0; i < 100; ++i) {
            CHECK_STATUS(number % 2 == 0 ? uakv_commit(nullptr) : uakv_stats(nullptr, nullptr), UAKV_ERR_INVALID);
            CHECK(last_error().find(number % 2 == 0 ? "slot" : "client") != std::string::npos);
        }
    });
    CHECK_EQ(last_error(), ours);
}

constexpr Case cases[] = {
    {"one_client", one_client},
    {"one_client_with_many_sizes", one_client_with_many_sizes},
    {"own_keys", own_keys},
    {"opening_and_closing_spaces", opening_and_closing_spaces},
    {"errors_are_each_threads_own", errors_are_each_threads_own},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("threads", uakv::test::cases);
}
