// Checks that throw, and the way from there to cmocka.
//
// cmocka leaves a failed test by longjmp, which runs no destructor: daemons and children would be left behind. So
// a test here is a plain function that throws Failure or Skip, and run_cases() turns that into cmocka's verdict.
#pragma once

#include <uakv.h>

#include <chrono>
#include <functional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace uakv::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

struct Failure : std::runtime_error {
    using runtime_error::runtime_error;
};

// The machine lacks what the test needs; the message says what.
struct Skip : std::runtime_error {
    using runtime_error::runtime_error;
};

struct Case {
    const char *name;
    void (*body)();
};

// Runs the cases; the result is for main(): 0, 1 when one failed, 77 when all were skipped.
int run_cases(const char *group, std::span<const Case> cases);

// For destructors, which must not throw: the running test fails when its body has ended.
void fail_later(const std::string &message);

[[noreturn]] void fail_at(const char *file, int line, const std::string &message);

// The detail of this thread's last failed call.
std::string last_error();

// Waits until the condition holds. Fails the test when it does not within 20 seconds.
void await(const std::string &what, const std::function<bool()> &condition);

template <typename A, typename B> bool equal(const A &a, const B &b) {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && !std::is_same_v<A, bool> &&
                  !std::is_same_v<B, bool>) {
        return std::cmp_equal(a, b);
    } else {
        return a == b;
    }
}

template <typename A, typename B>
void check_equal(const A &actual, const B &expected, const char *text, const char *file, int line) {
    if (equal(actual, expected)) {
        return;
    }
    std::ostringstream message;
    message << text << " is " << actual << ", expected " << expected;
    fail_at(file, line, message.str());
}

void check_status(uakv_status actual, uakv_status expected, const char *text, const char *file, int line);

// As await(), for a number that must become `expected`; the failure says what it was last.
template <typename B, typename Read> void await_equal(const std::string &what, const B &expected, Read read) {
    auto last = read();
    try {
        await(what, [&] { return equal(last = read(), expected); });
    } catch (const Failure &failure) {
        std::ostringstream message;
        message << failure.what() << ": it is " << last << ", expected " << expected;
        throw Failure(message.str());
    }
}

} // namespace uakv::test

#define CHECK(condition) ((condition) ? void() : ::uakv::test::fail_at(__FILE__, __LINE__, #condition " does not hold"))
#define CHECK_MESSAGE(condition, message) ((condition) ? void() : ::uakv::test::fail_at(__FILE__, __LINE__, message))
#define CHECK_EQ(actual, expected) ::uakv::test::check_equal(actual, expected, #actual, __FILE__, __LINE__)
#define CHECK_STATUS(call, expected) ::uakv::test::check_status(call, expected, #call, __FILE__, __LINE__)
