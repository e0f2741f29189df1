// Spaces have numbers of their own in each store of a tenant. Which belong together, by name and description, and which
// are being cleared in the arena.
#pragma once

#include "daemon/store/store.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace uakv::flow {

class DeviceSpaces {
public:
    DeviceSpaces(Store &arena, Store &host) : arena_(arena), host_(host) {}

    // Made where there is none yet. Nothing where there cannot be one.
    std::optional<SpaceId> to_host(SpaceId space);

    // Nothing where the arena has none; with `make`, where there cannot be one.
    std::optional<SpaceId> to_arena(SpaceId host_space, bool make);

    void clear_begun(SpaceId space) { ++at(space).clears; }
    void clear_ended(SpaceId space) { --at(space).clears; }
    bool is_clearing(SpaceId space) const { return space < spaces_.size() && spaces_[space].clears > 0; }

private:
    struct Space {
        std::optional<SpaceId> host;
        bool refused = false; // there cannot be one
        std::uint32_t clears = 0;
    };
    Space &at(SpaceId space);

    Store &arena_;
    Store &host_;
    std::vector<Space> spaces_;                    // by the arena's number
    std::vector<std::optional<SpaceId>> of_hosts_; // by the host's number
};

} // namespace uakv::flow
