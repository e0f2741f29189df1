#include "clientlib/cuda/paged_cache.h"

#include "clientlib/cuda/context.h"

namespace uakv::cuda {
namespace {

Result<void> check_pages(const char *call, const CacheLayout &layout, const PagedBlocks &blocks) {
    for (std::size_t i = 0; i < blocks.pages.size(); ++i) {
        if (blocks.pages[i] >= layout.pages) {
            return error(UAKV_ERR_INVALID, "%s: pages[%zu] is %u; expected an id below %llu, the pages of the cache",
                         call, i, blocks.pages[i], static_cast<unsigned long long>(layout.pages));
        }
    }
    return {};
}

} // namespace

Result<std::unique_ptr<PagedCache>> PagedCache::open(const Driver &driver, Context context, CacheLayout layout,
                                                     const KernelImages &images) {
    const CurrentContext current(driver, context);
    if (auto entered = current.entered(); !entered.ok()) {
        return entered.take_error();
    }
    std::unique_ptr<PagedCache> cache(new PagedCache(driver, context, std::move(layout)));
    auto kernels = load_copy_kernels(driver, images);
    if (!kernels.ok()) {
        return kernels.take_error();
    }
    cache->kernels_ = std::move(kernels.value());
    if (auto taken = cache->take_bases(); !taken.ok()) {
        return taken.take_error();
    }
    return cache;
}

Result<void> PagedCache::take_bases() {
    if (kernels_.module == nullptr) {
        return {};
    }
    const std::size_t bytes = layout_.bases.size() * sizeof(layout_.bases[0]);
    if (const Status status = driver_.call().mem_alloc(&bases_, bytes); status != success) {
        bases_ = 0;
        return driver_.error("cuMemAlloc", status);
    }
    if (const Status status = driver_.call().memcpy_htod(bases_, layout_.bases.data(), bytes); status != success) {
        return driver_.error("cuMemcpyHtoD", status);
    }
    // From pageable memory that may return while the bytes are still on their way, and the caller's streams need not
    // wait for the one that it was done on.
    const Status status = driver_.call().stream_synchronize(stream_default);
    return status == success ? Result<void>{} : driver_.error("cuStreamSynchronize", status);
}

// What fails here goes with the context, or has gone with it.
PagedCache::~PagedCache() {
    const CurrentContext current(driver_, context_);
    if (!current.entered().ok()) {
        return;
    }
    if (bases_ != 0) {
        static_cast<void>(driver_.call().mem_free(bases_));
    }
    if (kernels_.module != nullptr) {
        static_cast<void>(driver_.call().module_unload(kernels_.module));
    }
}

Result<void> PagedCache::check_stream(const char *call, Stream stream) const {
    int capture = capture_none;
    if (const Status status = driver_.call().stream_is_capturing(stream, &capture); status != success) {
        return driver_.error("cuStreamIsCapturing", status);
    }
    if (capture != capture_none) {
        return error(UAKV_ERR_UNSUPPORTED,
                     "%s: the stream is being captured into a graph, which would copy these blocks at each replay, "
                     "whatever is there by then; call it outside of the capture",
                     call);
    }
    return {};
}

Result<void> PagedCache::copy(const char *call, CopyWay way, const PagedBlocks &blocks, Stream stream) const {
    if (auto pages = check_pages(call, layout_, blocks); !pages.ok()) {
        return pages;
    }
    const CurrentContext current(driver_, context_);
    if (auto entered = current.entered(); !entered.ok()) {
        return entered;
    }
    if (auto fit = check_stream(call, stream); !fit.ok()) {
        return fit;
    }
    return kernels_.module != nullptr ? launch(way, blocks, stream) : copy_runs(way, blocks, stream);
}

Result<void> PagedCache::launch(CopyWay way, const PagedBlocks &blocks, Stream stream) const {
    const Function kernel = way == CopyWay::gather ? kernels_.gather : kernels_.scatter;
    LaunchPlan plan(layout_, bases_, blocks);
    CopyParameters parameters;
    while (plan.next(parameters)) {
        void *pointers[] = {&parameters}; // copied by the call
        const Status status =
            driver_.call().launch_kernel(kernel, LaunchPlan::ctas_of_piece(parameters), parameters.pieces, 1,
                                         copy_threads, 1, 1, 0, stream, pointers, nullptr);
        if (status != success) {
            return driver_.error("cuLaunchKernel", status);
        }
    }
    return {};
}

Result<void> PagedCache::copy_runs(CopyWay way, const PagedBlocks &blocks, Stream stream) const {
    Status status = success;
    for_each_run(layout_, blocks, [&](std::uint64_t in_block, std::uint64_t in_cache, std::uint64_t bytes) {
        const bool to_block = way == CopyWay::gather;
        status =
            driver_.call().memcpy_async(to_block ? in_block : in_cache, to_block ? in_cache : in_block, bytes, stream);
        return status == success;
    });
    return status == success ? Result<void>{} : driver_.error("cuMemcpyAsync", status);
}

} // namespace uakv::cuda
