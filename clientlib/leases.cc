#include "clientlib/leases.h"

#include <bit>

namespace uakv {

Leases::Leases() : state_(std::make_unique<State>()) {}

std::uint32_t Leases::claim_from(std::uint32_t first) {
    for (std::uint32_t i = 0; i < groups; ++i) {
        const std::uint32_t group = (first + i) % groups;
        auto &used = state_->used[group];
        std::uint64_t bits = used.load(std::memory_order_relaxed);
        while (bits != ~0ULL) {
            const auto bit = static_cast<std::uint32_t>(std::countr_one(bits));
            if (used.compare_exchange_weak(bits, bits | 1ULL << bit, std::memory_order_seq_cst,
                                           std::memory_order_relaxed)) {
                return group * 64 + bit;
            }
        }
    }
    return none;
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
