// What the library exports: cuGetProcAddress_v2, as the driver does, and the controls of fakecuda.h. Every function
// that cuGetProcAddress gives out goes through here first: faults, the fork, cuInit, the current context.
#include "support/fakecuda/address_space.h"
#include "support/fakecuda/fakecuda.h"
#include "support/fakecuda/modules.h"
#include "support/fakecuda/streams.h"

#include <algorithm>
#include <cstring>

namespace uakv::fakecuda {

bool is_in_host_function(); // copies.cc

namespace {

bool works_before_init(Id id) {
    return id == Id::init || id == Id::driver_get_version || id == Id::get_error_name;
}

// The calls for devices, for exporting and importing memory, and for contexts themselves.
bool works_without_context(Id id) {
    constexpr Id those[] = {
        Id::device_get_count,
        Id::device_get,
        Id::device_get_attribute,
        Id::device_get_uuid,
        Id::device_get_name,
        Id::device_total_mem,
        Id::device_get_pci_bus_id,
        Id::device_primary_ctx_retain,
        Id::device_primary_ctx_release,
        Id::ctx_push_current,
        Id::ctx_pop_current,
        Id::ctx_get_current,
        Id::mem_get_allocation_granularity,
        Id::mem_create,
        Id::mem_release,
        Id::mem_export_to_shareable_handle,
        Id::mem_import_from_shareable_handle,
    };
    return works_before_init(id) || std::find(std::begin(those), std::end(those), id) != std::end(those);
}

Status enter(Id id) {
    Process &process = Process::get();
    const Status fault = process.enter(id);
    if (fault != success) {
        if (breaks_context(fault) && current_context() != nullptr) {
            break_context(current_context(), fault);
        }
        return fault;
    }
    if (is_in_host_function()) {
        return error_not_permitted;
    }
    if (process.is_forked() || (!process.is_initialised() && !works_before_init(id))) {
        return works_before_init(id) && id != Id::init ? success : error_not_initialized;
    }
    return works_without_context(id) ? success : check_current();
}

template <Id id, auto function> struct Guarded;
template <Id id, typename... Parameters, Status (*function)(Parameters...)> struct Guarded<id, function> {
    static Status call(Parameters... parameters) {
        const Status status = enter(id);
        return status == success ? function(parameters...) : status;
    }
};

struct Entry {
    const char *field, *name;
    int version;
    void *function;
};

const Entry entries[] = {
#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters)                                                     \
    {#field, #name, version, reinterpret_cast<void *>(&Guarded<Id::field, &calls::field>::call)},
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION
};

bool is_in(const std::vector<std::string> &list, const Entry &entry) {
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string &each) { return each == entry.field || each == entry.name; });
}

// The newest form of a function that neither the caller nor the driver is too old for: who asks for more than the
// driver knows gets what it knows.
const Entry *newest(const char *name, int version, bool &is_known) {
    const Entry *best = nullptr;
    for (const Entry &entry : entries) {
        if (std::strcmp(entry.name, name) != 0) {
            continue;
        }
        is_known = true;
        if (entry.version <= std::min(version, Process::get().options().driver_version) &&
            (best == nullptr || entry.version > best->version)) {
            best = &entry;
        }
    }
    return best;
}

Status get_proc_address(const char *name, void **function, int version, std::uint64_t flags, int *found) {
    const Options &options = Process::get().options();
    if (options.is_for_linking) {
        return error_stub_library;
    }
    if (flags > 1) { // functions for per-thread streams are others
        return error_invalid_value;
    }
    bool is_known = false;
    const Entry *entry = newest(name, version, is_known);
    if (entry != nullptr && is_in(options.unknown, *entry)) {
        return error_not_found;
    }
    *function = entry == nullptr || is_in(options.missing, *entry) ? nullptr : entry->function;
    *found = *function != nullptr ? 0 : is_known && entry == nullptr ? 2 : 1;
    return success;
}

Counts count_all() {
    const AddressSpace &space = AddressSpace::get();
    return Counts{live_contexts(),       live_handles(), space.reservations(), space.mappings(),
                  space.registrations(), live_streams(), live_events(),        live_modules()};
}

void *host_address(DevicePtr pointer, std::size_t bytes) {
    for (int ordinal = 0; ordinal < Process::get().devices(); ++ordinal) {
        if (std::byte *found = AddressSpace::get().reach(pointer, bytes, Want::read, ordinal); found != nullptr) {
            return found;
        }
    }
    return nullptr;
}

constexpr Controls table = {
    .configure = [](const char *options) { Process::get().configure(options); },
    .fail = [](const char *function, unsigned nth, bool and_later,
               Status status) { Process::get().fail(function, nth, and_later, status); },
    .mend = [] { Process::get().mend(); },
    .calls = [](const char *function) { return Process::get().calls(function); },
    .set_attribute = [](int ordinal, int attribute,
                        int value) { Process::get().set_attribute(ordinal, attribute, value); },
    .break_device = break_device,
    .hold = hold,
    .step = step,
    .let_go = let_go,
    .hold_all = hold_all,
    .step_any = step_any,
    .let_all_go = let_all_go,
    .pending = pending,
    .pending_all = pending_all,
    .set_capture = set_capture,
    .captured = captured,
    .make_context = make_context,
    .destroy_context = destroy_context,
    .counts = count_all,
    .used_bytes = used_bytes,
    .host_address = host_address,
};

} // namespace
} // namespace uakv::fakecuda

extern "C" {

[[gnu::visibility("default")]] int cuGetProcAddress_v2(const char *name, void **function, int version,
                                                       std::uint64_t flags, int *found) {
    return uakv::fakecuda::get_proc_address(name, function, version, flags, found);
}

[[gnu::visibility("default")]] const uakv::fakecuda::Controls *fakecuda_controls() {
    return &uakv::fakecuda::table;
}
}
