// Why a block is not there any more: the last departures, for the operator who asks. The history is bounded: when it
// is full, the newest takes the place of the oldest. Its memory comes as it fills, and is at most a megabyte.
//
// A key that was stored again since is still found here: ask the index first.
#pragma once

#include "ipc/index_layout.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace uakv {

enum class Departure : std::uint8_t {
    evicted,    // to make room
    rebalanced, // evicted, because its segment was taken over for blocks of another size
    removed,    // by a client
    cleared,    // by a client, with all of its space
    expired,
    corrupt,
    dropped, // from the disk, where it was alone: for room, or because it was damaged there
};

const char *name_of(Departure why);

struct PastBlock {
    Departure why{};
    std::uint64_t left_ms = 0; // boot_ms()
};

class Departures {
public:
    static constexpr std::uint32_t capacity = 16384;

    // Nothing has left before `since_ms` (boot_ms). The seed is a secret: keys are chosen by clients.
    Departures(std::uint64_t since_ms, std::uint64_t seed) : since_ms_(since_ms), seed_(seed) {}

    void add(SpaceId space, const uakv_key &key, Departure why, std::uint64_t left_ms);

    // How the key left last.
    std::optional<PastBlock> find(SpaceId space, const uakv_key &key) const;

    // Who left earlier is forgotten.
    std::uint64_t since_ms() const { return since_ms_; }
    std::size_t count() const { return records_.size(); }

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::size_t chains = capacity;

    struct Record {
        uakv_key key{};
        std::uint64_t left_ms = 0;
        std::uint32_t older = none; // in the same chain
        std::uint16_t space = 0;
        Departure why{};
    };
    static_assert(capacity * sizeof(Record) + chains * sizeof(std::uint32_t) <= 1 << 20);

    std::size_t chain_of(SpaceId space, const uakv_key &key) const;
    void forget(std::uint32_t number);

    std::uint64_t since_ms_;
    std::uint64_t seed_;
    std::vector<Record> records_;       // a ring, once it is full
    std::uint32_t next_ = 0;            // where the next one goes
    std::vector<std::uint32_t> newest_; // of each chain
};

} // namespace uakv
