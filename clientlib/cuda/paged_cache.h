// An engine's paged cache on one device: what uakv_gather_cuda and uakv_scatter_cuda copy from and to.
//
// Invariant: the bases of the layout lie in device memory, and the kernels (where there are any) are loaded, both in
// the context that the cache was opened in, for as long as this lives. Nothing changes after open(), so all threads may
// copy at once. Blocks come as device pointers that are valid in that context; whose they are is the caller's business
// (api_paged_cache.cc).
#pragma once

#include "clientlib/cuda/copy_plan.h"
#include "clientlib/cuda/kernel_image.h"

#include <memory>

namespace uakv::cuda {

enum class CopyWay { gather, scatter }; // from pages to blocks, from blocks to pages

class PagedCache {
public:
    static Result<std::unique_ptr<PagedCache>> open(const Driver &driver, Context context, CacheLayout layout,
                                                    const KernelImages &images = built_in_kernels());
    PagedCache(const PagedCache &) = delete;
    PagedCache &operator=(const PagedCache &) = delete;
    // What was enqueued must have been done.
    ~PagedCache();

    const CacheLayout &layout() const { return layout_; }
    Context context() const { return context_; }
    const CopyKernels &kernels() const { return kernels_; }

    // Enqueues the copies on a stream of the context. The page ids are checked before anything is enqueued:
    // UAKV_ERR_INVALID. UAKV_ERR_UNSUPPORTED: the stream is being captured. When the driver refuses a launch, those
    // before it have been enqueued.
    Result<void> copy(const char *call, CopyWay way, const PagedBlocks &blocks, Stream stream) const;

private:
    PagedCache(const Driver &driver, Context context, CacheLayout layout)
        : driver_(driver), context_(context), layout_(std::move(layout)) {}

    Result<void> take_bases();
    Result<void> check_stream(const char *call, Stream stream) const;
    Result<void> launch(CopyWay way, const PagedBlocks &blocks, Stream stream) const;
    Result<void> copy_runs(CopyWay way, const PagedBlocks &blocks, Stream stream) const;

    const Driver &driver_;
    const Context context_;
    const CacheLayout layout_;
    CopyKernels kernels_;
    DevicePtr bases_ = 0; // the layout's, on the device
};

} // namespace uakv::cuda
