#include "clientlib/reservations.h"

namespace uakv {

std::uint64_t Reservations::add(Reservation reservation) {
    const std::scoped_lock lock(mutex_);
    if (free_.empty()) {
        free_.reserve(cells_.size() + 1); // so that take() cannot fail
        cells_.emplace_back();
        free_.push_back(static_cast<std::uint32_t>(cells_.size() - 1));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Cell &cell = cells_[index];
    ++cell.turn;
    cell.reservation = std::move(reservation);
    return static_cast<std::uint64_t>(cell.turn) << 32 | index;
}

std::optional<Reservation> Reservations::take(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    auto taken = withdraw(number);
    if (taken) {
        free_.push_back(static_cast<std::uint32_t>(number));
    }
    return taken;
}

std::optional<Reservation> Reservations::borrow(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    return withdraw(number);
}

// The caller holds the mutex.
std::optional<Reservation> Reservations::withdraw(std::uint64_t number) {
    const auto index = static_cast<std::uint32_t>(number);
    const auto turn = static_cast<std::uint32_t>(number >> 32);
    if (index >= cells_.size() || cells_[index].turn != turn || turn % 2 == 0) {
        return std::nullopt;
    }
    ++cells_[index].turn;
    return std::move(cells_[index].reservation);
}

void Reservations::bring_back(std::uint64_t number, Reservation reservation) {
    const std::scoped_lock lock(mutex_);
    Cell &cell = cells_[static_cast<std::uint32_t>(number)];
    cell.reservation = std::move(reservation);
    --cell.turn;
}

void Reservations::settle(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(static_cast<std::uint32_t>(number));
}

} // namespace uakv
