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
    const auto index = static_cast<std::uint32_t>(number);
    const auto turn = static_cast<std::uint32_t>(number >> 32);
    const std::scoped_lock lock(mutex_);
    if (index >= cells_.size() || cells_[index].turn != turn || turn % 2 == 0) {
        return std::nullopt;
    }
    ++cells_[index].turn;
    free_.push_back(index);
    return std::move(cells_[index].reservation);
}

} // namespace uakv
