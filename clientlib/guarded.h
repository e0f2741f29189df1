// What every exported function does first and last: refuse what cannot be served, and let no exception out.
#pragma once

#include "clientlib/client.h"
#include "clientlib/errors.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

namespace uakv {

// No struct of the interface will be larger; a struct_size beyond is not one.
constexpr std::size_t options_bytes_max = 4096;

// Runs the body of an exported function. The only exceptions that can arise are for want of memory.
template <typename Body> uakv_status guarded(const char *call, Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return fail(UAKV_ERR_NO_MEMORY, "%s: out of memory", call);
    } catch (...) {
        return fail(UAKV_ERR_INTERNAL, "%s: an exception that nobody expected", call);
    }
}

// The caller's options as this library knows them: what a shorter struct does not have is zero; what a
// longer one has beyond ours must be zero, for we could not obey it.
template <typename Options>
uakv_status read_options(const char *call, const Options *given, Options &options) noexcept {
    options = Options{};
    options.struct_size = sizeof(Options);
    if (given == nullptr) {
        return UAKV_OK;
    }
    constexpr std::size_t smallest = 2 * sizeof(std::uint32_t);
    const std::size_t size = given->struct_size;
    if (size < smallest || size > options_bytes_max) {
        return fail(UAKV_ERR_INVALID, "%s: struct_size of the options is %zu; expected %zu (sizeof the struct)", call,
                    size, sizeof(Options));
    }
    const auto *bytes = reinterpret_cast<const unsigned char *>(given);
    for (std::size_t i = sizeof(Options); i < size; ++i) {
        // The caller's struct is longer than ours here, which the analyzer cannot know.
        // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
        if (bytes[i] != 0) {
            return fail(UAKV_ERR_TOO_NEW, "%s: the options use a field that this library (%s) does not know", call,
                        uakv_version_string());
        }
    }
    std::memcpy(&options, given, std::min(size, sizeof(Options)));
    return UAKV_OK;
}

inline uakv_status check_flags(const char *call, std::uint32_t flags, std::uint32_t known) noexcept {
    if ((flags & ~known) != 0) {
        return fail(UAKV_ERR_INVALID, "%s: unknown flags 0x%x; known here are 0x%x", call, flags, known);
    }
    return UAKV_OK;
}

} // namespace uakv
