// DLPack 1.x as its ABI has it: our own declarations of what is in dlpack.h. The names are DLPack's, because they are
// the same types; tests/gpu/dlpack.cc builds and reads tensors by them, and NumPy reads ours.
#pragma once

#include <cstddef>
#include <cstdint>

// NOLINTBEGIN(readability-identifier-naming): DLPack's names

struct DLPackVersion {
    std::uint32_t major;
    std::uint32_t minor;
};

struct DLDevice {
    std::int32_t device_type;
    std::int32_t device_id;
};

struct DLDataType {
    std::uint8_t code;
    std::uint8_t bits;
    std::uint16_t lanes;
};

struct DLTensor {
    void *data;
    DLDevice device;
    std::int32_t ndim;
    DLDataType dtype;
    std::int64_t *shape;
    std::int64_t *strides; // in elements; null: packed, row-major
    std::uint64_t byte_offset;
};

struct DLManagedTensorVersioned {
    DLPackVersion version;
    void *manager_ctx;
    void (*deleter)(DLManagedTensorVersioned *self);
    std::uint64_t flags;
    DLTensor dl_tensor;
};

// NOLINTEND(readability-identifier-naming)

static_assert(sizeof(DLTensor) == 48 && offsetof(DLTensor, device) == 8 && offsetof(DLTensor, ndim) == 16);
static_assert(offsetof(DLTensor, dtype) == 20 && offsetof(DLTensor, shape) == 24);
static_assert(offsetof(DLTensor, strides) == 32 && offsetof(DLTensor, byte_offset) == 40);
static_assert(sizeof(DLManagedTensorVersioned) == 80 && offsetof(DLManagedTensorVersioned, manager_ctx) == 8);
static_assert(offsetof(DLManagedTensorVersioned, deleter) == 16 && offsetof(DLManagedTensorVersioned, flags) == 24);
static_assert(offsetof(DLManagedTensorVersioned, dl_tensor) == 32);

namespace uakv::dlpack {

constexpr DLPackVersion version{1, 0};
constexpr std::uint64_t flag_read_only = 1;

enum : std::int32_t { device_cpu = 1, device_cuda = 2, device_cuda_host = 3 };        // DLDeviceType
enum : std::uint8_t { code_int = 0, code_uint = 1, code_float = 2, code_bfloat = 4 }; // DLDataTypeCode

} // namespace uakv::dlpack
