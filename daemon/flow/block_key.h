// A block by its name: what is under way is found by it, because entries of the index come and go meanwhile.
#pragma once

#include "ipc/hashing.h"
#include "ipc/index_layout.h"

#include <cstddef>
#include <cstring>

namespace uakv::flow {

struct BlockKey {
    SpaceId space = 0;
    uakv_key key{};

    bool operator==(const BlockKey &other) const {
        return space == other.space && std::memcmp(&key, &other.key, sizeof key) == 0;
    }
};

// The seed is a secret: keys are chosen by clients.
struct BlockKeyHash {
    std::uint64_t seed = 0;

    std::size_t operator()(const BlockKey &block) const { return hash_of_key(block.key, block.space, seed); }
};

} // namespace uakv::flow
