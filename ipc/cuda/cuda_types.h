// What we use of the CUDA driver's interface, declared by ourselves: cuda.h may not be passed on, and nobody should
// need it to build. Numbers and layouts are those of the driver's ABI, which does not change; tests/gpu/cuda_header.cc
// compares each of them with the real header where a toolkit is installed.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st; // as abi/uakv_cuda.h has it

namespace uakv::cuda {

using Status = int;              // CUresult
using Device = int;              // CUdevice: an ordinal
using DevicePtr = std::uint64_t; // CUdeviceptr
using MemHandle = std::uint64_t; // CUmemGenericAllocationHandle
using Context = struct ContextOf *;
using Stream = ::CUstream_st *;
using Event = struct EventOf *;
using Module = struct ModuleOf *;
using Function = struct FunctionOf *;
using HostFn = void (*)(void *); // CUhostFn

// Besides those that cuStreamCreate makes.
inline const Stream stream_default = nullptr;

struct Uuid {
    std::uint8_t bytes[16];
};

struct Location { // CUmemLocation
    int type;
    int id;
};

struct AllocationProp { // CUmemAllocationProp
    int type;
    int requested_handle_types;
    Location location;
    void *win32_handle_meta_data;
    struct {
        unsigned char compression_type;
        unsigned char gpu_direct_rdma_capable;
        unsigned short usage;
        unsigned char reserved[4];
    } alloc_flags;
};

struct AccessDesc { // CUmemAccessDesc
    Location location;
    int flags;
};

struct MemcpyAttributes { // CUmemcpyAttributes
    int src_access_order;
    Location src_location_hint;
    Location dst_location_hint;
    unsigned flags;
};

static_assert(sizeof(Uuid) == 16 && sizeof(Location) == 8 && sizeof(AccessDesc) == 12);
static_assert(sizeof(AllocationProp) == 32 && offsetof(AllocationProp, requested_handle_types) == 4);
static_assert(offsetof(AllocationProp, location) == 8 && offsetof(AllocationProp, win32_handle_meta_data) == 16);
static_assert(offsetof(AllocationProp, alloc_flags) == 24 && sizeof(MemcpyAttributes) == 24);

// Results that are dealt with by name somewhere; what each means to us is in status.h.
enum : Status {
    success = 0,
    error_invalid_value = 1,
    error_out_of_memory = 2,
    error_not_initialized = 3,
    error_deinitialized = 4,
    error_stub_library = 34,
    error_requires_newer_driver = 36,
    error_device_unavailable = 46,
    error_no_device = 100,
    error_invalid_device = 101,
    error_invalid_image = 200,
    error_invalid_context = 201,
    error_map_failed = 205,
    error_already_mapped = 208,
    error_no_binary_for_gpu = 209,
    error_not_mapped = 211,
    error_invalid_ptx = 218,
    error_jit_compiler_not_found = 221,
    error_unsupported_ptx_version = 222,
    error_operating_system = 304,
    error_invalid_handle = 400,
    error_not_found = 500,
    error_not_ready = 600,
    error_illegal_address = 700,
    error_launch_out_of_resources = 701,
    error_host_memory_already_registered = 712,
    error_host_memory_not_registered = 713,
    error_launch_failed = 719,
    error_not_permitted = 800,
    error_not_supported = 801,
    error_system_not_ready = 802,
    error_system_driver_mismatch = 803,
    error_compat_not_supported_on_device = 804,
    error_capture_unsupported = 900,
    error_capture_implicit = 906,
    error_unknown = 999,
};

enum : int { // CUdevice_attribute
    attribute_compute_capability_major = 75,
    attribute_compute_capability_minor = 76,
    attribute_host_register_supported = 99,
    attribute_virtual_memory_management_supported = 102,
    attribute_posix_descriptor_supported = 103,
    attribute_gpu_direct_rdma_with_vmm_supported = 110,
    attribute_read_only_host_register_supported = 113,
    attribute_can_use_64_bit_stream_mem_ops = 122,
};

enum : int {
    allocation_pinned = 1,        // CU_MEM_ALLOCATION_TYPE_PINNED
    handle_posix_descriptor = 1,  // CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR
    location_device = 1,          // CU_MEM_LOCATION_TYPE_DEVICE
    granularity_minimum = 0,      // CU_MEM_ALLOC_GRANULARITY_MINIMUM
    access_none = 0,              // CU_MEM_ACCESS_FLAGS_PROT_NONE
    access_read = 1,              // CU_MEM_ACCESS_FLAGS_PROT_READ
    access_read_write = 3,        // CU_MEM_ACCESS_FLAGS_PROT_READWRITE
    source_order_stream = 1,      // CU_MEMCPY_SRC_ACCESS_ORDER_STREAM
    source_order_during_call = 2, // CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL
    source_order_any = 3,         // CU_MEMCPY_SRC_ACCESS_ORDER_ANY
    capture_none = 0,             // CU_STREAM_CAPTURE_STATUS_NONE
    capture_active = 1,           // CU_STREAM_CAPTURE_STATUS_ACTIVE
    capture_invalidated = 2,      // CU_STREAM_CAPTURE_STATUS_INVALIDATED
};

enum : unsigned {
    host_register_portable = 1,   // CU_MEMHOSTREGISTER_PORTABLE
    host_register_device_map = 2, // CU_MEMHOSTREGISTER_DEVICEMAP
    host_register_read_only = 8,  // CU_MEMHOSTREGISTER_READ_ONLY
    stream_flags_default = 0,     // CU_STREAM_DEFAULT
    stream_non_blocking = 1,      // CU_STREAM_NON_BLOCKING
    event_disable_timing = 2,     // CU_EVENT_DISABLE_TIMING
    write_value_default = 0,      // CU_STREAM_WRITE_VALUE_DEFAULT: after all that the stream wrote before
};

} // namespace uakv::cuda
