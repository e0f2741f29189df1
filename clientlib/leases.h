// Which lease words of this client are in use, and by which view: private to the process, lock-free. The
// words themselves lie in shared memory and are written through lease_table.h.
#pragma once

#include "ipc/lease_table.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace uakv {

class Leases {
public:
    explicit Leases(SessionLayout &session);

    // A word of one's own; nothing when all are taken.
    std::optional<std::uint32_t> claim();

    // Gives a word back that no view has.
    void give_back(std::uint32_t word);

    // Starts the view on a claimed word, and returns the ticket that ends it.
    std::uint32_t open(std::uint32_t word);

    // Ends the view: clears the word and gives it back. False when it is not open (any more); of several
    // threads with copies of one view, one gets true.
    bool close(std::uint32_t word, std::uint32_t ticket);

private:
    static constexpr std::uint32_t groups = limits::lease_words / 64;

    struct State {
        std::array<std::atomic<std::uint64_t>, groups> used{};
        std::array<std::atomic<std::uint32_t>, limits::lease_words> tickets{}; // odd while a view is open
        std::atomic<std::uint32_t> covered{0};                                 // words below are within leases_high
    };

    SessionLayout &session_;
    std::unique_ptr<State> state_;
};

} // namespace uakv
