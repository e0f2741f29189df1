// The calls of uakv_cuda.h about single blocks: each exported function checks its arguments and calls one thing.
#include "abi/uakv_cuda.h"
#include "clientlib/arguments.h"
#include "clientlib/calls.h"
#include "clientlib/cuda/device_blocks.h"
#include "clientlib/hit.h"

using namespace uakv;

namespace {

// The space on the device, for checked arguments. Null, and then `status` says why.
[[gnu::always_inline]] inline uakv_space *space_on(std::int32_t device, uakv_space &space, std::uint64_t timeout_ns,
                                                   uakv_status &status) {
    DeviceCache *cache = device_caches(*space.client).find(device, timeout_ns, status);
    if (cache == nullptr) [[unlikely]] {
        return nullptr;
    }
    uakv_space *found = cache->space_of(space);
    if (found == nullptr) [[unlikely]] {
        status = UAKV_ERR_NO_SPACE;
    }
    return found;
}

[[gnu::noinline]] uakv_status go_below(uakv_space &space, uakv_space &on_device, const uakv_key &key,
                                       RetrieveRequest request, uakv_status status, uakv_view &view) {
    return retrieve_from_below({*on_device.client->device_cache, space, on_device}, key, request, status, view);
}

} // namespace

extern "C" {

uakv_status uakv_retrieve_cuda(uakv_space *space, const uakv_key *key, int32_t device,
                               const uakv_retrieve_options *options, uakv_view *view) {
    constexpr const char *call = "uakv_retrieve_cuda";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status checked = check_key(call, space, key); checked != UAKV_OK) {
            return checked;
        }
        if (view == nullptr) {
            return null_argument(call, "view");
        }
        RetrieveRequest request;
        uakv_status status = read_retrieve_options(call, *space, options, request);
        if (status != UAKV_OK) {
            return status;
        }
        if (request.verify) {
            return fail(UAKV_ERR_INVALID, "%s: UAKV_VERIFY needs the bytes on the host: use uakv_retrieve for that",
                        call);
        }
        uakv_space *on_device = space_on(device, *space, request.timeout_ns, status);
        if (on_device == nullptr) {
            return status;
        }
        RetrieveRequest quiet = request; // whether it is a miss shows below
        quiet.count_miss = false;
        status = try_hit(*on_device, *key, quiet, *view);
        if (status != UAKV_OK) [[unlikely]] {
            status = go_below(*space, *on_device, *key, request, status, *view);
            if (status != UAKV_OK) {
                return status;
            }
        }
        view->tier = UAKV_TIER_GPU;
        view->device = static_cast<std::uint32_t>(device);
        return UAKV_OK;
    });
}

uakv_status uakv_release_on_stream(uakv_view *view, uakv_stream stream) {
    constexpr const char *call = "uakv_release_on_stream";
    return guarded(call,
                   [&] { return view == nullptr ? null_argument(call, "view") : release_on_stream(*view, stream); });
}

uakv_status uakv_reserve_cuda(uakv_space *space, const uakv_key *key, size_t nbytes, int32_t device,
                              const uakv_store_options *options, uakv_slot *slot) {
    constexpr const char *call = "uakv_reserve_cuda";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        uakv_status status = check_block(call, space, key, nbytes);
        if (status != UAKV_OK) {
            return status;
        }
        if (slot == nullptr) {
            return null_argument(call, "slot");
        }
        status = read_store_options(call, options, complete, UAKV_TIER_GPU);
        if (status != UAKV_OK) {
            return status;
        }
        uakv_space *on_device = space_on(device, *space, space->client->timeout_ns, status);
        if (on_device == nullptr) {
            return status;
        }
        on_device->client->device_cache->commits().count();
        auto setting = begin_call(*on_device->client, TimedCall::reserve);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        StoreCall reserve(std::move(setting.value()), *on_device, *key, nullptr, nbytes, complete);
        status = run(reserve);
        if (status == UAKV_OK) {
            *slot = reserve.take_slot();
        }
        return status;
    });
}

uakv_status uakv_commit_on_stream(uakv_slot *slot, uakv_stream stream) {
    constexpr const char *call = "uakv_commit_on_stream";
    return guarded(call,
                   [&] { return slot == nullptr ? null_argument(call, "slot") : commit_on_stream(*slot, stream); });
}

uakv_status uakv_prefetch_cuda(uakv_space *space, const uakv_key *keys, size_t count, int32_t device) {
    constexpr const char *call = "uakv_prefetch_cuda";
    return guarded(call, [&]() -> uakv_status {
        uakv_status status = check_keys(call, space, keys, count);
        if (status != UAKV_OK) {
            return status;
        }
        uakv_space *on_device = space_on(device, *space, space->client->timeout_ns, status);
        if (on_device == nullptr) {
            return status;
        }
        return prefetch({*on_device->client->device_cache, *space, *on_device}, {keys, count});
    });
}

} // extern "C"
