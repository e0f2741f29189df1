#include "support/fakecuda/fake_kernel.h"
#include "support/fakecuda/paged_kernels.h"

#include <cstring>
#include <iterator>

namespace uakv::fakecuda {
namespace {

// For tests of the stand-in itself: adds to each of `count` bytes.
constexpr std::size_t add_parameters[] = {sizeof(cuda::DevicePtr), sizeof(cuda::DevicePtr), sizeof(std::uint64_t),
                                          sizeof(std::uint8_t)};

void add(const Launch &launch) {
    const auto count = launch.parameter<std::uint64_t>(2);
    std::byte *to = launch.memory.write(launch.parameter<cuda::DevicePtr>(0), count);
    const std::byte *from = launch.memory.read(launch.parameter<cuda::DevicePtr>(1), count);
    for (std::uint64_t i = 0; i < count; ++i) {
        to[i] = static_cast<std::byte>(static_cast<unsigned>(from[i]) + launch.parameter<std::uint8_t>(3));
    }
}

// Gather and scatter: Memory throws where the others ask.
class MemoryOfLaunch final : public DeviceMemory {
public:
    explicit MemoryOfLaunch(const Memory &memory) : memory_(memory) {}
    std::byte *find(std::uint64_t pointer, std::size_t bytes, bool write) const override {
        return write ? memory_.write(pointer, bytes) : const_cast<std::byte *>(memory_.read(pointer, bytes));
    }

private:
    const Memory &memory_;
};

template <auto run> void copy_pages(const Launch &launch) {
    const auto extent = [](const Dimensions &of) { return Extent{of.x, of.y, of.z}; };
    if (!run(extent(launch.grid), extent(launch.block), launch.parameters[0], MemoryOfLaunch(launch.memory))) {
        throw IllegalAddress{};
    }
}

constexpr std::size_t copy_parameters[] = {paged_copy_parameter_bytes};

constexpr FakeKernel kernels[] = {
    {"fakecuda_add", add_parameters, add},
    {"uakv_gather", copy_parameters, copy_pages<run_gather>},
    {"uakv_scatter", copy_parameters, copy_pages<run_scatter>},
};

} // namespace

const FakeKernel *find_kernel(const char *name) {
    for (const FakeKernel &kernel : kernels) {
        if (std::strcmp(kernel.name, name) == 0) {
            return &kernel;
        }
    }
    return nullptr;
}

} // namespace uakv::fakecuda
