// As in_process, for what came with single flight, asynchronous calls and reconnecting: some threads of a client wait
// for their calls, others only submit and poll, two clients compute blocks for each other, and the daemon goes away
// under all of them, with memory in which they read. UAKV_TEST_OPERATIONS: how many calls each thread makes.
#include "clientlib/client.h"
#include "ipc/atomic.h"
#include "sample.h"
#include "served.h"
#include "support/check.h"
#include "support/pattern.h"
#include "threads.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t keys = 150;
constexpr std::size_t views_max = 4;
constexpr std::uint32_t patience_ms = 60'000;

std::uint64_t operations() {
    const char *text = std::getenv("UAKV_TEST_OPERATIONS");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : sanitized ? 2'000 : 20'000;
}

// More than fits into the memory.
std::size_t length_of(std::uint64_t number) {
    constexpr std::array<std::size_t, 4> lengths = {4'000, 40'000, 120'000, 270'001};
    return lengths[number % lengths.size()];
}

// They stay where they are, as asynchronous stores need it.
const std::vector<std::vector<std::uint8_t>> &blocks() {
    static const auto all = [] {
        std::vector<std::vector<std::uint8_t>> made;
        for (std::uint64_t number = 0; number < keys; ++number) {
            made.push_back(make_block(length_of(number), sample_key(number)));
        }
        return made;
    }();
    return all;
}

struct Totals {
    std::atomic<std::uint64_t> stored{0};
    std::atomic<std::uint64_t> hit{0};
    std::atomic<std::uint64_t> computed{0};
    std::atomic<std::uint64_t> lost{0}; // calls that the daemon took with it
    std::atomic<bool> may_lose{false};
    std::atomic<bool> endless{false}; // the threads go on until it is false
};

class Connected {
public:
    explicit Connected(const Served &server) {
        uakv_connect_options options{};
        options.struct_size = sizeof options;
        options.socket_path = server.path().c_str();
        options.timeout_ms = patience_ms;
        CHECK_STATUS(uakv_connect(&options, &client_), UAKV_OK);
        CHECK_STATUS(uakv_space_open(client_, "test", nullptr, &space_), UAKV_OK);
    }
    Connected(const Connected &) = delete;
    Connected &operator=(const Connected &) = delete;
    ~Connected() { uakv_disconnect(client_); }

    uakv_client *client() const { return client_; }
    uakv_space *space() const { return space_; }

    std::atomic<std::uint64_t> in_flight{0};

private:
    uakv_client *client_ = nullptr;
    uakv_space *space_ = nullptr;
};

struct OpenView {
    std::uint64_t number;
    uakv_view view;
};

// What both kinds of threads do.
class Caller {
public:
    Caller(Connected &connected, std::uint64_t seed, Totals &totals)
        : connected_(connected), totals_(totals), random_(seed) {}

protected:
    // Half of the time one of few, so that threads meet.
    std::uint64_t pick() { return random_.below(random_.below(2) == 0 ? keys / 10 : keys); }

    // Memory may be short, and the daemon may go away.
    void check_outcome(uakv_status status) {
        if (status == UAKV_ERR_DISCONNECTED) {
            CHECK(totals_.may_lose);
            totals_.lost.fetch_add(1, std::memory_order_relaxed);
        } else if (status == UAKV_OK) {
            totals_.stored.fetch_add(1, std::memory_order_relaxed);
        } else {
            CHECK_MESSAGE(status == UAKV_EXISTS || status == UAKV_MISS || status == UAKV_ERR_NO_SPACE,
                          std::string(uakv_status_name(status)) + ": " + last_error());
        }
    }

    // Views are kept for a while, the last ones to the end.
    void keep(std::uint64_t number, const uakv_view &view) {
        totals_.hit.fetch_add(1, std::memory_order_relaxed);
        check_view({number, view});
        views_.push_back({number, view});
        if (views_.size() > views_max) {
            end_view(random_.below(views_.size()));
        }
    }
    void end_views() {
        while (!views_.empty()) {
            end_view(0);
        }
    }
    void fill(const uakv_slot &slot, std::uint64_t number) {
        totals_.computed.fetch_add(1, std::memory_order_relaxed);
        fill_block(slot.data, slot.nbytes, sample_key(number));
    }

    Connected &connected_;
    Totals &totals_;
    Random random_;

private:
    static void check_view(const OpenView &open) {
        CHECK_EQ(open.view.nbytes, length_of(open.number));
        check_block(open.view.data, open.view.nbytes, sample_key(open.number));
    }
    void end_view(std::size_t place) {
        OpenView open = views_[place];
        views_.erase(views_.begin() + static_cast<std::ptrdiff_t>(place));
        check_view(open);
        CHECK_STATUS(uakv_release(&open.view), UAKV_OK);
    }

    std::vector<OpenView> views_;
};

// Waits for each of its calls.
class Waiter : public Caller {
public:
    using Caller::Caller;

    void run(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count || totals_.endless; ++i) {
            step(pick());
        }
        end_views();
    }

private:
    void step(std::uint64_t number) {
        const uakv_key key = sample_key(number);
        const std::uint64_t choice = random_.below(100);
        if (choice < 40) {
            uakv_view view;
            const uakv_status status = uakv_retrieve(connected_.space(), &key, nullptr, &view);
            status == UAKV_OK ? keep(number, view) : check_outcome(status);
        } else if (choice < 60) {
            const std::vector<std::uint8_t> &block = blocks()[number];
            check_outcome(uakv_store(connected_.space(), &key, block.data(), block.size(), nullptr));
        } else if (choice < 90) {
            retrieve_or_compute(number, key);
        } else if (choice < 95) {
            check_outcome(uakv_remove(connected_.space(), &key, 1, nullptr));
        } else {
            uakv_statistics values{};
            values.struct_size = sizeof values;
            check_outcome(uakv_stats(connected_.client(), &values));
        }
    }

    void retrieve_or_compute(std::uint64_t number, const uakv_key &key) {
        uakv_view view;
        uakv_slot slot;
        const uakv_status status =
            uakv_retrieve_or_reserve(connected_.space(), &key, length_of(number), patience_ms, &view, &slot);
        if (status == UAKV_OK) {
            keep(number, view);
        } else if (status == UAKV_MISS) {
            fill(slot, number);
            random_.below(4) == 0 ? CHECK_STATUS(uakv_abort(&slot), UAKV_OK) : check_outcome(uakv_commit(&slot));
        } else {
            check_outcome(status);
        }
    }
};

// Submits, and takes whatever completes, also what other threads of the client have submitted.
class Poller : public Caller {
public:
    using Caller::Caller;

    void run(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count || totals_.endless; ++i) {
            while (!submit(pick())) {
                poll(1000);
            }
            if (random_.below(4) == 0) {
                poll(0);
            }
        }
        while (connected_.in_flight > 0) {
            poll(100);
        }
        end_views();
    }

private:
    // False when too many are in flight.
    bool submit(std::uint64_t number) {
        connected_.in_flight.fetch_add(1);
        const uakv_status status = submit_one(number, sample_key(number));
        if (status == UAKV_PENDING) {
            return true;
        }
        connected_.in_flight.fetch_sub(1);
        if (status != UAKV_ERR_BUSY) {
            check_outcome(status);
        }
        return status != UAKV_ERR_BUSY;
    }

    uakv_status submit_one(std::uint64_t number, const uakv_key &key) {
        uakv_space *space = connected_.space();
        switch (random_.below(5)) {
        case 0:
            return uakv_retrieve_submit(space, &key, nullptr, number);
        case 1:
            return uakv_store_submit(space, &key, blocks()[number].data(), blocks()[number].size(), nullptr, number);
        case 2:
            return uakv_reserve_submit(space, &key, length_of(number), nullptr, number);
        case 3:
            return uakv_remove_submit(space, &key, 1, number);
        default:
            return uakv_retrieve_or_reserve_submit(space, &key, length_of(number), patience_ms, number);
        }
    }

    void poll(std::uint32_t timeout_ms) {
        std::array<uakv_completion, 8> completions{};
        const std::size_t count = uakv_poll(connected_.client(), completions.data(), completions.size(), timeout_ms);
        for (std::size_t i = 0; i < count; ++i) {
            connected_.in_flight.fetch_sub(1);
            completed(completions[i]);
        }
    }

    void completed(uakv_completion &completion) {
        const bool gives_view =
            completion.kind == UAKV_CALL_RETRIEVE || completion.kind == UAKV_CALL_RETRIEVE_OR_RESERVE;
        const bool gives_slot = (completion.kind == UAKV_CALL_RESERVE && completion.status == UAKV_OK) ||
                                (completion.kind == UAKV_CALL_RETRIEVE_OR_RESERVE && completion.status == UAKV_MISS);
        if (gives_slot) {
            compute(completion.result.slot, completion.user_data);
        } else if (gives_view && completion.status == UAKV_OK) {
            keep(completion.user_data, completion.result.view);
        } else {
            check_outcome(completion.status);
        }
    }

    void compute(uakv_slot &slot, std::uint64_t number) {
        fill(slot, number);
        connected_.in_flight.fetch_add(1);
        if (const uakv_status status = uakv_commit_submit(&slot, number); status != UAKV_PENDING) {
            connected_.in_flight.fetch_sub(1);
            CHECK(status == UAKV_ERR_BUSY || status == UAKV_ERR_DISCONNECTED);
            CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
        }
    }
};

constexpr std::uint64_t waiters = 3; // of each client
constexpr std::uint64_t pollers = 2;

void start_threads(Threads &threads, Connected &connected, std::uint64_t seed, Totals &totals, std::uint64_t count) {
    for (std::uint64_t i = 0; i < waiters; ++i) {
        threads.start([&connected, &totals, seed, i, count] { Waiter(connected, seed + i, totals).run(count); });
    }
    for (std::uint64_t i = 0; i < pollers; ++i) {
        threads.start(
            [&connected, &totals, seed, i, count] { Poller(connected, seed + waiters + i, totals).run(count); });
    }
}

// Nothing is left of what was held, by clients that are still there.
void check_accounts(const Connected &connected) {
    uakv_statistics now{};
    await("all is given back", [&] {
        now.struct_size = sizeof now;
        return uakv_stats(connected.client(), &now) == UAKV_OK && now.leases == 0 && now.slots_limbo == 0 &&
               now.flights == 0;
    });
    CHECK_EQ(now.corruptions, 0);
}

void waiting_and_polling() {
    Served server(settings_of({tenant_settings("default")}));
    Totals totals;
    Connected first(server);
    Connected second(server);
    Threads threads;
    start_threads(threads, first, 0, totals, operations());
    start_threads(threads, second, 100, totals, operations());
    threads.join();
    check_accounts(first);
    CHECK(totals.stored > 0 && totals.hit > 0 && totals.computed > 0);
    CHECK(totals.lost == 0);
}

void restart_often(Served &server, const Totals &totals) {
    for (int i = 0; i < 5; ++i) {
        const std::uint64_t hit = totals.hit;
        await("there is something to lose", [&] { return totals.hit > hit + 50; });
        server.restart();
    }
}

// Calls fail while there is no daemon; what is read stays right, and all goes on with the next one.
void daemon_goes_away() {
    Served server(settings_of({tenant_settings("default")}));
    Totals totals;
    totals.may_lose = true;
    totals.endless = true;
    Connected first(server);
    Connected second(server);
    Threads threads;
    start_threads(threads, first, 0, totals, operations() / 10);
    start_threads(threads, second, 100, totals, operations() / 10);
    threads.start([&] {
        try {
            restart_often(server, totals);
        } catch (...) {
            totals.endless = false;
            throw;
        }
        totals.endless = false;
    });
    threads.join();
    for (const Connected *each : {&first, &second}) {
        const uakv_key key = sample_key(keys);
        await("it is served again", [&] { return store_block(each->space(), key, 4'000) >= 0; });
    }
    check_accounts(first);
    CHECK(totals.stored > 0 && totals.computed > 0);
}

// The bell costs the daemon a system call, so it rings for what somebody polls for, and for nothing else.
void bell_is_for_calls_on_their_way() {
    Served server(settings_of({tenant_settings("default")}));
    Connected connected(server);
    const auto wanted = [&] {
        return load_relaxed(connected.client()->attachments.current().session().header.bell_wanted) != 0;
    };
    CHECK(uakv_event_fd(connected.client()) >= 0);
    CHECK(!wanted());
    for (std::uint64_t number = 0; number < 3; ++number) {
        const std::vector<std::uint8_t> &block = blocks()[number];
        const uakv_key key = sample_key(number);
        CHECK_STATUS(uakv_store_submit(connected.space(), &key, block.data(), block.size(), nullptr, number),
                     UAKV_PENDING);
        CHECK(wanted());
        uakv_completion completion{};
        CHECK_EQ(uakv_poll(connected.client(), &completion, 1, patience_ms), 1);
        CHECK_STATUS(completion.status, UAKV_OK);
        CHECK(!wanted());
    }
}

constexpr Case cases[] = {
    {"bell_is_for_calls_on_their_way", bell_is_for_calls_on_their_way},
    {"waiting_and_polling", waiting_and_polling},
    {"daemon_goes_away", daemon_goes_away},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("in_process_calls", uakv::test::cases);
}
