// The blocks that simulations use: some spaces with some keys each. A key has one content, so whatever is served can be
// checked by itself. Made once, and the same in each run.
#pragma once

#include "ipc/wire.h"
#include "sim/device_driver.h"

#include <uakv.h>

#include <cstdint>
#include <span>
#include <vector>

namespace uakv::test {

using SimKey = std::uint32_t; // 0 to universe().size() - 1

struct SimBlock {
    std::uint32_t space = 0;
    uakv_key key{};
    std::size_t bytes = 0;
    std::uint64_t checksum = 0;
    PageBuffer memory; // in whole pages; what is behind the block is not zeros
};

class Universe {
public:
    static constexpr std::uint32_t spaces = 3;
    static constexpr std::uint32_t keys_per_space = 60;
    static constexpr SimKey keys = spaces * keys_per_space;
    static constexpr SimKey too_large = 0; // for the files of a simulation

    static Universe &get();

    SimBlock &block(SimKey key) { return blocks_[key]; }
    const SpaceDescription &space(std::uint32_t number) const { return spaces_[number]; }
    std::optional<SimKey> find(std::uint32_t space, const uakv_key &key) const;
    std::size_t bytes_max() const { return bytes_max_; }

private:
    Universe();

    std::vector<SpaceDescription> spaces_;
    std::vector<SimBlock> blocks_;
    std::size_t bytes_max_ = 0;
};

} // namespace uakv::test
