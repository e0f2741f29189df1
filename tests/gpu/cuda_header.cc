// Our declarations of the driver beside those of the toolkit's header, name by name and parameter by parameter. Most of
// it has passed once it compiles.
#include "ipc/cuda/driver.h"
#include "support/check.h"

#include <cuda.h>
#include <cudaTypedefs.h>

#include <tuple>
#include <type_traits>

namespace uakv::test {
namespace {

// A parameter of ours stands for one of theirs: the same size, and the same kind of thing. Enumerations are int here,
// handles are pointers to types of our own.
template <typename Ours, typename Theirs> constexpr bool stands_for() {
    if constexpr (std::is_pointer_v<Ours> || std::is_pointer_v<Theirs>) {
        if constexpr (!(std::is_pointer_v<Ours> && std::is_pointer_v<Theirs>)) {
            return false;
        } else {
            using Mine = std::remove_pointer_t<Ours>;
            using Other = std::remove_pointer_t<Theirs>;
            constexpr bool plain = std::is_arithmetic_v<Mine> || std::is_enum_v<Mine>;
            constexpr bool other_plain = std::is_arithmetic_v<Other> || std::is_enum_v<Other>;
            if constexpr (std::is_const_v<Mine> != std::is_const_v<Other>) {
                return false;
            } else if constexpr (plain || other_plain || std::is_pointer_v<Mine> || std::is_pointer_v<Other>) {
                return stands_for<std::remove_const_t<Mine>, std::remove_const_t<Other>>();
            } else {
                return true; // to structs, which are compared below, or to opaque types
            }
        }
    } else {
        return sizeof(Ours) == sizeof(Theirs) && std::is_floating_point_v<Ours> == std::is_floating_point_v<Theirs> &&
               (std::is_integral_v<Ours> || std::is_enum_v<Ours>) ==
                   (std::is_integral_v<Theirs> || std::is_enum_v<Theirs>);
    }
}

template <typename Ours, typename Theirs> struct Same : std::false_type {};
template <typename... Ours, typename Result, typename... Theirs>
struct Same<cuda::Status (*)(Ours...), Result (*)(Theirs...)> {
    static constexpr bool compare() {
        if constexpr (sizeof...(Ours) == sizeof...(Theirs)) {
            return sizeof(Result) == sizeof(cuda::Status) && (stands_for<Ours, Theirs>() && ...);
        } else {
            return false;
        }
    }
    static constexpr bool value = compare();
};

#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters)                                                     \
    static_assert(Same<decltype(cuda::Functions::field), PFN_##name##_v##version>::value, #name);
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION

// The comparison itself.
static_assert(Same<cuda::Status (*)(int *, std::size_t), CUresult (*)(int *, size_t)>::value);
static_assert(!Same<cuda::Status (*)(int *, std::size_t), CUresult (*)(int *)>::value);
static_assert(!Same<cuda::Status (*)(int *, int), CUresult (*)(int *, size_t)>::value);
static_assert(!Same<cuda::Status (*)(int *), CUresult (*)(size_t *)>::value);
static_assert(!Same<cuda::Status (*)(const int *), CUresult (*)(int *)>::value);
static_assert(!Same<cuda::Status (*)(std::size_t), CUresult (*)(int *)>::value);

#define SAME_FIELD(ours, field, theirs, their_field)                                                                   \
    static_assert(offsetof(ours, field) == offsetof(theirs, their_field) &&                                            \
                  sizeof(std::declval<ours>().field) == sizeof(std::declval<theirs>().their_field))

static_assert(sizeof(cuda::Uuid) == sizeof(CUuuid) && sizeof(cuda::Location) == sizeof(CUmemLocation));
SAME_FIELD(cuda::Location, type, CUmemLocation, type);
SAME_FIELD(cuda::Location, id, CUmemLocation, id);
static_assert(sizeof(cuda::AllocationProp) == sizeof(CUmemAllocationProp));
SAME_FIELD(cuda::AllocationProp, type, CUmemAllocationProp, type);
SAME_FIELD(cuda::AllocationProp, requested_handle_types, CUmemAllocationProp, requestedHandleTypes);
SAME_FIELD(cuda::AllocationProp, location, CUmemAllocationProp, location);
SAME_FIELD(cuda::AllocationProp, win32_handle_meta_data, CUmemAllocationProp, win32HandleMetaData);
SAME_FIELD(cuda::AllocationProp, alloc_flags.compression_type, CUmemAllocationProp, allocFlags.compressionType);
SAME_FIELD(cuda::AllocationProp, alloc_flags.gpu_direct_rdma_capable, CUmemAllocationProp,
           allocFlags.gpuDirectRDMACapable);
SAME_FIELD(cuda::AllocationProp, alloc_flags.usage, CUmemAllocationProp, allocFlags.usage);
SAME_FIELD(cuda::AllocationProp, alloc_flags.reserved, CUmemAllocationProp, allocFlags.reserved);
static_assert(sizeof(cuda::AccessDesc) == sizeof(CUmemAccessDesc));
SAME_FIELD(cuda::AccessDesc, location, CUmemAccessDesc, location);
SAME_FIELD(cuda::AccessDesc, flags, CUmemAccessDesc, flags);
static_assert(sizeof(cuda::MemcpyAttributes) == sizeof(CUmemcpyAttributes));
SAME_FIELD(cuda::MemcpyAttributes, src_access_order, CUmemcpyAttributes, srcAccessOrder);
SAME_FIELD(cuda::MemcpyAttributes, src_location_hint, CUmemcpyAttributes, srcLocHint);
SAME_FIELD(cuda::MemcpyAttributes, dst_location_hint, CUmemcpyAttributes, dstLocHint);
SAME_FIELD(cuda::MemcpyAttributes, flags, CUmemcpyAttributes, flags);

static_assert(std::is_same_v<cuda::Stream, CUstream> && std::is_same_v<cuda::HostFn, CUhostFn>);
static_assert(sizeof(cuda::DevicePtr) == sizeof(CUdeviceptr) && sizeof(cuda::Device) == sizeof(CUdevice));
static_assert(sizeof(cuda::MemHandle) == sizeof(CUmemGenericAllocationHandle));

struct Number {
    const char *name;
    long long ours, theirs;
};

#define NUMBER(ours, theirs)                                                                                           \
    { #ours, static_cast < long long>(cuda::ours), static_cast < long long>(theirs) }
constexpr Number numbers[] = {
    NUMBER(success, CUDA_SUCCESS),
    NUMBER(error_invalid_value, CUDA_ERROR_INVALID_VALUE),
    NUMBER(error_out_of_memory, CUDA_ERROR_OUT_OF_MEMORY),
    NUMBER(error_not_initialized, CUDA_ERROR_NOT_INITIALIZED),
    NUMBER(error_deinitialized, CUDA_ERROR_DEINITIALIZED),
    NUMBER(error_stub_library, CUDA_ERROR_STUB_LIBRARY),
    NUMBER(error_requires_newer_driver, CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER),
    NUMBER(error_device_unavailable, CUDA_ERROR_DEVICE_UNAVAILABLE),
    NUMBER(error_no_device, CUDA_ERROR_NO_DEVICE),
    NUMBER(error_invalid_device, CUDA_ERROR_INVALID_DEVICE),
    NUMBER(error_invalid_image, CUDA_ERROR_INVALID_IMAGE),
    NUMBER(error_invalid_context, CUDA_ERROR_INVALID_CONTEXT),
    NUMBER(error_map_failed, CUDA_ERROR_MAP_FAILED),
    NUMBER(error_already_mapped, CUDA_ERROR_ALREADY_MAPPED),
    NUMBER(error_no_binary_for_gpu, CUDA_ERROR_NO_BINARY_FOR_GPU),
    NUMBER(error_not_mapped, CUDA_ERROR_NOT_MAPPED),
    NUMBER(error_invalid_ptx, CUDA_ERROR_INVALID_PTX),
    NUMBER(error_jit_compiler_not_found, CUDA_ERROR_JIT_COMPILER_NOT_FOUND),
    NUMBER(error_unsupported_ptx_version, CUDA_ERROR_UNSUPPORTED_PTX_VERSION),
    NUMBER(error_operating_system, CUDA_ERROR_OPERATING_SYSTEM),
    NUMBER(error_invalid_handle, CUDA_ERROR_INVALID_HANDLE),
    NUMBER(error_not_found, CUDA_ERROR_NOT_FOUND),
    NUMBER(error_not_ready, CUDA_ERROR_NOT_READY),
    NUMBER(error_illegal_address, CUDA_ERROR_ILLEGAL_ADDRESS),
    NUMBER(error_launch_out_of_resources, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES),
    NUMBER(error_host_memory_already_registered, CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED),
    NUMBER(error_host_memory_not_registered, CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED),
    NUMBER(error_launch_failed, CUDA_ERROR_LAUNCH_FAILED),
    NUMBER(error_not_permitted, CUDA_ERROR_NOT_PERMITTED),
    NUMBER(error_not_supported, CUDA_ERROR_NOT_SUPPORTED),
    NUMBER(error_system_not_ready, CUDA_ERROR_SYSTEM_NOT_READY),
    NUMBER(error_system_driver_mismatch, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH),
    NUMBER(error_compat_not_supported_on_device, CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE),
    NUMBER(error_capture_unsupported, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED),
    NUMBER(error_capture_implicit, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT),
    NUMBER(error_unknown, CUDA_ERROR_UNKNOWN),
    NUMBER(attribute_compute_capability_major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
    NUMBER(attribute_compute_capability_minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
    NUMBER(attribute_host_register_supported, CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED),
    NUMBER(attribute_virtual_memory_management_supported, CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED),
    NUMBER(attribute_posix_descriptor_supported, CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED),
    NUMBER(attribute_gpu_direct_rdma_with_vmm_supported, CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED),
    NUMBER(attribute_read_only_host_register_supported, CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED),
    NUMBER(attribute_can_use_64_bit_stream_mem_ops, CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS),
    NUMBER(allocation_pinned, CU_MEM_ALLOCATION_TYPE_PINNED),
    NUMBER(handle_posix_descriptor, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR),
    NUMBER(location_device, CU_MEM_LOCATION_TYPE_DEVICE),
    NUMBER(granularity_minimum, CU_MEM_ALLOC_GRANULARITY_MINIMUM),
    NUMBER(access_none, CU_MEM_ACCESS_FLAGS_PROT_NONE),
    NUMBER(access_read, CU_MEM_ACCESS_FLAGS_PROT_READ),
    NUMBER(access_read_write, CU_MEM_ACCESS_FLAGS_PROT_READWRITE),
    NUMBER(source_order_stream, CU_MEMCPY_SRC_ACCESS_ORDER_STREAM),
    NUMBER(source_order_during_call, CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL),
    NUMBER(source_order_any, CU_MEMCPY_SRC_ACCESS_ORDER_ANY),
    NUMBER(capture_none, CU_STREAM_CAPTURE_STATUS_NONE),
    NUMBER(capture_active, CU_STREAM_CAPTURE_STATUS_ACTIVE),
    NUMBER(capture_invalidated, CU_STREAM_CAPTURE_STATUS_INVALIDATED),
    NUMBER(host_register_portable, CU_MEMHOSTREGISTER_PORTABLE),
    NUMBER(host_register_device_map, CU_MEMHOSTREGISTER_DEVICEMAP),
    NUMBER(host_register_read_only, CU_MEMHOSTREGISTER_READ_ONLY),
    NUMBER(stream_flags_default, CU_STREAM_DEFAULT),
    NUMBER(stream_non_blocking, CU_STREAM_NON_BLOCKING),
    NUMBER(event_disable_timing, CU_EVENT_DISABLE_TIMING),
    NUMBER(write_value_default, CU_STREAM_WRITE_VALUE_DEFAULT),
};

void same_numbers() {
    for (const Number &each : numbers) {
        CHECK_MESSAGE(each.ours == each.theirs, std::string(each.name) + " is " + std::to_string(each.ours) +
                                                    ", and the header has " + std::to_string(each.theirs));
    }
}

constexpr Case cases[] = {
    {"same_numbers", same_numbers},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("cuda_header", uakv::test::cases);
}
