#include "ipc/codec/plane_kernels.h"

namespace uakv::codec {
namespace {

#if defined(UAKV_PLANE_KERNELS_X86)
// All that CMakeLists.txt compiles them for.
bool has_avx2() {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0;
}
bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vbmi") != 0 && __builtin_cpu_supports("avx512vbmi2") != 0;
}
#endif

} // namespace

const PlaneKernels *plane_kernels_of(Processor processor) {
    switch (processor) {
    case Processor::baseline:
        return &baseline::kernels;
#if defined(UAKV_PLANE_KERNELS_X86)
    case Processor::avx2:
        return has_avx2() ? &avx2::kernels : nullptr;
    case Processor::avx512:
        return has_avx512() ? &avx512::kernels : nullptr;
#else
    case Processor::avx2:
    case Processor::avx512:
        return nullptr;
#endif
    }
    return nullptr;
}

const PlaneKernels &plane_kernels() {
    static const PlaneKernels &best = [&]() -> const PlaneKernels & {
        for (const Processor processor : {Processor::avx512, Processor::avx2}) {
            if (const PlaneKernels *kernels = plane_kernels_of(processor)) {
                return *kernels;
            }
        }
        return baseline::kernels;
    }();
    return best;
}

} // namespace uakv::codec
