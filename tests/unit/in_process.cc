// The whole system in one process: a server in a thread, clients in others. With -DUAKV_SANITIZE=thread they
// use one mapping of each region (ipc/mapping.cc), so the sanitizer sees every race between daemon and clients.
//
// Random operations on memory that is far too small for all blocks: slots are evicted, wait in limbo and are
// reused all the time. Every block's bytes follow from its key, and are looked at when a view begins and again
// when it ends. UAKV_TEST_OPERATIONS: how many each thread does.
#include "sample.h"
#include "served.h"
#include "support/check.h"
#include "support/pattern.h"
#include "threads.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t keys = 500;
constexpr std::uint64_t threads_alone = 4;
constexpr std::uint64_t threads_sharing = 4;
constexpr std::size_t views_max = 6;
constexpr std::size_t slots_max = 2;

std::uint64_t operations() {
    const char *text = std::getenv("UAKV_TEST_OPERATIONS");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : sanitized ? 3'000 : 30'000;
}

// Five size classes for eight segments; the largest blocks are written past the caches.
std::size_t length_of(std::uint64_t number) {
    constexpr std::array<std::size_t, 7> lengths = {1, 4'000, 8'190, 40'000, 40'700, 120'000, 270'001};
    return lengths[number % lengths.size()] + number / lengths.size() % 3;
}

class Connected {
public:
    explicit Connected(const Served &server) : server_(server) { connect(); }
    Connected(const Connected &) = delete;
    Connected &operator=(const Connected &) = delete;
    ~Connected() { uakv_disconnect(client_); }

    void reconnect() {
        uakv_disconnect(client_);
        client_ = nullptr;
        connect();
    }
    uakv_client *client() const { return client_; }
    uakv_space *space() const { return space_; }

private:
    void connect() {
        uakv_connect_options options{};
        options.struct_size = sizeof options;
        options.socket_path = server_.path().c_str();
        CHECK_STATUS(uakv_connect(&options, &client_), UAKV_OK);
        CHECK_STATUS(uakv_space_open(client_, "test", nullptr, &space_), UAKV_OK);
    }

    const Served &server_;
    uakv_client *client_ = nullptr;
    uakv_space *space_ = nullptr;
};

struct OpenView {
    std::uint64_t number;
    uakv_view view;
};

struct OpenSlot {
    std::uint64_t number;
    uakv_slot slot;
};

// Views that one thread took and another one ends.
class Exchange {
public:
    // Gives one and takes another.
    OpenView swap(const OpenView &given, std::uint64_t random) {
        const std::scoped_lock lock(mutex_);
        views_.push_back(given);
        std::swap(views_[random % views_.size()], views_.back());
        const OpenView taken = views_.back();
        views_.pop_back();
        return taken;
    }

private:
    std::mutex mutex_;
    std::vector<OpenView> views_;
};

struct Totals {
    std::atomic<std::uint64_t> stored{0};
    std::atomic<std::uint64_t> hit{0};
    std::atomic<std::uint64_t> no_space{0};
};

// One thread's random life.
class Worker {
public:
    Worker(Connected &connected, bool alone, std::uint64_t seed, Totals &totals)
        : connected_(connected), alone_(alone), random_(seed), totals_(totals) {}

    void run(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            step();
        }
        while (!views_.empty()) {
            end_view();
        }
        while (!slots_.empty()) {
            end_slot();
        }
    }

private:
    void step() {
        const std::uint64_t number = pick();
        const std::uint64_t choice = random_.below(100);
        if (choice < 35) {
            retrieve(number);
        } else if (choice < 55) {
            store(number);
        } else if (choice < 75) {
            reserve(number);
        } else if (choice < 82) {
            retrieve_copy(number);
        } else if (choice < 86) {
            remove(number);
        } else if (choice < 90) {
            store_chain(number);
        } else if (choice < 93) {
            retrieve_chain(number);
        } else if (choice < 98) {
            look(number);
        } else if (choice < 99 || !alone_) {
            statistics();
        } else {
            reconnect();
        }
    }

    // Half of the time one of few, so that threads meet.
    std::uint64_t pick() { return random_.below(random_.below(2) == 0 ? keys / 10 : keys); }

    // Many blocks may be in use, and then there may be no room; nothing else may go wrong.
    void check_stored(uakv_status status) {
        if (status == UAKV_OK) {
            totals_.stored.fetch_add(1, std::memory_order_relaxed);
        } else if (status == UAKV_ERR_NO_SPACE) {
            totals_.no_space.fetch_add(1, std::memory_order_relaxed);
        } else {
            CHECK_STATUS(status, UAKV_EXISTS);
        }
    }

    void store(std::uint64_t number) {
        const uakv_key key = sample_key(number);
        const uakv_key parent = sample_key(number / 2);
        check_stored(store_block(connected_.space(), key, length_of(number), number > 0 ? &parent : nullptr));
    }

    void store_chain(std::uint64_t first) {
        std::vector<uakv_key> chain;
        std::vector<std::vector<std::uint8_t>> blocks;
        std::vector<const void *> data;
        std::vector<std::size_t> lengths;
        for (std::uint64_t number = first; number < std::min(first + 5, keys); ++number) {
            chain.push_back(sample_key(number));
            lengths.push_back(length_of(number));
            blocks.push_back(make_block(lengths.back(), chain.back()));
            data.push_back(blocks.back().data());
        }
        std::vector<uakv_status> each(chain.size());
        uakv_store_many(connected_.space(), chain.data(), data.data(), lengths.data(), chain.size(), each.data());
        std::for_each(each.begin(), each.end(), [this](uakv_status status) { check_stored(status); });
    }

    void reserve(std::uint64_t number) {
        if (slots_.size() == slots_max) {
            end_slot();
        }
        const uakv_key key = sample_key(number);
        OpenSlot open{number, {}};
        const uakv_status status = uakv_reserve(connected_.space(), &key, length_of(number), nullptr, &open.slot);
        if (status != UAKV_OK) {
            check_stored(status);
            return;
        }
        fill_block(open.slot.data, open.slot.nbytes, key);
        slots_.push_back(open);
    }

    void end_slot() {
        OpenSlot open = slots_.back();
        slots_.pop_back();
        // Nobody else has written to it.
        check_block(open.slot.data, open.slot.nbytes, sample_key(open.number));
        if (random_.below(3) == 0) {
            CHECK_STATUS(uakv_abort(&open.slot), UAKV_OK);
        } else {
            check_stored(uakv_commit(&open.slot));
        }
        CHECK_STATUS(uakv_abort(&open.slot), UAKV_ERR_INVALID);
    }

    void check_view(std::uint64_t number, const uakv_view &view) {
        CHECK_EQ(view.nbytes, length_of(number));
        check_block(view.data, view.nbytes, sample_key(number));
    }

    void retrieve(std::uint64_t number) {
        if (views_.size() == views_max) {
            end_view();
        }
        const uakv_key key = sample_key(number);
        uakv_retrieve_options options{};
        options.struct_size = sizeof options;
        options.flags = random_.below(4) == 0 ? UAKV_VERIFY : 0;
        uakv_view view;
        const uakv_status status = uakv_retrieve(connected_.space(), &key, &options, &view);
        if (status == UAKV_OK) {
            keep(number, view);
        } else {
            CHECK_STATUS(status, UAKV_MISS);
        }
    }

    void keep(std::uint64_t number, const uakv_view &view) {
        totals_.hit.fetch_add(1, std::memory_order_relaxed);
        check_view(number, view);
        views_.push_back({number, view});
        if (!alone_) {
            views_.back() = exchange_.swap(views_.back(), random_.next());
        }
    }

    void end_view() {
        const std::size_t place = random_.below(views_.size());
        OpenView open = views_[place];
        views_.erase(views_.begin() + static_cast<std::ptrdiff_t>(place));
        check_view(open.number, open.view);
        CHECK_STATUS(uakv_release(&open.view), UAKV_OK);
        CHECK_STATUS(uakv_release(&open.view), UAKV_ERR_INVALID);
    }

    void retrieve_chain(std::uint64_t first) {
        while (!views_.empty()) {
            end_view();
        }
        std::vector<uakv_key> chain;
        for (std::uint64_t number = first; number < std::min(first + views_max, keys); ++number) {
            chain.push_back(sample_key(number));
        }
        std::vector<uakv_view> views(chain.size());
        std::vector<uakv_status> each(chain.size());
        uakv_retrieve_many(connected_.space(), chain.data(), chain.size(), views.data(), each.data());
        for (std::size_t i = 0; i < chain.size(); ++i) {
            if (each[i] == UAKV_OK) {
                keep(first + i, views[i]);
            } else {
                CHECK_STATUS(each[i], UAKV_MISS);
            }
        }
    }

    void retrieve_copy(std::uint64_t number) {
        const uakv_key key = sample_key(number);
        std::vector<std::uint8_t> buffer(length_of(number));
        std::size_t length = 0;
        const uakv_status status =
            uakv_retrieve_into(connected_.space(), &key, buffer.data(), buffer.size(), &length, nullptr);
        if (status == UAKV_OK) {
            CHECK_EQ(length, buffer.size());
            check_block(buffer.data(), length, key);
        } else {
            CHECK_STATUS(status, UAKV_MISS);
        }
    }

    void remove(std::uint64_t number) {
        const uakv_key key = sample_key(number);
        std::size_t removed = 2;
        CHECK_STATUS(uakv_remove(connected_.space(), &key, 1, &removed), UAKV_OK);
        CHECK(removed <= 1);
    }

    void look(std::uint64_t number) {
        const std::array chain = {sample_key(number), sample_key(number / 2), sample_key(number / 4),
                                  sample_key(number / 8)};
        std::array<std::uint8_t, chain.size()> tiers{};
        CHECK_STATUS(uakv_contains(connected_.space(), chain.data(), chain.size(), tiers.data()), UAKV_OK);
        std::size_t matched = 0;
        CHECK_STATUS(uakv_match_prefix(connected_.space(), chain.data(), chain.size(), &matched, nullptr), UAKV_OK);
        CHECK(matched <= chain.size());
    }

    void statistics() {
        uakv_statistics values{};
        values.struct_size = sizeof values;
        CHECK_STATUS(uakv_stats(connected_.client(), &values), UAKV_OK);
        CHECK_EQ(values.bytes_capacity, limits::memory_bytes_min);
        CHECK(values.slots_granted <= values.bytes_capacity / limits::page_bytes);
    }

    // What it holds ends with the connection, and is not mistaken for the next one's.
    void reconnect() {
        connected_.reconnect();
        for (OpenView &open : views_) {
            CHECK_STATUS(uakv_release(&open.view), UAKV_ERR_INVALID);
        }
        for (OpenSlot &open : slots_) {
            CHECK_STATUS(uakv_commit(&open.slot), UAKV_ERR_INVALID);
        }
        views_.clear();
        slots_.clear();
    }

    static inline Exchange exchange_;

    Connected &connected_;
    const bool alone_;
    Random random_;
    Totals &totals_;
    std::vector<OpenView> views_;
    std::vector<OpenSlot> slots_;
};

uakv_statistics statistics_of(const Connected &connected) {
    uakv_statistics values{};
    values.struct_size = sizeof values;
    CHECK_STATUS(uakv_stats(connected.client(), &values), UAKV_OK);
    return values;
}

// A client that is gone has left nothing behind.
void check_accounts(const Connected &last) {
    await("all is given back", [&] {
        const uakv_statistics now = statistics_of(last);
        return now.clients == 1 && now.leases == 0 && now.slots_granted == 0 && now.slots_limbo == 0;
    });
    const uakv_statistics now = statistics_of(last);
    CHECK_EQ(now.corruptions, 0);
    CHECK_EQ(now.stores, now.blocks + now.evictions + now.removals);
}

void random_life() {
    Served server(settings_of({tenant_settings("default")}));
    Totals totals;
    {
        Connected shared(server);
        Threads threads;
        for (std::uint64_t i = 0; i < threads_alone; ++i) {
            threads.start([&, i] {
                Connected own(server);
                Worker(own, true, i, totals).run(operations());
            });
        }
        for (std::uint64_t i = 0; i < threads_sharing; ++i) {
            threads.start([&, i] { Worker(shared, false, threads_alone + i, totals).run(operations()); });
        }
        threads.join();
    }
    Connected last(server);
    check_accounts(last);
    const uakv_statistics now = statistics_of(last);
    CHECK_EQ(now.stores, totals.stored.load());
    CHECK(now.evictions > 0);
    CHECK(totals.hit > 0);
    CHECK_EQ(now.no_space, totals.no_space.load());
    CHECK(totals.stored > totals.no_space); // to be refused is the exception
}

constexpr Case cases[] = {
    {"random_life", random_life},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("in_process", uakv::test::cases);
}
