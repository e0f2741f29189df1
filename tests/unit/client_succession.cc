// A daemon goes, and another one goes on with the same index: what the client notices of it, which is nothing for
// blocks that are in memory.
#include "ipc/clock.h"
#include "succession.h"
#include "support/async.h"
#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::size_t block_bytes = 20'000;
constexpr std::size_t large_bytes = 1'500'000; // one to a segment

class Connected {
public:
    explicit Connected(const Succession &daemons, std::uint32_t timeout_ms = 0) {
        CHECK_STATUS(connect_to(daemons.path(), 0, timeout_ms, &client_), UAKV_OK);
        CHECK_STATUS(uakv_space_open(client_, "test", nullptr, &space_), UAKV_OK);
    }
    Connected(const Connected &) = delete;
    Connected &operator=(const Connected &) = delete;
    ~Connected() { uakv_disconnect(client_); }

    uakv_client *client() const { return client_; }
    uakv_space *space() const { return space_; }

    void await_store(const uakv_key &key) const {
        await("a block can be stored again", [&] { return store_block(space_, key, block_bytes) >= 0; });
    }

private:
    uakv_client *client_ = nullptr;
    uakv_space *space_ = nullptr;
};

// Each way to come by a block that is in memory.
void check_all_ways(const Connected &connected, const uakv_key &key, std::size_t n) {
    uakv_space *space = connected.space();
    check_stored(space, key, n);
    std::vector<std::uint8_t> copy(n);
    std::size_t length = 0;
    CHECK_STATUS(uakv_retrieve_into(space, &key, copy.data(), n, &length, nullptr), UAKV_OK);
    check_block(copy.data(), length, key);
    std::size_t matched = 0;
    CHECK_STATUS(uakv_match_prefix(space, &key, 1, &matched, nullptr), UAKV_OK);
    CHECK_EQ(matched, 1);
    CHECK(contains(space, key));
    uakv_view view{};
    CHECK_STATUS(uakv_retrieve_many(space, &key, 1, &view, nullptr), UAKV_OK);
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    uakv_slot slot;
    CHECK_STATUS(uakv_retrieve_or_reserve(space, &key, n, 1000, &view, &slot), UAKV_OK);
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

uakv_completion next(const Connected &connected) {
    uakv_completion completion{};
    CHECK_EQ(uakv_poll(connected.client(), &completion, 1, 0), 1); // nothing to wait for
    return completion;
}

void check_all_asynchronous_ways(const Connected &connected, const uakv_key &key, std::size_t n) {
    uakv_space *space = connected.space();
    std::vector<std::uint8_t> copy(n);
    uakv_view many{};
    CHECK_STATUS(uakv_retrieve_submit(space, &key, nullptr, 1), UAKV_PENDING);
    uakv_completion completion = next(connected);
    CHECK_STATUS(completion.status, UAKV_OK);
    check_block(completion.result.view.data, completion.result.view.nbytes, key);
    CHECK_STATUS(uakv_release(&completion.result.view), UAKV_OK);
    CHECK_STATUS(uakv_retrieve_into_submit(space, &key, copy.data(), n, nullptr, 2), UAKV_PENDING);
    CHECK_STATUS(next(connected).status, UAKV_OK);
    check_block(copy.data(), n, key);
    CHECK_STATUS(uakv_retrieve_many_submit(space, &key, 1, &many, nullptr, 3), UAKV_PENDING);
    CHECK_STATUS(next(connected).status, UAKV_OK);
    check_block(many.data, many.nbytes, key);
    CHECK_STATUS(uakv_release(&many), UAKV_OK);
    CHECK_STATUS(uakv_retrieve_or_reserve_submit(space, &key, n, 1000, 4), UAKV_PENDING);
    completion = next(connected);
    CHECK_STATUS(completion.status, UAKV_OK);
    CHECK_STATUS(uakv_release(&completion.result.view), UAKV_OK);
}

void hits_while_there_is_no_daemon() {
    Succession daemons;
    const Connected connected(daemons);
    const uakv_key key = make_key("resident");
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    daemons.end();
    const std::uint64_t begun_ns = now_ns();
    while (now_ns() - begun_ns < ns_per_s) { // several looks after the daemon
        check_all_ways(connected, key, block_bytes);
        check_all_asynchronous_ways(connected, key, block_bytes);
    }
    CHECK_STATUS(store_block(connected.space(), make_key("other"), block_bytes), UAKV_ERR_DISCONNECTED);
    uakv_view view;
    const uakv_key missing = make_key("missing");
    CHECK_STATUS(uakv_retrieve(connected.space(), &missing, nullptr, &view), UAKV_MISS);
    daemons.begin();
    connected.await_store(make_key("other"));
    check_all_ways(connected, key, block_bytes);
    check_all_asynchronous_ways(connected, key, block_bytes);
}

// Threads that retrieve while one daemon after another comes and goes: each retrieve is a hit.
void no_hit_fails_meanwhile() {
    Succession daemons;
    const Connected connected(daemons);
    const std::vector<uakv_key> keys = make_keys("resident", 100);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
        check_stored(connected.space(), key, block_bytes);
    }
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> hits{0};
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        threads.emplace_back([&, seed] {
            try {
                for (Random random(seed); !stop; ++hits) {
                    check_stored(connected.space(), keys[random.below(keys.size())], block_bytes);
                }
            } catch (const Failure &failure) {
                fail_later(failure.what());
                stop = true;
            }
        });
    }
    for (int round = 0; round < 10 && !stop; ++round) {
        daemons.end();
        const std::uint64_t before = hits;
        await("hits without a daemon", [&] { return stop || hits > before + 200; });
        daemons.begin();
        if (!stop) {
            connected.await_store(make_key("round", static_cast<std::uint64_t>(round)));
        }
    }
    stop = true;
    for (std::thread &thread : threads) {
        thread.join();
    }
}

// The space is open and the segments are mapped before anybody uses the attachment: the new daemon can go at once.
void nothing_is_left_to_ask() {
    Succession daemons;
    const Connected connected(daemons);
    const uakv_key key = make_key("resident");
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    for (std::uint64_t round = 0; round < 3; ++round) {
        daemons.end();
        daemons.begin();
        await("statistics of the new daemon", [&] {
            uakv_statistics statistics{};
            statistics.struct_size = sizeof statistics;
            return uakv_stats(connected.client(), &statistics) == UAKV_OK; // asks for no space and no segment
        });
        daemons.end();
        check_all_ways(connected, key, block_bytes);
        daemons.begin();
    }
}

// A block in a segment that this client has not mapped, and no daemon to ask for it.
void a_segment_that_is_not_mapped() {
    Succession daemons;
    const Connected writer(daemons), reader(daemons);
    const uakv_key first = make_key("large", 1), second = make_key("large", 2);
    CHECK_STATUS(store_block(writer.space(), first, large_bytes), UAKV_OK);
    CHECK_STATUS(store_block(writer.space(), second, large_bytes), UAKV_OK);
    daemons.end();
    const auto retrieve_later = [&](const uakv_key &key, auto body) {
        std::atomic<bool> begun{false};
        std::thread waiting([&] {
            begun = true;
            try {
                body(key);
            } catch (const Failure &failure) {
                fail_later(failure.what());
            }
        });
        await("the retrieve begins", [&] { return begun.load(); });
        daemons.begin();
        waiting.join();
        daemons.end();
    };
    retrieve_later(first, [&](const uakv_key &key) { check_stored(reader.space(), key, large_bytes); });
    retrieve_later(second, [&](const uakv_key &key) {
        std::vector<std::uint8_t> copy(large_bytes);
        CHECK_STATUS(uakv_retrieve_into(reader.space(), &key, copy.data(), copy.size(), nullptr, nullptr), UAKV_OK);
        check_block(copy.data(), copy.size(), key);
    });
    check_stored(reader.space(), first, large_bytes); // mapped now, whatever comes and goes
}

// It waits no longer than it may.
void no_daemon_comes() {
    Succession daemons;
    const Connected writer(daemons), reader(daemons, 50);
    const uakv_key key = make_key("large");
    CHECK_STATUS(store_block(writer.space(), key, large_bytes), UAKV_OK);
    daemons.end();
    uakv_view view{};
    CHECK_STATUS(uakv_retrieve(reader.space(), &key, nullptr, &view), UAKV_ERR_DISCONNECTED);
    CHECK_STATUS(uakv_retrieve_submit(reader.space(), &key, nullptr, 1), UAKV_PENDING);
    uakv_completion completion{};
    CHECK_EQ(uakv_poll(reader.client(), &completion, 1, 0), 1);
    CHECK_STATUS(completion.status, UAKV_ERR_DISCONNECTED);
    daemons.begin();
    await("the reader finds the block",
          [&] { return uakv_retrieve(reader.space(), &key, nullptr, &view) != UAKV_ERR_DISCONNECTED; });
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
}

// Somebody listens, as a service manager does for a daemon that it is about to start, but nobody answers: hits do not
// wait for that, and the client does not begin anew each time.
void a_daemon_that_is_slow_to_answer() {
    Succession daemons;
    const Connected connected(daemons);
    const uakv_key key = make_key("resident");
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    daemons.end();
    std::uint64_t slow = 0;
    std::uint32_t connections = 0;
    {
        auto listener = Listener::open(daemons.path());
        CHECK(listener.ok());
        std::vector<Fd> accepted;
        const std::uint64_t begun_ns = now_ns();
        while (now_ns() - begun_ns < 2 * ns_per_s) {
            const std::uint64_t before_ns = now_ns();
            check_stored(connected.space(), key, block_bytes);
            slow += now_ns() - before_ns > 4 * ns_per_ms ? 1U : 0U;
            auto came = accept_unix(listener.value().socket());
            CHECK(came.ok());
            if (came.value().valid()) {
                accepted.push_back(std::move(came.value()));
                ++connections;
            }
        }
    }
    CHECK_EQ(connections, 1);
    CHECK(slow > 0); // it has tried
    daemons.begin();
    connected.await_store(make_key("other"));
    check_stored(connected.space(), key, block_bytes);
}

constexpr Case cases[] = {
    {"hits_while_there_is_no_daemon", hits_while_there_is_no_daemon},
    {"no_hit_fails_meanwhile", no_hit_fails_meanwhile},
    {"nothing_is_left_to_ask", nothing_is_left_to_ask},
    {"a_segment_that_is_not_mapped", a_segment_that_is_not_mapped},
    {"no_daemon_comes", no_daemon_comes},
    {"a_daemon_that_is_slow_to_answer", a_daemon_that_is_slow_to_answer},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("client_succession", uakv::test::cases);
}
