#include "clientlib/leases.h"

#include <bit>
#include <pthread.h>

namespace uakv {
namespace {

// Threads begin their search at different groups, so that they rarely meet on one cache line; not at too
// many, because the daemon scans all words up to the highest that was used.
constexpr std::uint32_t start_groups = 8;

std::uint32_t first_group() {
    return static_cast<std::uint32_t>((pthread_self() >> 12) * 0x9E3779B97F4A7C15ULL >> 32) % start_groups;
}

} // namespace

Leases::Leases(SessionLayout &session) : session_(session), state_(std::make_unique<State>()) {}

std::optional<std::uint32_t> Leases::claim() {
    const std::uint32_t first = first_group();
    for (std::uint32_t i = 0; i < groups; ++i) {
        const std::uint32_t group = (first + i) % groups;
        auto &used = state_->used[group];
        std::uint64_t bits = used.load(std::memory_order_relaxed);
        while (bits != ~0ULL) {
            const auto bit = static_cast<std::uint32_t>(std::countr_one(bits));
            // Acquire: what the last holder did with the word happened before.
            if (used.compare_exchange_weak(bits, bits | 1ULL << bit, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
                const std::uint32_t word = group * 64 + bit;
                // Who sees that a word is covered also makes it so for the daemon: the fence of its lease_begin
                // then orders the leases_high that another thread has raised.
                if (word >= state_->covered.load(std::memory_order_acquire)) {
                    lease_cover(session_, word);
                    state_->covered.store(word + 1, std::memory_order_release);
                }
                return word;
            }
        }
    }
    return std::nullopt;
}

void Leases::give_back(std::uint32_t word) {
    state_->used[word / 64].fetch_and(~(1ULL << word % 64), std::memory_order_release);
}

std::uint32_t Leases::open(std::uint32_t word) {
    auto &ticket = state_->tickets[word];
    const std::uint32_t next = ticket.load(std::memory_order_relaxed) + 1;
    ticket.store(next, std::memory_order_relaxed);
    return next;
}

bool Leases::close(std::uint32_t word, std::uint32_t ticket) {
    if (word >= limits::lease_words || ticket % 2 == 0 ||
        !state_->tickets[word].compare_exchange_strong(ticket, ticket + 1, std::memory_order_relaxed)) {
        return false;
    }
    lease_end(session_, word);
    give_back(word);
    return true;
}

} // namespace uakv
