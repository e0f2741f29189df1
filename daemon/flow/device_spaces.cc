#include "daemon/flow/device_spaces.h"

#include "daemon/base/log.h"

namespace uakv::flow {
namespace {

// "As large as the daemon allows" is another size in each store.
SpaceDescription as_in(Store &there, Store &here, SpaceDescription description) {
    if (here.spaces().is_unbounded(description)) {
        description.block_bytes = there.segment_bytes();
    }
    return description;
}

} // namespace

DeviceSpaces::Space &DeviceSpaces::at(SpaceId space) {
    if (space >= spaces_.size()) {
        spaces_.resize(space + 1);
    }
    return spaces_[space];
}

std::optional<SpaceId> DeviceSpaces::to_host(SpaceId space) {
    const SpaceDescription *description = arena_.spaces().find(space);
    if (description == nullptr) {
        return std::nullopt;
    }
    Space &known = at(space);
    if (!known.host && !known.refused) {
        auto opened = host_.spaces().open(as_in(host_, arena_, *description), true);
        if (opened.ok()) {
            known.host = opened.value();
        } else {
            known.refused = true;
            log_warn("blocks of space \"{}\" stay on the device, and are lost when they leave it: {}",
                     description->name, opened.error().detail);
        }
    }
    return known.host;
}

std::optional<SpaceId> DeviceSpaces::to_arena(SpaceId host_space, bool make) {
    const SpaceDescription *description = host_.spaces().find(host_space);
    if (description == nullptr) {
        return std::nullopt;
    }
    if (host_space >= of_hosts_.size()) {
        of_hosts_.resize(host_space + 1);
    }
    if (!of_hosts_[host_space]) {
        auto opened = arena_.spaces().open(as_in(arena_, host_, *description), make);
        if (opened.ok()) {
            of_hosts_[host_space] = opened.value();
        }
    }
    return of_hosts_[host_space];
}

} // namespace uakv::flow
