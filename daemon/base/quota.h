// What somebody may hold at most, and how much of it is held. Whoever hands something out charges it first and keeps
// the Charge with the thing: when the thing goes, so does the Charge, and what it took is free again.
#pragma once

#include "ipc/assertion.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace uakv {

class Quota;

// A part of a quota that is held; ends before its quota does.
class Charge {
public:
    Charge() = default;
    Charge(Charge &&other) noexcept : quota_(std::exchange(other.quota_, nullptr)), amount_(other.amount_) {}
    Charge &operator=(Charge &&other) noexcept {
        const Charge old(std::move(*this));
        quota_ = std::exchange(other.quota_, nullptr);
        amount_ = other.amount_;
        return *this;
    }
    Charge(const Charge &) = delete;
    Charge &operator=(const Charge &) = delete;
    inline ~Charge();

private:
    friend class Quota;
    Charge(Quota &quota, std::uint64_t amount) : quota_(&quota), amount_(amount) {}

    Quota *quota_ = nullptr;
    std::uint64_t amount_ = 0;
};

class Quota {
public:
    static constexpr std::uint64_t no_limit = UINT64_MAX;

    explicit Quota(std::uint64_t max = no_limit) : max_(max) {}
    Quota(const Quota &) = delete;
    Quota &operator=(const Quota &) = delete;
    ~Quota() { UAKV_ASSERT(used_ == 0); }

    // Nothing when less than `amount` is left.
    std::optional<Charge> charge(std::uint64_t amount) {
        if (used_ > max_ || amount > max_ - used_) {
            return std::nullopt;
        }
        used_ += amount;
        return Charge(*this, amount);
    }

    // What is held already stays, even where it is more.
    void set_max(std::uint64_t max) { max_ = max; }

    std::uint64_t max() const { return max_; }
    std::uint64_t used() const { return used_; }

private:
    friend class Charge;

    std::uint64_t max_;
    std::uint64_t used_ = 0;
};

Charge::~Charge() {
    if (quota_ != nullptr) {
        UAKV_ASSERT(quota_->used_ >= amount_);
        quota_->used_ -= amount_;
    }
}

} // namespace uakv
