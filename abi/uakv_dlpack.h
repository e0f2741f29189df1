/*
 * uakv_dlpack.h: blocks as tensors, for NumPy, PyTorch, JAX, CuPy and whatever else speaks DLPack 1.x.
 *
 * The struct is DLPack's own, from its dlpack.h, which a caller that looks inside includes besides; here it is only
 * named. In Python a tensor becomes a capsule named "dltensor_versioned", which an object's __dlpack__ gives out.
 *
 * The types of a space's layout are given as they are, but 8-bit floats as unsigned bytes: most consumers do not know
 * them, and each can look at bytes as at its own type (torch: t.view(torch.float8_e4m3fn)).
 */
#ifndef UAKV_DLPACK_H
#define UAKV_DLPACK_H

#include "uakv.h"

#ifdef __cplusplus
extern "C" {
#endif

struct DLManagedTensorVersioned;

/*
 * As uakv_store, with a tensor instead of bytes: packed, row-major, in memory of the host (kDLCPU, kDLCUDAHost). Where
 * the space has a layout, it must have that type and shape. The tensor stays the caller's.
 * Errors: as uakv_store; LAYOUT (another type or shape), UNSUPPORTED (another device), INVALID (not packed, or not a
 * tensor of DLPack 1.x).
 */
UAKV_API uakv_status uakv_store_dlpack(uakv_space *space, const uakv_key *key,
                                       const struct DLManagedTensorVersioned *tensor,
                                       const uakv_store_options *options);

/*
 * As uakv_retrieve, with a tensor instead of a view: of the space's type and shape, or of unsigned bytes where it has
 * none. The bytes are the block itself, in place; the flag for read-only is set, and a consumer that ignores it dies by
 * a signal when it writes and the client is UAKV_READ_ONLY, and otherwise damages the block for all.
 *
 * The view ends when the consumer calls the tensor's deleter, from whatever thread, which it must do before the
 * process forks or the client is disconnected; after that the bytes are not there any more, and the deleter only frees.
 * That the view was taken back (lease_max_age) is not told: where that is set, use uakv_retrieve.
 */
UAKV_API uakv_status uakv_retrieve_dlpack(uakv_space *space, const uakv_key *key, const uakv_retrieve_options *options,
                                          struct DLManagedTensorVersioned **tensor);

/*
 * As uakv_retrieve_cuda (uakv_cuda.h), with a tensor on that device (kDLCUDA) instead of a view. A deleter knows no
 * stream, so the view ends when this `stream` has done what is enqueued on it when the deleter is called: give the one
 * that the consumer works on. Where that cannot be noted (the stream is being captured just then, or is not there any
 * more) the view stays until the client is disconnected.
 */
struct CUstream_st;
UAKV_API uakv_status uakv_retrieve_dlpack_cuda(uakv_space *space, const uakv_key *key, int32_t device,
                                               const uakv_retrieve_options *options, struct CUstream_st *stream,
                                               struct DLManagedTensorVersioned **tensor);

#ifdef __cplusplus
}
#endif

#endif /* UAKV_DLPACK_H */
