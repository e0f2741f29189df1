// The copy kernels in a context: built-in machine code where it fits the device, else PTX, which the driver translates.
// Where neither loads (another chip, an old driver, no translator) there are none, and the caller copies run by run.
#pragma once

#include "ipc/cuda/driver.h"

#include <string>

namespace uakv::cuda {

// What of the images there is to load, in the order in which they are tried; each may be null. Tests give their own.
struct KernelImages {
    const void *fatbin = nullptr;
    const void *ptx = nullptr; // ends with a NUL
};
KernelImages built_in_kernels();

struct CopyKernels {
    Module module = nullptr; // null: there are none
    Function gather = nullptr;
    Function scatter = nullptr;
    const char *kind = "none"; // "fatbin", "ptx" or "none"
    std::string why_none;      // what the driver said of each image
};

// In the current context. What says only that an image does not fit leads on to the next one; anything else, such as
// want of memory or a context that is lost, is an error.
Result<CopyKernels> load_copy_kernels(const Driver &driver, const KernelImages &images);

} // namespace uakv::cuda
