// The detail of the last failure, one sentence for each thread: what uakv_last_error() copies out.
#pragma once

#include "ipc/result.h"

#include <cstddef>

namespace uakv {

// Keeps the detail for this thread and returns the status: the last step of every failing call.
uakv_status fail(const Error &failure) noexcept;
[[gnu::format(printf, 2, 3)]] uakv_status fail(uakv_status status, const char *format, ...) noexcept;

std::size_t copy_last_error(char *buffer, std::size_t bytes) noexcept;

} // namespace uakv
