// The small parts of the client: reservations, granted slots, handles.
#include "clientlib/client.h"
#include "clientlib/grants.h"
#include "clientlib/handles.h"
#include "clientlib/reservations.h"
#include "ipc/kept_slots.h"
#include "ipc/limits.h"
#include "support/check.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace uakv::test {
namespace {

Reservation reservation_of(std::uint64_t length) {
    Reservation reservation;
    reservation.length = length;
    return reservation;
}

void reservation_is_taken_once() {
    Reservations reservations;
    const std::uint64_t first = reservations.add(reservation_of(1));
    const std::uint64_t second = reservations.add(reservation_of(2));
    CHECK(first != second);
    CHECK_EQ(reservations.take(second)->length, 2);
    CHECK_EQ(reservations.take(first)->length, 1);
    CHECK(!reservations.take(first));
    CHECK(!reservations.take(second));
}

void numbers_are_never_used_again() {
    Reservations reservations;
    std::set<std::uint64_t> numbers;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const std::uint64_t number = reservations.add(reservation_of(i));
        CHECK(numbers.insert(number).second);
        CHECK_EQ(reservations.take(number)->length, i);
    }
    for (const std::uint64_t number : numbers) {
        CHECK(!reservations.take(number));
    }
}

void numbers_that_were_never_given() {
    Reservations reservations;
    const std::uint64_t number = reservations.add(reservation_of(1));
    CHECK(!reservations.take(0));
    CHECK(!reservations.take(number + 1));
    CHECK(!reservations.take(number + (1ULL << 32)));
    CHECK(!reservations.take(UINT64_MAX));
    CHECK(reservations.take(number).has_value());
    CHECK(!reservations.take(number + (1ULL << 32))); // the turn that it has now: nothing is open
}

struct Kept {
    std::unique_ptr<SessionLayout> session = std::make_unique<SessionLayout>();
    Grants grants{*session};

    // As the daemon does it, for slots of these segments.
    std::vector<GrantedSlot> reclaim(const std::set<SegmentId> &held) {
        std::vector<GrantedSlot> slots;
        reclaim_kept(
            *session, [&](SegmentId segment, std::uint32_t) { return held.count(segment) != 0; },
            [&](SegmentId segment, std::uint32_t slot) {
                slots.push_back({segment, slot, 0, 0});
            });
        return slots;
    }
};

void grants_by_class() {
    Kept kept;
    Grants &grants = kept.grants;
    CHECK(!grants.take(0));
    CHECK(grants.keep({1, 2, 3 * 4096, 4096}));
    CHECK(grants.keep({4, 5, 6 * 4096, 4096}));
    CHECK(grants.keep({7, 8, 0, slot_bytes_of(30)}));
    CHECK_EQ(grants.take(30)->slot, 8);
    CHECK(!grants.take(30));
    CHECK(!grants.take(1));
    const auto one = grants.take(0);
    const auto other = grants.take(0);
    CHECK_EQ(one->segment + other->segment, 5);
    CHECK_EQ(one->offset + other->offset, 9 * 4096);
    CHECK(!grants.take(0));
    CHECK(kept.reclaim({1, 4, 7}).empty()); // what is in use is not to be had
}

void grants_are_kept_up_to_a_number() {
    Kept kept;
    Grants &grants = kept.grants;
    for (std::uint32_t i = 0; i < limits::kept_slots_of_class_max; ++i) {
        CHECK(grants.keep({0, i, 0, 4096}));
    }
    CHECK(!grants.keep({0, 99, 0, 4096}));
    CHECK(grants.keep({0, 0, 0, 8192}));
    grants.keep_always({0, 100, 0, 4096});
    std::set<std::uint32_t> slots;
    while (const auto slot = grants.take(0)) {
        CHECK(slots.insert(slot->slot).second);
    }
    CHECK_EQ(slots.size(), limits::kept_slots_of_class_max + 1);
    CHECK_EQ(slots.count(99), 0);
    SizeClass size_class = 1;
    for (std::uint32_t i = 1; i < limits::kept_slots_max; ++i) { // one is taken, by 8192 bytes
        CHECK(grants.keep({0, i, 0, slot_bytes_of(++size_class)}));
    }
    CHECK(!grants.keep({0, 0, 0, 4096}));
}

void daemon_takes_kept_slots_back() {
    Kept kept;
    for (std::uint32_t i = 0; i < 4; ++i) {
        CHECK(kept.grants.keep({i, 10 + i, 0, 4096}));
    }
    const auto taken = kept.reclaim({1, 2, 9});
    CHECK_EQ(taken.size(), 2);
    CHECK_EQ(taken[0].slot + taken[1].slot, 23);
    CHECK(kept.reclaim({1, 2}).empty());
    CHECK_EQ(kept.grants.take(0)->segment + kept.grants.take(0)->segment, 3); // 0 and 3 are left
    CHECK(!kept.grants.take(0));
    CHECK(kept.grants.keep({5, 1, 0, 4096})); // the places can be used again
    CHECK_EQ(kept.grants.take(0)->segment, 5);
}

// A hostile client writes what it likes: only slots that it holds are taken back, each once.
void kept_words_of_nonsense() {
    Kept kept;
    kept.session->kept[0] = UINT64_MAX;
    kept.session->kept[1] = 1;
    kept.session->kept[2] = make_kept(3, 4);
    kept.session->kept[3] = make_kept(3, 4);
    bool held = true;
    int taken = 0;
    reclaim_kept(
        *kept.session, [&](SegmentId segment, std::uint32_t slot) { return held && segment == 3 && slot == 4; },
        [&](SegmentId, std::uint32_t) {
            held = false;
            ++taken;
        });
    CHECK_EQ(taken, 1);
    CHECK_EQ(kept.session->kept[0], UINT64_MAX);
}

// Client and daemon reach for the same slots: each goes to one of them.
void both_reach_for_a_slot() {
    Kept kept;
    constexpr std::uint32_t rounds = sanitized ? 10'000 : 100'000;
    std::vector<std::atomic<int>> owners(rounds);
    std::atomic<bool> stop{false};
    std::thread daemon([&] {
        while (!stop) {
            for (const GrantedSlot &slot : kept.reclaim({1})) {
                ++owners[slot.slot];
            }
        }
    });
    for (std::uint32_t i = 0; i < rounds; ++i) {
        if (!kept.grants.keep({1, i, 0, 4096})) {
            ++owners[i]; // would go back by a message
        }
        if (i % 3 == 0) {
            if (const auto slot = kept.grants.take(0)) {
                ++owners[slot->slot];
            }
        }
    }
    stop = true;
    daemon.join();
    while (const auto slot = kept.grants.take(0)) {
        ++owners[slot->slot];
    }
    CHECK(std::all_of(owners.begin(), owners.end(), [](const auto &count) { return count == 1; }));
}

// Only their addresses count.
std::deque<uakv_client> &some_clients() {
    static std::deque<uakv_client> clients;
    while (clients.size() <= limits::clients_per_process_max) {
        clients.emplace_back(Target{}, 0, 0);
    }
    return clients;
}

void handles_of_clients() {
    auto &clients = some_clients();
    CHECK(client_of_handle(0) == nullptr);
    CHECK(client_of_handle(12345) == nullptr);
    CHECK(client_of_handle(UINT64_MAX) == nullptr);
    std::vector<std::uint64_t> handles;
    for (std::size_t i = 0; i < limits::clients_per_process_max; ++i) {
        handles.push_back(register_client(&clients[i]));
        CHECK(handles.back() != 0);
    }
    CHECK_EQ(register_client(&clients.back()), 0);
    for (std::size_t i = 0; i < handles.size(); ++i) {
        CHECK(client_of_handle(handles[i]) == &clients[i]);
    }
    unregister_client(handles[5]);
    CHECK(client_of_handle(handles[5]) == nullptr);
    const std::uint64_t again = register_client(&clients.back());
    CHECK(again != 0);
    CHECK(std::count(handles.begin(), handles.end(), again) == 0); // never used twice
    CHECK(client_of_handle(again) == &clients.back());
    CHECK(client_of_handle(handles[5]) == nullptr);
    unregister_client(again);
    handles.erase(handles.begin() + 5);
    std::for_each(handles.begin(), handles.end(), unregister_client);
    for (const std::uint64_t handle : handles) {
        CHECK(client_of_handle(handle) == nullptr);
    }
}

void threads() {
    Reservations reservations;
    std::atomic<int> wrong{0};
    const auto work = [&](std::uint64_t seed) {
        for (std::uint64_t i = 0; i < 5'000; ++i) {
            const std::uint64_t number = reservations.add(reservation_of(seed * 10'000 + i));
            const auto taken = reservations.take(number);
            wrong += taken && taken->length == seed * 10'000 + i ? 0 : 1;
            wrong += reservations.take(number) ? 1 : 0;
            const std::uint64_t handle = register_client(&some_clients()[seed]);
            wrong += client_of_handle(handle) == &some_clients()[seed] ? 0 : 1;
            unregister_client(handle);
            wrong += client_of_handle(handle) == nullptr ? 0 : 1;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        threads.emplace_back(work, seed);
    }
    std::for_each(threads.begin(), threads.end(), [](std::thread &thread) { thread.join(); });
    CHECK_EQ(wrong.load(), 0);
}

constexpr Case cases[] = {
    {"reservation_is_taken_once", reservation_is_taken_once},
    {"numbers_are_never_used_again", numbers_are_never_used_again},
    {"numbers_that_were_never_given", numbers_that_were_never_given},
    {"grants_by_class", grants_by_class},
    {"grants_are_kept_up_to_a_number", grants_are_kept_up_to_a_number},
    {"daemon_takes_kept_slots_back", daemon_takes_kept_slots_back},
    {"kept_words_of_nonsense", kept_words_of_nonsense},
    {"both_reach_for_a_slot", both_reach_for_a_slot},
    {"handles_of_clients", handles_of_clients},
    {"threads", threads},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("client_parts", uakv::test::cases);
}
