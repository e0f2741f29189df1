// What the stand-in driver runs where a device would run a kernel: plain C++ over host memory. kernels.cc has the list.
#pragma once

#include "ipc/cuda/cuda_types.h"

#include <span>

namespace uakv::fakecuda {

// Thrown by Memory: the stream stops, and its context is broken with CUDA_ERROR_ILLEGAL_ADDRESS, as on a device.
struct IllegalAddress {};

// Device pointers, translated. Valid while the kernel runs.
class Memory {
public:
    explicit Memory(int ordinal) : ordinal_(ordinal) {}
    const std::byte *read(cuda::DevicePtr pointer, std::size_t bytes) const;
    std::byte *write(cuda::DevicePtr pointer, std::size_t bytes) const;

private:
    int ordinal_;
};

struct Dimensions {
    unsigned x, y, z;
};

struct Launch {
    Dimensions grid, block;
    void *const *parameters; // copies, made at the launch, of what cuLaunchKernel's array points to
    Memory memory;

    template <typename T> const T &parameter(std::size_t index) const {
        return *static_cast<const T *>(parameters[index]);
    }
};

struct FakeKernel {
    const char *name;                             // as the module has it
    std::span<const std::size_t> parameter_bytes; // one for each
    void (*run)(const Launch &launch);            // all blocks and threads at once
};

// Null: no module has a kernel of this name.
const FakeKernel *find_kernel(const char *name);

} // namespace uakv::fakecuda
