// Reserving, mapping and registering, as the driver's functions.
#include "support/fakecuda/address_space.h"
#include "support/fakecuda/contexts.h"

namespace uakv::fakecuda::calls {

Status mem_address_reserve(DevicePtr *pointer, std::size_t bytes, std::size_t alignment, DevicePtr /*wish*/,
                           unsigned long long flags) {
    if (pointer == nullptr || flags != 0) {
        return error_invalid_value;
    }
    return AddressSpace::get().reserve(pointer, bytes, alignment);
}

Status mem_address_free(DevicePtr pointer, std::size_t bytes) {
    return AddressSpace::get().free(pointer, bytes);
}

Status mem_map(DevicePtr pointer, std::size_t bytes, std::size_t offset, MemHandle handle, unsigned long long flags) {
    const std::size_t granularity = Process::get().options().granularity;
    if (offset != 0 || flags != 0 || pointer % granularity != 0 || bytes % granularity != 0) {
        return error_invalid_value;
    }
    return AddressSpace::get().map(pointer, bytes, allocation_of(handle));
}

Status mem_unmap(DevicePtr pointer, std::size_t bytes) {
    return AddressSpace::get().unmap(pointer, bytes);
}

Status mem_set_access(DevicePtr pointer, std::size_t bytes, const AccessDesc *descriptions, std::size_t count) {
    return AddressSpace::get().set_access(pointer, bytes, descriptions, count);
}

Status mem_alloc(DevicePtr *pointer, std::size_t bytes) {
    if (pointer == nullptr || bytes == 0) {
        return error_invalid_value;
    }
    const int ordinal = current_context()->ordinal;
    AllocationRef made;
    if (const Status status = allocate(made, (bytes + 511) / 512 * 512, ordinal, false); status != success) {
        return status;
    }
    const std::size_t granularity = Process::get().options().granularity;
    AddressSpace &space = AddressSpace::get();
    DevicePtr place = 0;
    if (const Status status = space.reserve(&place, (bytes + granularity - 1) / granularity * granularity, 0);
        status != success) {
        return status;
    }
    const AccessDesc access = {{location_device, ordinal}, access_read_write};
    Status status = space.map(place, bytes, std::move(made));
    if (status == success) {
        status = space.set_access(place, bytes, &access, 1);
    }
    *pointer = place;
    return status;
}

Status mem_free(DevicePtr pointer) {
    return AddressSpace::get().free_allocated(pointer);
}

Status mem_host_register(void *pointer, std::size_t bytes, unsigned flags) {
    const Process &process = Process::get();
    const int ordinal = current_context()->ordinal;
    if (process.attribute(ordinal, attribute_host_register_supported) == 0 ||
        ((flags & host_register_read_only) != 0 &&
         process.attribute(ordinal, attribute_read_only_host_register_supported) == 0)) {
        return error_not_supported;
    }
    if ((flags & ~(host_register_portable | host_register_device_map | host_register_read_only)) != 0) {
        return error_invalid_value;
    }
    return AddressSpace::get().register_host(pointer, bytes, flags);
}

Status mem_host_unregister(void *pointer) {
    return AddressSpace::get().unregister_host(pointer);
}

Status mem_host_get_device_pointer(DevicePtr *device_pointer, void *pointer, unsigned flags) {
    if (device_pointer == nullptr || flags != 0) {
        return error_invalid_value;
    }
    return AddressSpace::get().registered_pointer(device_pointer, pointer);
}

} // namespace uakv::fakecuda::calls
