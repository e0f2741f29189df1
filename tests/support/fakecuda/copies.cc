// Copies, fills, words written in the order of a stream, and host functions.
#include "support/fakecuda/address_space.h"
#include "support/fakecuda/streams.h"

#include <atomic>
#include <cstring>

namespace uakv::fakecuda {
namespace {

thread_local bool in_host_function = false;

DevicePtr address(const void *pointer) {
    return reinterpret_cast<DevicePtr>(pointer);
}

struct Copy {
    DevicePtr to, from;
    std::size_t bytes;
};

bool is_possible(const Copy &copy, int ordinal) {
    const AddressSpace &space = AddressSpace::get();
    return space.reach_for_copy(copy.to, copy.bytes, Want::write, ordinal) != nullptr &&
           space.reach_for_copy(copy.from, copy.bytes, Want::read, ordinal) != nullptr;
}

// At its turn: what could be reached at the call and cannot be any more is an illegal address.
Status perform(const Copy &copy, const std::byte *source, int ordinal) {
    const AddressSpace &space = AddressSpace::get();
    const AddressSpace::Use use(space);
    std::byte *to = space.reach_for_copy(copy.to, copy.bytes, Want::write, ordinal);
    const std::byte *from = source;
    if (from == nullptr) {
        from = space.reach_for_copy(copy.from, copy.bytes, Want::read, ordinal);
    }
    if (to == nullptr || from == nullptr) {
        return error_illegal_address;
    }
    std::memmove(to, from, copy.bytes);
    return success;
}

bool is_pageable(DevicePtr pointer, std::size_t bytes) {
    return (pointer & (device_bias | registered_bias)) == 0 && !AddressSpace::get().is_registered(pointer, bytes);
}

// As the driver: pageable memory is read before the call returns, and written before it returns.
Status enqueue_copy(Stream stream, const Copy &copy) {
    if (const Status status = check_stream(stream); status != success) {
        return status;
    }
    const int ordinal = current_context()->ordinal;
    if (!is_possible(copy, ordinal)) {
        return error_invalid_value;
    }
    if (copy.bytes == 0) {
        return success;
    }
    if (is_pageable(copy.from, copy.bytes)) {
        const auto *source = reinterpret_cast<const std::byte *>(copy.from);
        return enqueue(stream, [copy, staged = std::vector<std::byte>(source, source + copy.bytes)](Context context) {
            return perform(copy, staged.data(), context->ordinal);
        });
    }
    const auto operation = [copy](Context context) { return perform(copy, nullptr, context->ordinal); };
    const bool waits = is_pageable(copy.to, copy.bytes) && !is_capturing(stream);
    return waits ? enqueue_and_wait(stream, operation) : enqueue(stream, operation);
}

Status copy_now(const Copy &copy) {
    if (!is_possible(copy, current_context()->ordinal)) {
        return error_invalid_value;
    }
    return enqueue_and_wait(nullptr, [copy](Context context) { return perform(copy, nullptr, context->ordinal); });
}

// The index of the first copy that cannot be done, or `count`.
std::size_t first_impossible(const DevicePtr *to, const DevicePtr *from, const std::size_t *bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (bytes[i] == 0 || !is_possible({to[i], from[i], bytes[i]}, current_context()->ordinal)) {
            return i;
        }
    }
    return count;
}

Status batch(const DevicePtr *to, const DevicePtr *from, const std::size_t *bytes, std::size_t count,
             const MemcpyAttributes *attributes, const std::size_t *attributes_of, std::size_t attributes_count,
             std::size_t *failed, Stream stream) {
    *failed = SIZE_MAX;
    if (reinterpret_cast<std::uintptr_t>(stream) <= 1 || count == 0 || attributes_count == 0 ||
        attributes_count > count || attributes_of[0] != 0) {
        return error_invalid_value;
    }
    if (const Status status = check_stream(stream); status != success) {
        return status;
    }
    if (is_capturing(stream)) {
        return error_capture_unsupported;
    }
    for (std::size_t i = 0; i < attributes_count; ++i) {
        const int order = attributes[i].src_access_order;
        if (order < source_order_stream || order > source_order_any ||
            (i > 0 && attributes_of[i] <= attributes_of[i - 1])) {
            return error_invalid_value;
        }
    }
    if (const std::size_t bad = first_impossible(to, from, bytes, count); bad != count) {
        *failed = bad;
        return error_invalid_value;
    }
    std::vector<Copy> copies;
    for (std::size_t i = 0; i < count; ++i) {
        copies.push_back({to[i], from[i], bytes[i]});
    }
    return enqueue(stream, [copies = std::move(copies)](Context context) {
        Status status = success;
        for (std::size_t i = 0; i < copies.size() && status == success; ++i) {
            status = perform(copies[i], nullptr, context->ordinal);
        }
        return status;
    });
}

} // namespace

bool is_in_host_function() {
    return in_host_function;
}

namespace calls {

Status memcpy_htod(DevicePtr to, const void *from, std::size_t bytes) {
    return copy_now({to, address(from), bytes});
}

Status memcpy_dtoh(void *to, DevicePtr from, std::size_t bytes) {
    return copy_now({address(to), from, bytes});
}

Status memcpy_async(DevicePtr to, DevicePtr from, std::size_t bytes, Stream stream) {
    return enqueue_copy(stream, {to, from, bytes});
}

Status memcpy_htod_async(DevicePtr to, const void *from, std::size_t bytes, Stream stream) {
    return enqueue_copy(stream, {to, address(from), bytes});
}

Status memcpy_dtoh_async(void *to, DevicePtr from, std::size_t bytes, Stream stream) {
    return enqueue_copy(stream, {address(to), from, bytes});
}

Status memcpy_batch_async(DevicePtr *to, DevicePtr *from, std::size_t *bytes, std::size_t count,
                          MemcpyAttributes *attributes, std::size_t *attributes_of, std::size_t attributes_count,
                          Stream stream) {
    std::size_t failed = 0;
    return batch(to, from, bytes, count, attributes, attributes_of, attributes_count, &failed, stream);
}

Status memcpy_batch_async_12080(DevicePtr *to, DevicePtr *from, std::size_t *bytes, std::size_t count,
                                MemcpyAttributes *attributes, std::size_t *attributes_of, std::size_t attributes_count,
                                std::size_t *failed, Stream stream) {
    std::size_t nobody = 0;
    return batch(to, from, bytes, count, attributes, attributes_of, attributes_count,
                 failed == nullptr ? &nobody : failed, stream);
}

Status memset_d8_async(DevicePtr to, unsigned char byte, std::size_t count, Stream stream) {
    if (const Status status = check_stream(stream); status != success) {
        return status;
    }
    if (AddressSpace::get().reach(to, count, Want::write, current_context()->ordinal) == nullptr) {
        return error_invalid_value;
    }
    return enqueue(stream, [=](Context context) {
        const AddressSpace::Use use(AddressSpace::get());
        std::byte *place = AddressSpace::get().reach(to, count, Want::write, context->ordinal);
        if (place == nullptr) {
            return Status{error_illegal_address};
        }
        std::memset(place, byte, count);
        return Status{success};
    });
}

Status stream_write_value64(Stream stream, DevicePtr address, std::uint64_t value, unsigned flags) {
    if (const Status status = check_stream(stream); status != success) {
        return status;
    }
    const int ordinal = current_context()->ordinal;
    if (Process::get().attribute(ordinal, attribute_can_use_64_bit_stream_mem_ops) == 0) {
        return error_not_supported;
    }
    if (address % sizeof value != 0 || flags > 1 ||
        AddressSpace::get().reach(address, sizeof value, Want::write, ordinal) == nullptr) {
        return error_invalid_value;
    }
    return enqueue(stream, [=](Context context) {
        const AddressSpace::Use use(AddressSpace::get());
        std::byte *place = AddressSpace::get().reach(address, sizeof value, Want::write, context->ordinal);
        if (place == nullptr) {
            return Status{error_illegal_address};
        }
        std::atomic_ref(*reinterpret_cast<std::uint64_t *>(place)).store(value, std::memory_order_release);
        return Status{success};
    });
}

Status launch_host_func(Stream stream, HostFn function, void *data) {
    if (function == nullptr) {
        return error_invalid_value;
    }
    if (const Status status = check_stream(stream); status != success) {
        return status;
    }
    return enqueue(stream, [=](Context) {
        in_host_function = true;
        function(data);
        in_host_function = false;
        return Status{success};
    });
}

} // namespace calls
} // namespace uakv::fakecuda
