// The driver's functions as the stand-in has them, one for each line of driver_functions.def: a new line there does not
// link before it is written here.
//
// entry.cc calls them, after it has looked at faults, the fork, cuInit, the current context and its health.
#pragma once

#include "ipc/cuda/cuda_types.h"

namespace uakv::fakecuda {

using namespace cuda;

namespace calls {
#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters) Status field parameters;
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION
} // namespace calls

enum class Id {
#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters) field,
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION
    count
};

inline constexpr std::size_t ids = static_cast<std::size_t>(Id::count);

} // namespace uakv::fakecuda
