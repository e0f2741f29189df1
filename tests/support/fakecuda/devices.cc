// The driver, its devices, and what they are called.
#include "support/fakecuda/process.h"

#include <cstdio>
#include <cstring>

namespace uakv::fakecuda::calls {
namespace {

Status copy_text(char *to, int bytes, const std::string &text) {
    if (to == nullptr || bytes <= 0) {
        return error_invalid_value;
    }
    std::snprintf(to, static_cast<std::size_t>(bytes), "%s", text.c_str());
    return success;
}

struct Named {
    Status status;
    const char *name;
};

constexpr Named named[] = {
    {success, "CUDA_SUCCESS"},
    {error_invalid_value, "CUDA_ERROR_INVALID_VALUE"},
    {error_out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY"},
    {error_not_initialized, "CUDA_ERROR_NOT_INITIALIZED"},
    {error_deinitialized, "CUDA_ERROR_DEINITIALIZED"},
    {error_no_device, "CUDA_ERROR_NO_DEVICE"},
    {error_invalid_device, "CUDA_ERROR_INVALID_DEVICE"},
    {error_invalid_context, "CUDA_ERROR_INVALID_CONTEXT"},
    {error_no_binary_for_gpu, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
    {error_operating_system, "CUDA_ERROR_OPERATING_SYSTEM"},
    {error_invalid_handle, "CUDA_ERROR_INVALID_HANDLE"},
    {error_not_found, "CUDA_ERROR_NOT_FOUND"},
    {error_not_ready, "CUDA_ERROR_NOT_READY"},
    {error_illegal_address, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {error_host_memory_already_registered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"},
    {error_launch_failed, "CUDA_ERROR_LAUNCH_FAILED"},
    {error_not_permitted, "CUDA_ERROR_NOT_PERMITTED"},
    {error_not_supported, "CUDA_ERROR_NOT_SUPPORTED"},
    {error_system_driver_mismatch, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"},
    {error_unknown, "CUDA_ERROR_UNKNOWN"},
};

} // namespace

Status init(unsigned flags) {
    return flags == 0 ? Process::get().init() : error_invalid_value;
}

Status driver_get_version(int *version) {
    *version = Process::get().options().driver_version;
    return success;
}

Status get_error_name(Status status, const char **name) {
    for (const Named &each : named) {
        if (each.status == status) {
            *name = each.name;
            return success;
        }
    }
    *name = nullptr;
    return error_invalid_value;
}

Status device_get_count(int *count) {
    *count = Process::get().devices();
    return success;
}

Status device_get(Device *device, int ordinal) {
    if (!Process::get().has_device(ordinal)) {
        return error_invalid_device;
    }
    *device = ordinal;
    return success;
}

Status device_get_attribute(int *value, int attribute, Device device) {
    if (!Process::get().has_device(device)) {
        return error_invalid_device;
    }
    *value = Process::get().attribute(device, attribute);
    return success;
}

Status device_get_uuid(Uuid *uuid, Device device) {
    if (!Process::get().has_device(device)) {
        return error_invalid_device;
    }
    *uuid = Process::get().device(device).uuid;
    return success;
}

Status device_get_name(char *name, int bytes, Device device) {
    if (!Process::get().has_device(device)) {
        return error_invalid_device;
    }
    return copy_text(name, bytes, "Fake GPU " + std::to_string(Process::get().device(device).number));
}

Status device_total_mem(std::size_t *bytes, Device device) {
    if (!Process::get().has_device(device)) {
        return error_invalid_device;
    }
    *bytes = Process::get().options().memory;
    return success;
}

Status device_get_pci_bus_id(char *id, int bytes, Device device) {
    if (!Process::get().has_device(device)) {
        return error_invalid_device;
    }
    char text[16];
    std::snprintf(text, sizeof text, "0000:%02X:00.0",
                  static_cast<unsigned>(0x10 + Process::get().device(device).number));
    return copy_text(id, bytes, text);
}

} // namespace uakv::fakecuda::calls
