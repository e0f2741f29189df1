// A client's lease words: each has one holder, and a view ends once.
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

struct Table {
    std::unique_ptr<SessionLayout> session = std::make_unique<SessionLayout>();
    Leases leases{*session};

    std::uint32_t claim() {
        const auto word = leases.claim();
        CHECK(word.has_value());
        return *word;
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
    CHECK(!table.leases.claim());
    CHECK_EQ(table.session->header.leases_high, limits::lease_words);
    table.leases.give_back(4711);
    CHECK_EQ(table.claim(), 4711);
    CHECK(!table.leases.claim());
}

void claimed_words_are_covered() {
    Table table;
    for (int i = 0; i < 1000; ++i) {
        CHECK(table.claim() < table.session->header.leases_high);
    }
    CHECK(table.session->header.leases_high <= 2048); // few words, short scans
}

void closed_once() {
    Table table;
    const std::uint32_t word = table.claim();
    const std::uint32_t ticket = table.leases.open(word);
    table.session->leases[word] = 99;
    CHECK(!table.leases.close(word, ticket + 1));
    CHECK(!table.leases.close(word, ticket + 2));
    CHECK(!table.leases.close(word + 1, ticket));
    CHECK(!table.leases.close(limits::lease_words, ticket));
    CHECK(!table.leases.close(UINT32_MAX, ticket));
    CHECK_EQ(table.session->leases[word], 99);
    CHECK(table.leases.close(word, ticket));
    CHECK_EQ(table.session->leases[word], 0);
    CHECK(!table.leases.close(word, ticket));
}

// A copy of an old view does not end the new one on its word.
void old_tickets_are_void() {
    Table table;
    const std::uint32_t word = table.claim();
    const std::uint32_t first = table.leases.open(word);
    CHECK(table.leases.close(word, first));
    CHECK_EQ(table.claim(), word);
    CHECK(!table.leases.close(word, first + 1)); // what it has while nothing is open
    const std::uint32_t second = table.leases.open(word);
    CHECK(second != first);
    CHECK(!table.leases.close(word, first));
    CHECK(table.leases.close(word, second));
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
    std::atomic<std::uint64_t> not_covered{0};
    constexpr int rounds = sanitized ? 5'000 : 50'000;
    const auto work = [&](int seed) {
        std::vector<std::pair<std::uint32_t, std::uint32_t>> open;
        for (int i = 0; i < rounds; ++i) {
            const std::uint32_t word = *table.leases.claim();
            shared_words += ++holders[word] > 1 ? 1 : 0;
            not_covered += word >= load_relaxed(table.session->header.leases_high) ? 1U : 0U;
            open.emplace_back(word, table.leases.open(word));
            if (static_cast<int>(open.size()) > (i + seed) % 100) {
                --holders[open.back().first];
                closed += table.leases.close(open.back().first, open.back().second) ? 1U : 0U;
                open.pop_back();
            }
        }
        for (const auto &[word, ticket] : open) {
            --holders[word];
            closed += table.leases.close(word, ticket) ? 1U : 0U;
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int seed = 0; seed < 4; ++seed) {
        threads.emplace_back(work, seed);
    }
    std::for_each(threads.begin(), threads.end(), [](std::thread &thread) { thread.join(); });
    CHECK_EQ(shared_words.load(), 0);
    CHECK_EQ(not_covered.load(), 0);
    CHECK_EQ(closed.load(), 4 * rounds);
}

void threads_that_close_one_view() {
    Table table;
    for (int round = 0; round < 500; ++round) {
        const std::uint32_t word = table.claim();
        const std::uint32_t ticket = table.leases.open(word);
        std::atomic<int> closed{0};
        const auto close = [&] { closed += table.leases.close(word, ticket) ? 1 : 0; };
        std::thread other(close);
        close();
        other.join();
        CHECK_EQ(closed.load(), 1);
    }
}

constexpr Case cases[] = {
    {"all_words_and_no_more", all_words_and_no_more},
    {"claimed_words_are_covered", claimed_words_are_covered},
    {"closed_once", closed_once},
    {"old_tickets_are_void", old_tickets_are_void},
    {"words_never_opened", words_never_opened},
    {"threads", threads},
    {"threads_that_close_one_view", threads_that_close_one_view},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("client_leases", uakv::test::cases);
}
