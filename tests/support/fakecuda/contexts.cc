#include "support/fakecuda/contexts.h"
#include "support/fakecuda/process.h"
#include "support/fakecuda/streams.h"

#include <algorithm>

namespace uakv::fakecuda {
namespace {

struct Contexts {
    std::mutex mutex;
    std::array<ContextOf, devices_max> primary;
    std::vector<Context> made; // kept for good, so that no address means two contexts
};

Contexts &contexts() {
    static Contexts &all = *new Contexts;
    return all;
}

std::vector<Context> &stack() {
    thread_local std::vector<Context> mine;
    return mine;
}

bool is_known(Context context) {
    Contexts &all = contexts();
    const std::lock_guard lock(all.mutex);
    return std::any_of(all.primary.begin(), all.primary.end(), [&](ContextOf &each) { return &each == context; }) ||
           std::find(all.made.begin(), all.made.end(), context) != all.made.end();
}

Context primary(int ordinal) {
    Context context = &contexts().primary[static_cast<std::size_t>(ordinal)];
    context->ordinal = ordinal;
    return context;
}

} // namespace

Context current_context() {
    return stack().empty() ? nullptr : stack().back();
}

Status check_current() {
    const Context context = current_context();
    if (context == nullptr) {
        return error_invalid_context;
    }
    return is_alive(context) ? context->broken.load() : Status{709}; // CUDA_ERROR_CONTEXT_IS_DESTROYED
}

bool is_alive(Context context) {
    return context->retained != 0;
}

bool breaks_context(Status status) {
    constexpr Status those[] = {214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 999};
    return std::find(std::begin(those), std::end(those), status) != std::end(those);
}

void break_context(Context context, Status status) {
    Status healthy = success;
    context->broken.compare_exchange_strong(healthy, status);
    wake_streams(); // held ones, too: they have nothing to wait for any more
}

void break_device(int ordinal, Status status) {
    Contexts &all = contexts();
    std::vector<Context> those = {primary(ordinal)};
    {
        const std::lock_guard lock(all.mutex);
        std::copy_if(all.made.begin(), all.made.end(), std::back_inserter(those),
                     [&](Context each) { return each->ordinal == ordinal; });
    }
    for (const Context context : those) {
        break_context(context, status);
    }
}

Context make_context(int ordinal) {
    if (!Process::get().has_device(ordinal)) {
        misused("there is no device " + std::to_string(ordinal));
    }
    Contexts &all = contexts();
    const std::lock_guard lock(all.mutex);
    all.made.push_back(new ContextOf);
    all.made.back()->ordinal = ordinal;
    all.made.back()->retained = 1;
    return all.made.back();
}

void destroy_context(Context context) {
    context->retained = 0;
    drop_streams(context);
}

std::uint64_t live_contexts() {
    Contexts &all = contexts();
    const std::lock_guard lock(all.mutex);
    const auto alive = [](const ContextOf &each) { return each.retained != 0; };
    return static_cast<std::uint64_t>(
        std::count_if(all.primary.begin(), all.primary.end(), alive) +
        std::count_if(all.made.begin(), all.made.end(), [&](Context each) { return alive(*each); }));
}

namespace calls {

Status device_primary_ctx_retain(Context *context, Device device) {
    if (context == nullptr) {
        return error_invalid_value;
    }
    if (!Process::get().has_device(device)) {
        return error_invalid_device;
    }
    Contexts &all = contexts();
    const std::lock_guard lock(all.mutex);
    *context = primary(device);
    if ((*context)->broken != success) {
        return (*context)->broken;
    }
    ++(*context)->retained;
    return success;
}

Status device_primary_ctx_release(Device device) {
    if (!Process::get().has_device(device)) {
        return error_invalid_device;
    }
    {
        Contexts &all = contexts();
        const std::lock_guard lock(all.mutex);
        if (primary(device)->retained == 0) {
            return error_invalid_context;
        }
        if (--primary(device)->retained != 0) {
            return success;
        }
    }
    drop_streams(primary(device));
    return success;
}

Status ctx_push_current(Context context) {
    if (context == nullptr || !is_known(context) || !is_alive(context)) {
        return error_invalid_context;
    }
    stack().push_back(context);
    return success;
}

Status ctx_pop_current(Context *context) {
    if (stack().empty()) {
        return error_invalid_context;
    }
    if (context != nullptr) {
        *context = stack().back();
    }
    stack().pop_back();
    return success;
}

Status ctx_get_current(Context *context) {
    if (context == nullptr) {
        return error_invalid_value;
    }
    *context = current_context();
    return success;
}

Status ctx_get_device(Device *device) {
    if (device == nullptr) {
        return error_invalid_value;
    }
    *device = current_context()->ordinal;
    return success;
}

} // namespace calls
} // namespace uakv::fakecuda
