#include "clientlib/errors.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace uakv {
namespace {

// Plain bytes: nothing is allocated, so a failure for want of memory can be told too, and no destructor has
// to run when a thread of the host ends.
thread_local char last_error[1024];

} // namespace

uakv_status fail(const Error &failure) noexcept {
    std::snprintf(last_error, sizeof last_error, "%s", failure.detail.c_str());
    return failure.status;
}

uakv_status fail(uakv_status status, const char *format, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    return status;
}

std::size_t copy_last_error(char *buffer, std::size_t bytes) noexcept {
    const std::size_t length = std::strlen(last_error);
    if (buffer != nullptr && bytes > 0) {
        const std::size_t copied = std::min(length, bytes - 1);
        std::memcpy(buffer, last_error, copied);
        buffer[copied] = 0;
    }
    return length;
}

} // namespace uakv
