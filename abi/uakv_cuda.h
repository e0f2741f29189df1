/*
 * uakv_cuda.h: blocks on the GPU.
 *
 * The daemon owns part of each GPU's memory. A view of a block there is a device pointer, valid in this process: no
 * copy, no PCIe transfer, no call of the daemon for a block that is on the GPU already. One that is in host memory or
 * on disk is brought onto the GPU first. What is stored on a GPU the daemon soon copies to host memory, from where it
 * goes on as any other block: uakv_retrieve finds it from then on, also when the GPU no longer has it.
 *
 * Conventions, beyond those of uakv.h
 *   device    the CUDA ordinal of a device, as this process counts them (CUDA_VISIBLE_DEVICES).
 *   context   where the calling thread has a current context on that device, that one is used; otherwise the device's
 *             primary context, as the CUDA runtime, PyTorch and JAX have it. The current context does not change.
 *   stream    a CUstream of that context, which is also what the runtime calls cudaStream_t; 0, 1 and 2 are the
 *             default, the legacy and the per-thread stream.
 *   order     a call with a stream returns at once; what it says happens when the stream has done all that was
 *             enqueued before. Where the driver cannot order it, or more than 64 streams have something to do, it waits
 *             for the stream instead.
 *   errors    after UAKV_ERR_UNSUPPORTED (the stream is being captured), UAKV_ERR_INVALID (it is none of the context)
 *             and UAKV_ERR_BUSY of a call with a stream nothing was enqueued, and the view or slot goes on. After
 *             UAKV_ERR_GPU the context is lost, as uakv_last_error says; the view or slot has ended, and nothing was
 *             published.
 *   threads   all calls may be made from any thread at any time. The library makes no thread.
 *   fork      as in uakv.h; besides, CUDA itself does not survive a fork.
 *   end       uakv_disconnect waits until the streams have got to what was ordered on them, at most the client's
 *             timeout_ms; what they may use after that stays mapped until the process ends.
 *
 * A view or a slot of these calls may also be ended as any other, with uakv_release, uakv_commit or uakv_abort, once
 * the caller knows that the device is through with it. It has no *_submit twin.
 *
 * The library needs no CUDA at build or link time: it loads the driver when one of these calls is made first. Where
 * that fails they give UAKV_ERR_GPU, and uakv_last_error says why.
 */
#ifndef UAKV_CUDA_H
#define UAKV_CUDA_H

#include "uakv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The same type as CUstream and cudaStream_t. */
typedef struct CUstream_st *uakv_stream;

/*
 * As uakv_retrieve, but the view is on this device: view.data is a device pointer, view.tier UAKV_TIER_GPU,
 * view.device the device. Its bytes are complete: kernels that are launched from here on may read them. A block that is
 * not on the device, but in host memory or on disk, is brought there, and waited for as uakv_retrieve waits for the
 * disk; with UAKV_RESIDENT_ONLY it is a miss. UAKV_VERIFY: UAKV_ERR_INVALID, for it would need the bytes on the host.
 *
 * UAKV_OK, UAKV_MISS, UAKV_ERR_GPU (no driver, or the daemon has no memory on the device), or as uakv_retrieve. A
 * device that was refused is asked for again after a second.
 */
UAKV_API uakv_status uakv_retrieve_cuda(uakv_space *space, const uakv_key *key, int32_t device,
                                        const uakv_retrieve_options *options, uakv_view *view);

/*
 * Ends a view of a device once the stream has done what was enqueued on it before. The memory stays as it is until
 * then, whatever becomes of the block, this call's thread or the daemon. UAKV_ERR_REVOKED as of uakv_release, where the
 * daemon had taken the view back before this call; what it takes back between the call and the stream is not told.
 */
UAKV_API uakv_status uakv_release_on_stream(uakv_view *view, uakv_stream stream);

/* As uakv_reserve, with slot.data on this device. options.tier is 0 or UAKV_TIER_GPU. Ends with uakv_commit_on_stream,
 * uakv_commit (the device has written all of it) or uakv_abort (nothing writes to it any more). */
UAKV_API uakv_status uakv_reserve_cuda(uakv_space *space, const uakv_key *key, size_t nbytes, int32_t device,
                                       const uakv_store_options *options, uakv_slot *slot);

/*
 * Publishes the block once the stream has done what was enqueued on it before: no reader sees it earlier. Whether
 * somebody else stored the key meanwhile is not told, and makes no difference, for equal keys are equal blocks. When
 * this process dies before the stream gets there, the block is never seen. When the daemon does, one that goes on with
 * the memory gets the block at one of the next calls of this client on the device; one that begins anew does not.
 * At most 192 commits wait for their streams; the next one waits for the first of them, and gives UAKV_ERR_BUSY where
 * that takes longer than the client's timeout_ms.
 */
UAKV_API uakv_status uakv_commit_on_stream(uakv_slot *slot, uakv_stream stream);

/* A hint: bring these blocks onto the device. Does not wait for them, and says nothing of single blocks. Errors as of
 * uakv_prefetch. */
UAKV_API uakv_status uakv_prefetch_cuda(uakv_space *space, const uakv_key *keys, size_t count, int32_t device);

/* ---- between blocks and the paged cache of an engine ---------------------------------------------- */

/*
 * A block holds [layer][part][token][head][row], packed; a row is the channels of one head of one token. The engine's
 * cache holds the same rows wherever its strides say: token t of page p, head h of (layer, part) begins at
 *
 *     bases[layer * parts + part] + p * page_stride + t * token_stride + h * head_stride
 *
 * In bytes, with row = row_bytes, all = heads * row, line = page_tokens * row and page = page_tokens * heads * row:
 *
 *   the cache, row-major                     parts  base of V, or of the next layer   page_stride        token  head
 *   [2, pages, tokens, heads, d] a layer       2    that of K + pages * page          page               all    row
 *   [pages, 2, tokens, heads, d] a layer       2    that of K + page                  2 * page           all    row
 *   [2, pages, heads, tokens, d] a layer       2    that of K + pages * page          page               row    line
 *   [pages, 2, heads, tokens, d] a layer       2    that of K + page                  2 * page           row    line
 *   [pages, tokens, latent] a layer (MLA)      1    (no V; heads is 1)                page               row    any
 *   [pages, layers, 2, tokens, heads, d]       2    + page; next layer + 2 * page     2 * layers * page  all    row
 *
 * and any other in which rows do not overlap. A stride of what there is one of does not matter. Types do not matter
 * either: bytes are moved, so this serves 16-bit, 8-bit and opaque channels alike.
 */
typedef struct uakv_cuda_cache uakv_cuda_cache;

typedef struct uakv_cuda_cache_options {
    uint32_t struct_size;
    uint32_t flags;        /* 0 */
    uint32_t layers;       /* 1 to 1024 */
    uint32_t parts;        /* 1 or 2 */
    const uint64_t *bases; /* layers * parts device pointers, each a multiple of 16 */
    uint64_t pages;        /* in the cache: page ids are below this */
    uint64_t page_stride;  /* bytes; a multiple of 16, as are the next two */
    uint64_t token_stride;
    uint64_t head_stride;
    uint32_t page_tokens; /* tokens in a page */
    uint32_t heads;
    uint32_t row_bytes; /* of one head of one token: contiguous; a multiple of 16 */
    uint32_t reserved;  /* 0 */
} uakv_cuda_cache_options;

/* Describes an engine's cache on the device, once: checks it, loads the kernels and takes the bases there, in the
 * context that this thread has (see above), which all streams of later calls must be of. The cache may be used by all
 * threads at once. Close it when the streams have done what was enqueued with it, before the client is disconnected.
 * Errors: INVALID (names the field), GPU, NO_SPACE (the device has no memory left), UNSUPPORTED (a stream of this
 * thread is being captured), FORKED, TOO_NEW. */
UAKV_API uakv_status uakv_cuda_cache_open(uakv_client *client, int32_t device, const uakv_cuda_cache_options *options,
                                          uakv_cuda_cache **cache);
UAKV_API void uakv_cuda_cache_close(uakv_cuda_cache *cache);

/*
 * Enqueues the copy of pages into blocks (gather, before uakv_commit_on_stream) and of blocks into pages (scatter,
 * before uakv_release_on_stream). `pages` names pages_per_block pages for each of the `count` blocks, in order; a
 * block's length must be that of pages_per_block * page_tokens tokens. A scatter should name no page twice: what the
 * page then holds is not defined. The arrays may be used for something else when the call returns.
 *
 * UAKV_ERR_INVALID names what does not fit, and UAKV_ERR_UNSUPPORTED says that the stream is being captured: nothing is
 * enqueued then. After UAKV_ERR_GPU some of it may have been.
 */
UAKV_API uakv_status uakv_gather_cuda(uakv_cuda_cache *cache, const uakv_slot *slots, size_t count,
                                      const uint32_t *pages, size_t pages_per_block, uakv_stream stream);
UAKV_API uakv_status uakv_scatter_cuda(uakv_cuda_cache *cache, const uakv_view *views, size_t count,
                                       const uint32_t *pages, size_t pages_per_block, uakv_stream stream);

#ifdef __cplusplus
}
#endif

#endif /* UAKV_CUDA_H */
