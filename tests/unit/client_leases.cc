// A client's lease words: each has one holder, a view ends once, and what may still use an attachment is known.
#include "clientlib/lease_cover.h"
#include "clientlib/leases.h"
#include "support/check.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint32_t first = 1; // attachments
constexpr std::uint32_t second = 2;

struct Table {
    Leases leases;

    // As a release does it.
    bool end(std::uint32_t word, std::uint32_t ticket) {
        const bool open = leases.close(word, ticket) != 0;
        if (open) {
            leases.give_back(word);
        }
        return open;
    }

    std::uint32_t claim() {
        const std::uint32_t word = leases.claim();
        CHECK(word != Leases::none);
        return word;
    }
};

void all_words_and_no_more() {
    Table table;
    std::set<std::uint32_t> words;
    for (std::uint32_t i = 0; i < limits::lease_words; ++i) {
        const std::uint32_t word = table.claim();
        CHECK(word < limits::lease_words);
        CHECK(words.insert(word).second);
    }
    CHECK_EQ(table.leases.claim(), Leases::none);
    table.leases.give_back(4711);
    CHECK_EQ(table.claim(), 4711);
    CHECK_EQ(table.leases.claim(), Leases::none);
}

// The daemon scans up to the highest word that was used.
void low_words_first() {
    Table table;
    for (int i = 0; i < 1000; ++i) {
        CHECK(table.claim() < 2048);
    }
}

void closed_once() {
    Table table;
    const std::uint32_t word = table.claim();
    const std::uint32_t ticket = table.leases.open(word, first);
    CHECK(!table.leases.close(word, ticket + 1));
    CHECK(!table.leases.close(word, ticket + 2));
    CHECK(!table.leases.close(word + 1, ticket));
    CHECK(!table.leases.close(limits::lease_words, ticket));
    CHECK(!table.leases.close(UINT32_MAX, ticket));
    CHECK(table.leases.close(word, ticket));
    CHECK(!table.leases.close(word, ticket));
}

// A copy of an old view does not end the new one on its word.
void old_tickets_are_void() {
    Table table;
    const std::uint32_t word = table.claim();
    const std::uint32_t before = table.leases.open(word, first);
    CHECK(table.end(word, before));
    CHECK_EQ(table.claim(), word);
    CHECK(!table.leases.close(word, before + 1)); // what it has while nothing is open
    const std::uint32_t now = table.leases.open(word, second);
    CHECK(now != before);
    CHECK(!table.leases.close(word, before));
    CHECK_EQ(table.leases.close(word, now), second);
}

void words_never_opened() {
    Table table;
    for (std::uint32_t ticket = 0; ticket < 4; ++ticket) {
        CHECK(!table.leases.close(0, ticket));
    }
}

// Threads that claim and close: never two on one word. And of two that close one view, one does.
void threads() {
    Table table;
    std::vector<std::atomic<int>> holders(limits::lease_words);
    std::atomic<int> shared_words{0};
    std::atomic<std::uint64_t> closed{0};
    constexpr int rounds = sanitized ? 5'000 : 50'000;
    const auto work = [&](int seed) {
        std::vector<std::pair<std::uint32_t, std::uint32_t>> open;
        for (int i = 0; i < rounds; ++i) {
            const std::uint32_t word = table.leases.claim();
            shared_words += ++holders[word] > 1 ? 1 : 0;
            open.emplace_back(word, table.leases.open(word, first));
            if (static_cast<int>(open.size()) > (i + seed) % 100) {
                --holders[open.back().first];
                closed += table.end(open.back().first, open.back().second) ? 1U : 0U;
                open.pop_back();
            }
        }
        for (const auto &[word, ticket] : open) {
            --holders[word];
            closed += table.end(word, ticket) ? 1U : 0U;
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int seed = 0; seed < 4; ++seed) {
        threads.emplace_back(work, seed);
    }
    std::for_each(threads.begin(), threads.end(), [](std::thread &thread) { thread.join(); });
    CHECK_EQ(shared_words.load(), 0);
    CHECK_EQ(closed.load(), 4 * rounds);
}

void threads_that_close_one_view() {
    Table table;
    for (int round = 0; round < 500; ++round) {
        const std::uint32_t word = table.claim();
        const std::uint32_t ticket = table.leases.open(word, first);
        std::atomic<int> closed{0};
        const auto close = [&] { closed += table.end(word, ticket) ? 1 : 0; };
        std::thread other(close);
        close();
        other.join();
        CHECK_EQ(closed.load(), 1);
    }
}

// The memory of an attachment may go when nothing can lead to it any more.
void users_of_an_attachment() {
    Table table;
    CHECK(!table.leases.may_use(first));
    const std::uint32_t word = table.claim();
    CHECK(table.leases.may_use(first)); // it may become a view of any
    CHECK(table.leases.may_use(second));
    const std::uint32_t ticket = table.leases.open(word, first);
    CHECK(table.leases.may_use(first));
    CHECK(!table.leases.may_use(second));
    CHECK_EQ(table.leases.close(word, ticket), first);
    CHECK(table.leases.may_use(first)); // its shared word is being cleared
    table.leases.give_back(word);
    CHECK(!table.leases.may_use(first));
}

void bytes_are_charged_and_refunded() {
    Table table;
    constexpr std::uint64_t max = 100;
    const std::uint32_t a = table.claim();
    const std::uint32_t b = table.claim();
    CHECK(table.leases.charge(a, 60, max));
    CHECK(!table.leases.charge(b, 41, max));
    CHECK(table.leases.charge(b, 40, max));
    table.leases.give_back(a);
    CHECK(!table.leases.charge(a, 61, max));
    table.leases.give_back(b);
    CHECK(table.leases.charge(a, 100, max));
    CHECK(!table.leases.charge(b, 1, max));
    CHECK(table.leases.charge(a, 99, max)); // in place of the 100
    CHECK(table.leases.charge(b, 1, max));
}

// A thread that asks for more than is left does not take it from one that asks for less.
void refusals_take_nothing() {
    Table table;
    constexpr std::uint64_t max = 100;
    CHECK(table.leases.charge(table.claim(), 90, max));
    std::atomic<std::uint64_t> refused{0};
    std::atomic<bool> stop{false};
    std::thread greedy([&] {
        while (!stop) {
            const std::uint32_t word = table.leases.claim();
            refused += table.leases.charge(word, 90, max) ? 0U : 1U;
            table.leases.give_back(word);
        }
    });
    std::uint64_t wrongly = 0;
    for (int rounds = 0; rounds < 2'000'000 || refused < 2'000'000; ++rounds) {
        const std::uint32_t word = table.leases.claim();
        wrongly += table.leases.charge(word, 10, max) ? 0U : 1U;
        table.leases.give_back(word);
    }
    stop = true;
    greedy.join();
    CHECK_EQ(wrongly, 0);
}

// Threads that claim words and cover them: none is beyond what the daemon scans.
void claimed_words_are_covered() {
    Table table;
    const auto session = std::make_unique<SessionLayout>();
    LeaseCover cover;
    std::atomic<std::uint64_t> not_covered{0};
    const auto work = [&] {
        for (int i = 0; i < 4000; ++i) {
            const std::uint32_t word = table.leases.claim();
            cover.cover(*session, word);
            not_covered += word >= load_relaxed(session->header.leases_high) ? 1U : 0U;
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back(work);
    }
    std::for_each(threads.begin(), threads.end(), [](std::thread &thread) { thread.join(); });
    CHECK_EQ(not_covered.load(), 0);
    CHECK(session->header.leases_high <= limits::lease_words);
}

constexpr Case cases[] = {
    {"all_words_and_no_more", all_words_and_no_more},
    {"low_words_first", low_words_first},
    {"closed_once", closed_once},
    {"old_tickets_are_void", old_tickets_are_void},
    {"words_never_opened", words_never_opened},
    {"users_of_an_attachment", users_of_an_attachment},
    {"bytes_are_charged_and_refunded", bytes_are_charged_and_refunded},
    {"refusals_take_nothing", refusals_take_nothing},
    {"claimed_words_are_covered", claimed_words_are_covered},
    {"threads", threads},
    {"threads_that_close_one_view", threads_that_close_one_view},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("client_leases", uakv::test::cases);
}
