#include "sim/universe.h"

#include "ipc/hashing.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace uakv::test {
namespace {

std::size_t pages_bytes(std::size_t bytes) {
    return (bytes + page - 1) / page * page;
}

// Most are small, for what matters is how many there are and not what is in them; some take several pages.
std::size_t length_of(SimKey key) {
    if (key == Universe::too_large) {
        return 3 << 20;
    }
    Random random(key);
    switch (random.below(4)) {
    case 0:
        return 1 + random.below(page);
    case 1:
        return page * (1 + random.below(4));
    case 2:
        return 1 + random.below(8 * page);
    default:
        return 1 + random.below(28 * page);
    }
}

} // namespace

Universe &Universe::get() {
    static Universe universe;
    return universe;
}

Universe::Universe() {
    for (std::uint32_t number = 0; number < spaces; ++number) {
        SpaceDescription description;
        description.block_bytes = 4096 * (number + 1);
        std::snprintf(description.name, sizeof description.name, "space %u", number);
        spaces_.push_back(description);
    }
    for (SimKey number = 0; number < keys; ++number) {
        const std::size_t bytes = length_of(number);
        SimBlock block{number / keys_per_space, make_key("block", number % keys_per_space), bytes, 0,
                       PageBuffer(pages_bytes(bytes))};
        block.memory.fill(number + 1);
        block.checksum = checksum_of(block.memory.all().data(), bytes);
        bytes_max_ = std::max(bytes_max_, block.memory.all().size());
        blocks_.push_back(std::move(block));
    }
}

std::optional<SimKey> Universe::find(std::uint32_t space, const uakv_key &key) const {
    for (SimKey number = space * keys_per_space; number < (space + 1) * keys_per_space; ++number) {
        if (std::memcmp(&blocks_[number].key, &key, sizeof key) == 0) {
            return number;
        }
    }
    return std::nullopt;
}

} // namespace uakv::test
