// Which lease words of this client are in use, by which view, and in which attachment: private to the process,
// lock-free. The words themselves lie in shared memory and are written through lease_table.h. A word that is in use
// in one attachment is used in no other.
#pragma once

#include "ipc/limits.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace uakv {

class Leases {
public:
    Leases();

    // A word of one's own; `none` when all are taken.
    static constexpr std::uint32_t none = limits::lease_words;
    std::uint32_t claim();

    // Gives a word back that no view has.
    void give_back(std::uint32_t word);

    // Starts a view on a claimed word, in the attachment of this number; returns the ticket that ends it.
    std::uint32_t open(std::uint32_t word, std::uint32_t attachment);

    // Ends the view; then the caller clears the shared word and gives the word back. The number of its attachment,
    // or 0 when it is not open (any more): of several threads with copies of one view, one gets the number.
    std::uint32_t close(std::uint32_t word, std::uint32_t ticket);

    // Ends the view for the caller alone: as close(), but the word goes on standing for its attachment until it is
    // given back, for something else than the caller still reads.
    std::uint32_t retire(std::uint32_t word, std::uint32_t ticket);

    void give_back_retired(std::uint32_t word);

    // Takes a retire() back: the view is open again, as if it had not been ended.
    void reopen(std::uint32_t word, std::uint32_t ticket);

    // Whether a view is open in this attachment, or a word claimed that may yet become one.
    bool may_use(std::uint32_t attachment) const;

    // Bytes that views are held on, where the tenant limits them; what was charged for the claimed word before no
    // longer counts. False: more than `max`, and nothing was charged.
    bool charge(std::uint32_t word, std::uint64_t bytes, std::uint64_t max);

private:
    // In the first group from this one on that has a free word.
    std::uint32_t claim_from(std::uint32_t first);

    static constexpr std::uint32_t groups = limits::lease_words / 64;

    struct State {
        std::array<std::atomic<std::uint64_t>, groups> used{};
        std::array<std::atomic<std::uint32_t>, limits::lease_words> tickets{}; // odd while a view is open
        std::array<std::atomic<std::uint32_t>, limits::lease_words> holders{}; // attachments; 0: none (yet)
    };
    using Charges = std::array<std::uint64_t, limits::lease_words>; // a word's belongs to the one who claimed it

    std::unique_ptr<State> state_;
    std::mutex charges_mutex_;
    std::unique_ptr<Charges> made_charges_;
    std::atomic<Charges *> charges_{nullptr}; // made when first needed
    std::atomic<std::uint64_t> charged_{0};
};

// ---- what each hit does: here, so that it is compiled into it -----------------------------------------------

// Threads begin their search at different groups, so that they rarely meet on one cache line; not at too
// many, because the daemon scans all words up to the highest that was used.
constexpr std::uint32_t lease_start_groups = 8;

inline std::uint32_t first_lease_group() {
    return static_cast<std::uint32_t>(
               (reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer()) >> 12) * 0x9E3779B97F4A7C15ULL >> 32) %
           lease_start_groups;
}

// Acquire: what the last holder did with the word happened before. Sequentially consistent: see attachments.h.
inline std::uint32_t Leases::claim() {
    const std::uint32_t group = first_lease_group();
    auto &used = state_->used[group];
    std::uint64_t bits = used.load(std::memory_order_relaxed);
    const auto bit = static_cast<std::uint32_t>(std::countr_one(bits));
    if (bits != ~0ULL && used.compare_exchange_strong(bits, bits | 1ULL << bit, std::memory_order_seq_cst,
                                                      std::memory_order_relaxed)) [[likely]] {
        return group * 64 + bit;
    }
    return claim_from(group);
}

inline void Leases::give_back(std::uint32_t word) {
    if (Charges *charges = charges_.load(std::memory_order_acquire)) [[unlikely]] {
        charged_.fetch_sub(std::exchange((*charges)[word], 0), std::memory_order_release);
    }
    state_->used[word / 64].fetch_and(~(1ULL << word % 64), std::memory_order_release);
}

inline std::uint32_t Leases::open(std::uint32_t word, std::uint32_t attachment) {
    state_->holders[word].store(attachment, std::memory_order_release);
    auto &ticket = state_->tickets[word];
    const std::uint32_t next = ticket.load(std::memory_order_relaxed) + 1;
    ticket.store(next, std::memory_order_relaxed);
    return next;
}

inline std::uint32_t Leases::retire(std::uint32_t word, std::uint32_t ticket) {
    if (word >= limits::lease_words || ticket % 2 == 0 ||
        !state_->tickets[word].compare_exchange_strong(ticket, ticket + 1, std::memory_order_relaxed)) {
        return 0;
    }
    return state_->holders[word].load(std::memory_order_relaxed);
}

inline void Leases::give_back_retired(std::uint32_t word) {
    state_->holders[word].store(0, std::memory_order_relaxed);
    give_back(word);
}

inline void Leases::reopen(std::uint32_t word, std::uint32_t ticket) {
    state_->tickets[word].store(ticket, std::memory_order_relaxed);
}

inline std::uint32_t Leases::close(std::uint32_t word, std::uint32_t ticket) {
    const std::uint32_t attachment = retire(word, ticket);
    if (attachment != 0) {
        state_->holders[word].store(0, std::memory_order_relaxed); // until it is given back, may_use() is true for all
    }
    return attachment;
}

} // namespace uakv
