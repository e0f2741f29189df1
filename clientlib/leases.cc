#include "clientlib/leases.h"

#include <bit>
#include <pthread.h>
#include <utility>

namespace uakv {
namespace {

// Threads begin their search at different groups, so that they rarely meet on one cache line; not at too
// many, because the daemon scans all words up to the highest that was used.
constexpr std::uint32_t start_groups = 8;

std::uint32_t first_group() {
    return static_cast<std::uint32_t>((pthread_self() >> 12) * 0x9E3779B97F4A7C15ULL >> 32) % start_groups;
}

} // namespace

Leases::Leases() : state_(std::make_unique<State>()) {}

std::optional<std::uint32_t> Leases::claim() {
    const std::uint32_t first = first_group();
    for (std::uint32_t i = 0; i < groups; ++i) {
        const std::uint32_t group = (first + i) % groups;
        auto &used = state_->used[group];
        std::uint64_t bits = used.load(std::memory_order_relaxed);
        while (bits != ~0ULL) {
            const auto bit = static_cast<std::uint32_t>(std::countr_one(bits));
            // Acquire: what the last holder did with the word happened before. Sequentially consistent: see
            // attachments.h.
            if (used.compare_exchange_weak(bits, bits | 1ULL << bit, std::memory_order_seq_cst,
                                           std::memory_order_relaxed)) {
                return group * 64 + bit;
            }
        }
    }
    return std::nullopt;
}

void Leases::give_back(std::uint32_t word) {
    if (Charges *charges = charges_.load(std::memory_order_acquire)) [[unlikely]] {
        charged_.fetch_sub(std::exchange((*charges)[word], 0), std::memory_order_release);
    }
    state_->used[word / 64].fetch_and(~(1ULL << word % 64), std::memory_order_release);
}

std::uint32_t Leases::open(std::uint32_t word, std::uint32_t attachment) {
    state_->holders[word].store(attachment, std::memory_order_release);
    auto &ticket = state_->tickets[word];
    const std::uint32_t next = ticket.load(std::memory_order_relaxed) + 1;
    ticket.store(next, std::memory_order_relaxed);
    return next;
}

std::uint32_t Leases::close(std::uint32_t word, std::uint32_t ticket) {
    if (word >= limits::lease_words || ticket % 2 == 0 ||
        !state_->tickets[word].compare_exchange_strong(ticket, ticket + 1, std::memory_order_relaxed)) {
        return 0;
    }
    auto &holder = state_->holders[word];
    const std::uint32_t attachment = holder.load(std::memory_order_relaxed);
    holder.store(0, std::memory_order_relaxed); // until it is given back, may_use() is true for all
    return attachment;
}

// A word that is claimed after the change of attachments cannot lead to the old one; so what is seen here, once, is
// all that counts.
bool Leases::may_use(std::uint32_t attachment) const {
    for (std::uint32_t group = 0; group < groups; ++group) {
        for (std::uint64_t bits = state_->used[group].load(std::memory_order_seq_cst); bits != 0; bits &= bits - 1) {
            const std::uint32_t word = group * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
            const std::uint32_t holder = state_->holders[word].load(std::memory_order_acquire);
            if (holder == 0 || holder == attachment) {
                return true;
            }
        }
    }
    return false;
}

bool Leases::charge(std::uint32_t word, std::uint64_t bytes, std::uint64_t max) {
    Charges *charges = charges_.load(std::memory_order_acquire);
    if (charges == nullptr) [[unlikely]] {
        const std::scoped_lock lock(charges_mutex_);
        if (made_charges_ == nullptr) {
            made_charges_ = std::make_unique<Charges>();
            charges_.store(made_charges_.get(), std::memory_order_release);
        }
        charges = made_charges_.get();
    }
    charged_.fetch_sub(std::exchange((*charges)[word], 0), std::memory_order_relaxed);
    // Never more than max, not even for a moment: another thread, for which there is room, would be refused. Acquire,
    // and release where it is given back: the lease that was there before has ended for all to see.
    std::uint64_t before = charged_.load(std::memory_order_relaxed);
    do {
        if (before > max || bytes > max - before) {
            return false;
        }
    } while (
        !charged_.compare_exchange_weak(before, before + bytes, std::memory_order_acquire, std::memory_order_relaxed));
    (*charges)[word] = bytes;
    return true;
}

} // namespace uakv
