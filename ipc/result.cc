#include "ipc/result.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace uakv {
namespace {

std::string format_sentence(const char *format, std::va_list arguments) {
    char text[1024];
    const int length = std::vsnprintf(text, sizeof text, format, arguments);
    return length < 0 ? std::string(format) : std::string(text);
}

} // namespace

Error error(uakv_status status, const char *format, ...) {
    std::va_list arguments;
    va_start(arguments, format);
    Error result{status, format_sentence(format, arguments)};
    va_end(arguments);
    return result;
}

Error errno_error(uakv_status status, int number, const char *format, ...) {
    std::va_list arguments;
    va_start(arguments, format);
    Error result{status, format_sentence(format, arguments)};
    va_end(arguments);
    char text[128];
    // The GNU variant, which returns the text and may leave the buffer alone.
    const char *name = strerror_r(number, text, sizeof text);
    result.detail += std::string(": ") + name + " (errno " + std::to_string(number) + ")";
    return result;
}

} // namespace uakv
