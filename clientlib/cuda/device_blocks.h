// Blocks on a device: what api_cuda does beyond a hit.
#pragma once

#include "clientlib/cuda/device_cache.h"

#include <span>

namespace uakv {

// A space of the caller's, and the one of the device's cache that goes with it.
struct DeviceSpace {
    DeviceCache &cache;
    uakv_space &host;
    uakv_space &device;
};

// What a retrieve does that has not hit, from the status of the try: takes another attachment, gives words back, or
// asks the daemon for what lies below. `request` counts misses; the try did not.
uakv_status retrieve_from_below(const DeviceSpace &space, const uakv_key &key, RetrieveRequest request,
                                uakv_status status, uakv_view &view);

uakv_status prefetch(const DeviceSpace &space, std::span<const uakv_key> keys);

uakv_status release_on_stream(const uakv_view &view, cuda::Stream stream);
uakv_status commit_on_stream(const uakv_slot &slot, cuda::Stream stream);

} // namespace uakv
