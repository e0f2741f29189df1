// What a reserved slot will become: everything about it that does not fit into the caller's uakv_slot, and
// the guard that each slot is ended once.
#pragma once

#include "clientlib/attachments.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace uakv {

struct Reservation {
    Visit visit; // of the attachment that it was granted on: it stays until the slot is ended
    const uakv_space *space = nullptr;
    SpaceId space_id = 0;
    GrantedSlot slot;
    uakv_key key{};
    uakv_key parent{};
    bool has_parent = false;
    bool flight = false; // others wait for this block
    std::uint32_t ttl_ms = 0;
    std::uint64_t length = 0;
    std::byte *data = nullptr;
};

class Reservations {
public:
    // The number under which it is taken again, once. Throws std::bad_alloc.
    std::uint64_t add(Reservation reservation);

    // Nothing when the number is not (or no longer) that of an open reservation.
    std::optional<Reservation> take(std::uint64_t number);

    // The same in two steps: what was borrowed is open to nobody until it is brought back, or settled for good.
    std::optional<Reservation> borrow(std::uint64_t number);
    void bring_back(std::uint64_t number, Reservation reservation);
    void settle(std::uint64_t number);

private:
    struct Cell {
        std::uint32_t turn = 0; // odd while it is taken
        Reservation reservation;
    };

    std::optional<Reservation> withdraw(std::uint64_t number);

    std::mutex mutex_;
    std::vector<Cell> cells_;
    std::vector<std::uint32_t> free_;
};

} // namespace uakv
