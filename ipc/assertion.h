// Asserts for our own bugs, kept in release builds. Never for what a client, a disk or a network says:
// that is an outcome, handled where it happens.
#pragma once

namespace uakv {

[[noreturn]] void assertion_failed(const char *expression, const char *file, int line) noexcept;

} // namespace uakv

// By the file's name alone: what is installed does not tell where it was built.
#define UAKV_ASSERT(expression)                                                                                        \
    (__builtin_expect(static_cast<bool>(expression), 1)                                                                \
         ? static_cast<void>(0)                                                                                        \
         : ::uakv::assertion_failed(#expression, __FILE_NAME__, __LINE__))
