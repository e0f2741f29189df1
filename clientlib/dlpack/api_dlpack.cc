// Blocks as DLPack tensors: each exported function checks its arguments and makes one call.
#include "abi/uakv_dlpack.h"

#include "clientlib/arguments.h"
#include "clientlib/calls.h"
#include "clientlib/dlpack/tensor.h"
#include "clientlib/hit.h"

using namespace uakv;

namespace {

// Nothing uses the view yet, so it ends at once where there is no memory for the tensor.
uakv_status give(const SpaceDescription &space, uakv_view &view, CUstream_st *stream,
                 DLManagedTensorVersioned **tensor) {
    try {
        *tensor = dlpack::tensor_of(space, view, stream);
    } catch (...) {
        static_cast<void>(release(view));
        throw;
    }
    return UAKV_OK;
}

} // namespace

extern "C" {

uakv_status uakv_store_dlpack(uakv_space *space, const uakv_key *key, const DLManagedTensorVersioned *tensor,
                              const uakv_store_options *options) {
    constexpr const char *call = "uakv_store_dlpack";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        if (const uakv_status status = check_key(call, space, key); status != UAKV_OK) {
            return status;
        }
        if (tensor == nullptr) {
            return null_argument(call, "tensor");
        }
        auto bytes = dlpack::bytes_of(call, space->description, *tensor);
        if (!bytes.ok()) {
            return fail(bytes.error());
        }
        if (const uakv_status status = read_store_options(call, options, complete); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_call(*space->client, TimedCall::store);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        StoreCall store(std::move(setting.value()), *space, *key, bytes.value().data(), bytes.value().size(), complete);
        return run(store);
    });
}

uakv_status uakv_retrieve_dlpack(uakv_space *space, const uakv_key *key, const uakv_retrieve_options *options,
                                 DLManagedTensorVersioned **tensor) {
    constexpr const char *call = "uakv_retrieve_dlpack";
    return guarded(call, [&]() -> uakv_status {
        RetrieveRequest request;
        if (const uakv_status status = check_key(call, space, key); status != UAKV_OK) {
            return status;
        }
        if (tensor == nullptr) {
            return null_argument(call, "tensor");
        }
        if (const uakv_status status = read_retrieve_options(call, *space, options, request); status != UAKV_OK) {
            return status;
        }
        uakv_view view;
        if (const uakv_status status = hit(*space, *key, request, view); status != UAKV_OK) {
            return status;
        }
        return give(space->description, view, nullptr, tensor);
    });
}

uakv_status uakv_retrieve_dlpack_cuda(uakv_space *space, const uakv_key *key, int32_t device,
                                      const uakv_retrieve_options *options, CUstream_st *stream,
                                      DLManagedTensorVersioned **tensor) {
    constexpr const char *call = "uakv_retrieve_dlpack_cuda";
    return guarded(call, [&]() -> uakv_status {
        if (tensor == nullptr) {
            return null_argument(call, "tensor");
        }
        uakv_view view;
        if (const uakv_status status = uakv_retrieve_cuda(space, key, device, options, &view); status != UAKV_OK) {
            return status;
        }
        return give(space->description, view, stream, tensor);
    });
}

} // extern "C"
