// The calls of uakv_cuda.h about an engine's paged cache: each exported function checks its arguments and calls one
// thing.
#include "abi/uakv_cuda.h"
#include "clientlib/arguments.h"
#include "clientlib/cuda/device_cache.h"
#include "clientlib/cuda/paged_cache.h"
#include "clientlib/guarded.h"

using namespace uakv;

struct uakv_cuda_cache {
    std::uint64_t fork_token;
    std::int32_t device;
    std::unique_ptr<cuda::PagedCache> paged;
};

namespace {

const void *data_of(const uakv_slot &slot) {
    return slot.data;
}
const void *data_of(const uakv_view &view) {
    return view.data;
}

// The device pointer of an open slot or view that is on the device of the cache and has the length; `name` is what the
// caller calls the array.
template <typename Block> Result<std::uint64_t> check_place(const char *call, const uakv_cuda_cache &cache,
                                                            const Block &block, std::uint64_t bytes, const char *name,
                                                            std::size_t i) {
    const ClientDevice *device = device_of(block);
    if (device == nullptr || device->ordinal() != cache.device) {
        return error(UAKV_ERR_INVALID, "%s: %s[%zu] is not (or no longer) on device %d, where the cache is", call, name,
                     i, cache.device);
    }
    if (block.nbytes != bytes) {
        return error(UAKV_ERR_INVALID, "%s: %s[%zu] has %zu bytes; expected %llu, for so many pages of this cache",
                     call, name, i, block.nbytes, static_cast<unsigned long long>(bytes));
    }
    const auto address = reinterpret_cast<std::uint64_t>(data_of(block));
    if (address == 0 || address % cuda::vector_bytes != 0) {
        return error(UAKV_ERR_INVALID, "%s: %s[%zu].data is 0x%llx, which was never handed out", call, name, i,
                     static_cast<unsigned long long>(address));
    }
    return address;
}

template <typename Block> uakv_status copy_paged(const char *call, cuda::CopyWay way, uakv_cuda_cache *cache,
                                                 const Block *blocks, const char *name, std::size_t count,
                                                 const std::uint32_t *pages, std::size_t pages_per_block,
                                                 uakv_stream stream) {
    if (cache == nullptr) {
        return null_argument(call, "cache");
    }
    if (is_forked(cache->fork_token)) {
        return forked_handle(call);
    }
    if (count > 0 && (blocks == nullptr || pages == nullptr)) {
        return null_argument(call, blocks == nullptr ? name : "pages");
    }
    const auto bytes = cuda::block_bytes_of(cache->paged->layout(), pages_per_block);
    std::size_t ids = 0;
    if (pages_per_block == 0 || !bytes.has_value() || __builtin_mul_overflow(count, pages_per_block, &ids)) {
        return fail(UAKV_ERR_INVALID, "%s: pages_per_block is %zu; expected the pages of a block, at least 1", call,
                    pages_per_block);
    }
    std::vector<std::uint64_t> addresses;
    addresses.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        auto address = check_place(call, *cache, blocks[i], *bytes, name, i);
        if (!address.ok()) {
            return fail(address.error());
        }
        addresses.push_back(address.value());
    }
    const cuda::PagedBlocks paged{addresses, {pages, ids}, pages_per_block};
    const Result<void> copied = cache->paged->copy(call, way, paged, stream);
    return copied.ok() ? UAKV_OK : fail(copied.error());
}

} // namespace

extern "C" {

uakv_status uakv_cuda_cache_open(uakv_client *client, int32_t device, const uakv_cuda_cache_options *options,
                                 uakv_cuda_cache **cache) {
    constexpr const char *call = "uakv_cuda_cache_open";
    return guarded(call, [&]() -> uakv_status {
        uakv_status status = check_client(call, client);
        if (status != UAKV_OK) {
            return status;
        }
        if (options == nullptr || cache == nullptr) {
            return null_argument(call, options == nullptr ? "options" : "cache");
        }
        uakv_cuda_cache_options complete;
        status = read_options(call, options, complete);
        if (status != UAKV_OK) {
            return status;
        }
        auto layout = cuda::check_cache_layout(call, complete);
        if (!layout.ok()) {
            return fail(layout.error());
        }
        DeviceCache *blocks = device_caches(*client).find(device, client->timeout_ns, status);
        if (blocks == nullptr) {
            return status;
        }
        auto scope = ContextScope::enter(blocks->device());
        if (!scope.ok()) {
            return fail(scope.error());
        }
        auto paged =
            cuda::PagedCache::open(blocks->device().driver(), scope.value().context(), std::move(layout.value()));
        if (!paged.ok()) {
            return fail(paged.error());
        }
        *cache = new uakv_cuda_cache{client->fork_token, device, std::move(paged.value())};
        return UAKV_OK;
    });
}

void uakv_cuda_cache_close(uakv_cuda_cache *cache) {
    if (cache == nullptr) {
        return;
    }
    if (is_forked(cache->fork_token)) { // what it has in the driver is the parent's, and CUDA does not work here
        static_cast<void>(cache->paged.release());
    }
    delete cache;
}

uakv_status uakv_gather_cuda(uakv_cuda_cache *cache, const uakv_slot *slots, size_t count, const uint32_t *pages,
                             size_t pages_per_block, uakv_stream stream) {
    constexpr const char *call = "uakv_gather_cuda";
    return guarded(call, [&] {
        return copy_paged(call, cuda::CopyWay::gather, cache, slots, "slots", count, pages, pages_per_block, stream);
    });
}

uakv_status uakv_scatter_cuda(uakv_cuda_cache *cache, const uakv_view *views, size_t count, const uint32_t *pages,
                              size_t pages_per_block, uakv_stream stream) {
    constexpr const char *call = "uakv_scatter_cuda";
    return guarded(call, [&] {
        return copy_paged(call, cuda::CopyWay::scatter, cache, views, "views", count, pages, pages_per_block, stream);
    });
}

} // extern "C"
