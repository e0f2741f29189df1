#include "clientlib/dlpack/tensor.h"

#include <array>
#include <memory>

namespace uakv::dlpack {
namespace {

using Number = long long;

DLDataType type_of(std::uint32_t dtype) {
    switch (dtype) {
    case UAKV_DTYPE_F32:
        return {code_float, 32, 1};
    case UAKV_DTYPE_F16:
        return {code_float, 16, 1};
    case UAKV_DTYPE_BF16:
        return {code_bfloat, 16, 1};
    case UAKV_DTYPE_I8:
        return {code_int, 8, 1};
    default: // bytes, opaque ones, and 8-bit floats, which few know
        return {code_uint, 8, 1};
    }
}

bool is_float8(std::uint32_t dtype) {
    return dtype == UAKV_DTYPE_F8_E4M3 || dtype == UAKV_DTYPE_F8_E5M2;
}

// DLPack 1.1 has 8-bit floats from 7 on; those that a space can have.
bool is_type(const DLDataType &type, std::uint32_t dtype) {
    constexpr std::uint8_t code_float8_e4m3fn = 10, code_float8_e5m2 = 12;
    const DLDataType expected = type_of(dtype);
    if (type.bits != expected.bits || type.lanes != 1) {
        return false;
    }
    const std::uint8_t as_float = dtype == UAKV_DTYPE_F8_E4M3 ? code_float8_e4m3fn : code_float8_e5m2;
    return type.code == expected.code || (is_float8(dtype) && type.code == as_float);
}

// The bytes of a packed tensor; checks that it is one.
Result<std::uint64_t> packed_bytes(const char *call, const DLTensor &tensor) {
    if (tensor.ndim < 0 || (tensor.ndim > 0 && tensor.shape == nullptr) || tensor.dtype.bits == 0 ||
        tensor.dtype.bits % 8 != 0 || tensor.dtype.lanes == 0) {
        return error(UAKV_ERR_INVALID,
                     "%s: the tensor has ndim %d, shape %p and a type of %u bits by %u lanes; expected a shape, and "
                     "elements of whole bytes",
                     call, tensor.ndim, static_cast<const void *>(tensor.shape), tensor.dtype.bits, tensor.dtype.lanes);
    }
    std::uint64_t elements = 1;
    for (std::int32_t i = tensor.ndim - 1; i >= 0; --i) {
        const std::int64_t size = tensor.shape[i];
        if (tensor.strides != nullptr && size != 1 && tensor.strides[i] != static_cast<std::int64_t>(elements)) {
            return error(UAKV_ERR_INVALID,
                         "%s: stride %d of the tensor is %lld; expected %lld, for its elements must be packed in "
                         "row-major order (make it contiguous first)",
                         call, i, Number{tensor.strides[i]}, static_cast<Number>(elements));
        }
        if (size <= 0 || __builtin_mul_overflow(elements, static_cast<std::uint64_t>(size), &elements) ||
            elements > 1ULL << 62) {
            return error(UAKV_ERR_INVALID,
                         "%s: dimension %d of the tensor is %lld; expected at least 1, and a size "
                         "that can be",
                         call, i, Number{size});
        }
    }
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(elements, std::uint64_t{tensor.dtype.bits} / 8 * tensor.dtype.lanes, &bytes)) {
        return error(UAKV_ERR_INVALID, "%s: the tensor has more bytes than there can be", call);
    }
    return bytes;
}

Result<void> check_layout(const char *call, const SpaceDescription &space, const DLTensor &tensor) {
    if (space.ndim == 0) {
        return {};
    }
    if (!is_type(tensor.dtype, space.dtype)) {
        return error(
            UAKV_ERR_LAYOUT,
            "%s: the tensor's type is code %u, %u bits, %u lanes; the space has UAKV_DTYPE %u, code %u, %u bits", call,
            tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes, space.dtype, type_of(space.dtype).code,
            type_of(space.dtype).bits);
    }
    if (tensor.ndim != static_cast<std::int32_t>(space.ndim)) {
        return error(UAKV_ERR_LAYOUT, "%s: the tensor has %d dimensions; the space has %u", call, tensor.ndim,
                     space.ndim);
    }
    for (std::uint32_t i = 0; i < space.ndim; ++i) {
        if (static_cast<std::uint64_t>(tensor.shape[i]) != space.shape[i]) {
            return error(UAKV_ERR_LAYOUT, "%s: dimension %u of the tensor is %lld; the space has %llu", call, i,
                         Number{tensor.shape[i]}, static_cast<unsigned long long>(space.shape[i]));
        }
    }
    return {};
}

// What a tensor of ours and its consumer need for as long as it lives.
struct Exported {
    DLManagedTensorVersioned tensor;
    uakv_view view;
    CUstream_st *stream;
    std::array<std::int64_t, UAKV_NDIM_MAX> shape;
    std::array<std::int64_t, UAKV_NDIM_MAX> strides;
};

// Nobody hears what the release says: uakv_dlpack.h tells where that matters.
void end_view(DLManagedTensorVersioned *tensor) {
    if (tensor != nullptr) {
        const std::unique_ptr<Exported> ended(static_cast<Exported *>(tensor->manager_ctx));
        static_cast<void>(ended->view.tier == UAKV_TIER_GPU ? uakv_release_on_stream(&ended->view, ended->stream)
                                                            : uakv_release(&ended->view));
    }
}

} // namespace

Result<std::span<const std::byte>> bytes_of(const char *call, const SpaceDescription &space,
                                            const DLManagedTensorVersioned &tensor) {
    const DLTensor &given = tensor.dl_tensor;
    if (tensor.version.major != version.major) {
        return error(UAKV_ERR_INVALID, "%s: the tensor is of DLPack %u.%u; expected 1.x", call, tensor.version.major,
                     tensor.version.minor);
    }
    if (given.device.device_type != device_cpu && given.device.device_type != device_cuda_host) {
        return error(UAKV_ERR_UNSUPPORTED,
                     "%s: the tensor is on a device of type %d; expected memory of the host (1 or 3): copy it there "
                     "first",
                     call, given.device.device_type);
    }
    auto bytes = packed_bytes(call, given);
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (auto layout = check_layout(call, space, given); !layout.ok()) {
        return layout.take_error();
    }
    if (given.data == nullptr) {
        return error(UAKV_ERR_INVALID, "%s: the tensor has no data", call);
    }
    return std::span(static_cast<const std::byte *>(given.data) + given.byte_offset, bytes.value());
}

DLManagedTensorVersioned *tensor_of(const SpaceDescription &space, const uakv_view &view, CUstream_st *stream) {
    auto made = std::make_unique<Exported>();
    made->view = view;
    made->stream = stream;
    const bool opaque = space.ndim == 0;
    const std::uint32_t ndim = opaque ? 1 : space.ndim;
    std::int64_t stride = 1;
    for (std::uint32_t i = ndim; i-- > 0;) {
        made->shape[i] = static_cast<std::int64_t>(opaque ? view.nbytes : space.shape[i]);
        made->strides[i] = stride;
        stride *= made->shape[i];
    }
    DLManagedTensorVersioned &tensor = made->tensor;
    tensor = {};
    tensor.version = version;
    tensor.manager_ctx = made.get();
    tensor.deleter = end_view;
    tensor.flags = flag_read_only;
    tensor.dl_tensor.data = const_cast<void *>(view.data); // the struct has no other; the flag says it
    const bool on_device = view.tier == UAKV_TIER_GPU;
    tensor.dl_tensor.device = {on_device ? device_cuda : device_cpu, static_cast<std::int32_t>(view.device)};
    tensor.dl_tensor.ndim = static_cast<std::int32_t>(ndim);
    tensor.dl_tensor.dtype = type_of(opaque ? UAKV_DTYPE_OPAQUE : space.dtype);
    tensor.dl_tensor.shape = made->shape.data();
    tensor.dl_tensor.strides = made->strides.data();
    return &made.release()->tensor;
}

} // namespace uakv::dlpack
