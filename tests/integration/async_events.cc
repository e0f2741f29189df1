// The event descriptor: readable while completions wait, so that an event loop may sleep on it.
#include "support/async.h"
#include "support/check.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <atomic>
#include <map>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 8'192;
constexpr int patience_ms = 20'000;

void readable_while_completions_wait() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    CHECK(!readable(client, 0));
    for (uint64_t i = 0; i < 200; ++i) {
        const uakv_key key = make_key("one", i);
        const std::vector<uint8_t> block = make_block(block_bytes, key);
        polled.submitted(uakv_store_submit(space, &key, block.data(), block_bytes, nullptr, i));
        CHECK(readable(client, patience_ms));
        uakv_completion completion;
        while (uakv_poll(client, &completion, 1, 0) == 0) { // it may be an answer from which none comes yet
            CHECK(readable(client, patience_ms));
        }
        CHECK_EQ(completion.user_data, i);
        CHECK_STATUS(completion.status, UAKV_OK);
        CHECK(!readable(client, 0));
    }
}

// A hit is complete when it is submitted: nobody rings a bell for it.
void completed_at_once() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const uakv_key key = make_key("hit");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    CHECK(!readable(client, 0));
    polled.submitted(uakv_retrieve_submit(space, &key, nullptr, 1));
    polled.submitted(uakv_retrieve_submit(space, &key, nullptr, 2));
    CHECK(readable(client, 0));
    uakv_view view = polled.next(UAKV_CALL_RETRIEVE, 1).result.view;
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK(readable(client, 0)); // one is left
    view = polled.next(UAKV_CALL_RETRIEVE, 2).result.view;
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK(!readable(client, 0));
}

// A loop that sleeps on the descriptor alone, level-triggered or edge-triggered, gets all of many completions, while
// other threads make waiting calls on the same ring and so take answers out of it.
void loop(uint32_t trigger) {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    Polled polled(client);
    const int loop = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN | trigger;
    CHECK_EQ(::epoll_ctl(loop, EPOLL_CTL_ADD, uakv_event_fd(client), &event), 0);
    std::atomic<bool> stop{false};
    std::thread other([&] {
        for (uint64_t i = 0; !stop; ++i) {
            store_block(space, make_key("other", i % 64), block_bytes);
            const uakv_key key = make_key("other", i % 64);
            uakv_remove(space, &key, 1, nullptr);
        }
    });
    constexpr uint64_t count = 2'000;
    const std::vector<uint8_t> block(block_bytes, 1);
    std::map<uint64_t, uakv_status> statuses;
    uint64_t next = 0;
    std::string failure;
    while (statuses.size() < count && failure.empty()) {
        for (; next < count && polled.in_flight() < 32; ++next) {
            const uakv_key key = make_key("loop", next);
            polled.submitted(uakv_store_submit(space, &key, block.data(), block_bytes, nullptr, next));
        }
        if (::epoll_wait(loop, &event, 1, patience_ms) != 1) {
            failure = "the descriptor stayed unreadable with calls on their way";
        }
        std::array<uakv_completion, 16> completions;
        size_t taken = 0;
        while ((taken = uakv_poll(client, completions.data(), completions.size(), 0)) > 0) {
            for (size_t i = 0; i < taken; ++i) {
                statuses.emplace(completions[i].user_data, completions[i].status);
            }
            polled.taken(taken);
        }
    }
    stop = true;
    other.join();
    ::close(loop);
    CHECK_MESSAGE(failure.empty(), failure);
    for (const auto &[number, status] : statuses) {
        CHECK_STATUS(status, UAKV_OK);
    }
}

void level_triggered() {
    loop(0);
}

void edge_triggered() {
    loop(EPOLLET);
}

// Each completion goes to one thread, whoever submitted it.
void several_threads() {
    Daemon daemon;
    Client client(daemon);
    Space space(client);
    constexpr uint64_t per_thread = 2'000;
    constexpr uint64_t threads = 4;
    std::vector<std::atomic<int>> seen(threads * per_thread);
    std::atomic<uint64_t> taken{0};
    const std::vector<uint8_t> block(block_bytes, 7);
    const auto take = [&](uint32_t timeout_ms) {
        std::array<uakv_completion, 8> completions;
        const size_t count = uakv_poll(client, completions.data(), completions.size(), timeout_ms);
        for (size_t i = 0; i < count; ++i) {
            seen[completions[i].user_data] += completions[i].status == UAKV_OK ? 1 : 1000;
        }
        taken += count;
    };
    std::vector<std::thread> workers;
    for (uint64_t thread = 0; thread < threads; ++thread) {
        workers.emplace_back([&, thread] {
            for (uint64_t i = 0; i < per_thread; ++i) {
                const uint64_t number = thread * per_thread + i;
                const uakv_key key = make_key("threads", number);
                while (uakv_store_submit(space, &key, block.data(), block_bytes, nullptr, number) == UAKV_ERR_BUSY) {
                    take(10);
                }
                take(0);
            }
            while (taken < threads * per_thread) {
                take(10);
            }
        });
    }
    for (std::thread &worker : workers) {
        worker.join();
    }
    for (const auto &count : seen) {
        CHECK_EQ(count.load(), 1);
    }
}

constexpr Case cases[] = {
    {"readable_while_completions_wait", readable_while_completions_wait},
    {"completed_at_once", completed_at_once},
    {"level_triggered", level_triggered},
    {"edge_triggered", edge_triggered},
    {"several_threads", several_threads},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("async_events", uakv::test::cases);
}
