// Contexts of the stand-in: a primary one for each device, counted, and those that a test makes; the stack of current
// ones of each thread.
#pragma once

#include "support/fakecuda/calls.h"

#include <atomic>

// What cuda_types.h leaves open.
struct uakv::cuda::ContextOf {
    int ordinal = 0;
    std::atomic<std::uint64_t> retained = 0; // 0: destroyed; a primary one may come back
    std::atomic<Status> broken = success;    // what every call gives from then on
};

namespace uakv::fakecuda {

// The top of the calling thread's stack; null: none.
Context current_context();

// success, or why the current context is of no use.
Status check_current();

bool is_alive(Context context);
void break_context(Context context, Status status);
void break_device(int ordinal, Status status);
bool breaks_context(Status status);

Context make_context(int ordinal);
void destroy_context(Context context);
std::uint64_t live_contexts();

} // namespace uakv::fakecuda
