// The spaces of the tenant: names with what their blocks are. They last as long as the state.
#pragma once

#include "daemon/store/state.h"
#include "ipc/index_layout.h"
#include "ipc/result.h"
#include "ipc/wire.h"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace uakv {

class Spaces {
public:
    explicit Spaces(State &state) : segment_bytes_(state.header().segment_bytes), state_(state) {}

    // Goes on with those that the state has. UAKV_ERR_LAYOUT when one of them cannot be.
    Result<void> load();

    // The space of this name, made if it does not exist and may_create. The description comes from a client
    // and is checked. UAKV_ERR_LAYOUT names the field in which it differs from the space.
    Result<SpaceId> open(const SpaceDescription &wanted, bool may_create);

    // Null when there is no such space.
    const SpaceDescription *find(SpaceId space) const { return space < spaces_.size() ? &spaces_[space] : nullptr; }
    // It has no layout, and its blocks may be as large as this daemon allows, which another memory changes.
    bool is_unbounded(const SpaceDescription &space) const {
        return space.ndim == 0 && space.block_bytes == segment_bytes_;
    }
    std::size_t count() const { return spaces_.size(); }

private:
    Result<void> check(const SpaceDescription &wanted) const;
    void add(const SpaceDescription &space);

    std::uint64_t segment_bytes_;
    State &state_;
    std::vector<SpaceDescription> spaces_;
    std::unordered_map<std::string, SpaceId> names_;
};

} // namespace uakv
