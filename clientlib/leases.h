// Which lease words of this client are in use, by which view, and in which attachment: private to the process,
// lock-free. The words themselves lie in shared memory and are written through lease_table.h. A word that is in use
// in one attachment is used in no other.
#pragma once

#include "ipc/limits.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace uakv {

class Leases {
public:
    Leases();

    // A word of one's own; nothing when all are taken.
    std::optional<std::uint32_t> claim();

    // Gives a word back that no view has.
    void give_back(std::uint32_t word);

    // Starts a view on a claimed word, in the attachment of this number; returns the ticket that ends it.
    std::uint32_t open(std::uint32_t word, std::uint32_t attachment);

    // Ends the view; then the caller clears the shared word and gives the word back. The number of its attachment,
    // or 0 when it is not open (any more): of several threads with copies of one view, one gets the number.
    std::uint32_t close(std::uint32_t word, std::uint32_t ticket);

    // Whether a view is open in this attachment, or a word claimed that may yet become one.
    bool may_use(std::uint32_t attachment) const;

    // Bytes that views are held on, where the tenant limits them; what was charged for the claimed word before no
    // longer counts. False: more than `max`, and nothing was charged.
    bool charge(std::uint32_t word, std::uint64_t bytes, std::uint64_t max);

private:
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

} // namespace uakv
