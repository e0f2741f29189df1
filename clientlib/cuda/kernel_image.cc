#include "clientlib/cuda/kernel_image.h"

#include "ipc/cuda/status.h"

#include <cstdint>
#include <utility>

extern "C" {
// kernels/embed.S
extern const char uakv_kernels_ptx[];
extern const char uakv_kernels_fatbin[];
extern const std::uint64_t uakv_kernels_fatbin_bytes; // 0 where no nvcc was found at build time
}

namespace uakv::cuda {
namespace {

// Both kernels of a module that was loaded.
Status find_kernels(const Driver &driver, CopyKernels &kernels) {
    const Functions &call = driver.call();
    const Status status = call.module_get_function(&kernels.gather, kernels.module, "uakv_gather");
    return status != success ? status : call.module_get_function(&kernels.scatter, kernels.module, "uakv_scatter");
}

} // namespace

KernelImages built_in_kernels() {
    return {uakv_kernels_fatbin_bytes > 0 ? uakv_kernels_fatbin : nullptr, uakv_kernels_ptx};
}

Result<CopyKernels> load_copy_kernels(const Driver &driver, const KernelImages &images) {
    const Functions &call = driver.call();
    CopyKernels kernels;
    const std::pair<const char *, const void *> tried[] = {{"fatbin", images.fatbin}, {"ptx", images.ptx}};
    for (const auto &[kind, image] : tried) {
        if (image == nullptr) {
            continue;
        }
        Status status = call.module_load_data(&kernels.module, image);
        if (status == success) {
            status = find_kernels(driver, kernels);
            if (status == success) {
                kernels.kind = kind;
                return kernels;
            }
            static_cast<void>(call.module_unload(kernels.module));
            return driver.error("cuModuleGetFunction", status);
        }
        if (kind_of(status) != Kind::no_kernel) {
            return driver.error("cuModuleLoadData", status);
        }
        kernels.module = nullptr;
        kernels.why_none += std::string(kernels.why_none.empty() ? "" : ", ") + kind + ": " + driver.describe(status);
    }
    return kernels;
}

} // namespace uakv::cuda
