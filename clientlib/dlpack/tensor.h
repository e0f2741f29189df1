// Between the layout of a space and tensors of DLPack. Pure: reads the struct, and allocates the one that it gives.
#pragma once

#include "abi/uakv_cuda.h"
#include "clientlib/dlpack/dlpack_abi.h"
#include "ipc/result.h"
#include "ipc/wire.h"

#include <span>

namespace uakv::dlpack {

// The bytes of a tensor on the host that is packed and, where the space has a layout, of its type and shape.
Result<std::span<const std::byte>> bytes_of(const char *call, const SpaceDescription &space,
                                            const DLManagedTensorVersioned &tensor);

// A read-only tensor of an open view, where it lies; its deleter releases the view, that of a device once the stream
// has got there. Throws std::bad_alloc.
DLManagedTensorVersioned *tensor_of(const SpaceDescription &space, const uakv_view &view, CUstream_st *stream);

} // namespace uakv::dlpack
