// What a fallible function returns: a value, or an Error with the status that the ABI will show and a
// sentence that names what was asked, what was found and what to do.
#pragma once

#include "abi/uakv.h"
#include "ipc/assertion.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace uakv {

struct Error {
    uakv_status status = UAKV_ERR_INTERNAL;
    std::string detail;
};

// printf-style: libfmt would come along into every process that loads the client library.
[[gnu::format(printf, 2, 3)]] Error error(uakv_status status, const char *format, ...);

// The same, with ": " and the text and number of errno at its end.
[[gnu::format(printf, 3, 4)]] Error errno_error(uakv_status status, int number, const char *format, ...);

template <typename T> class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    T &value() {
        UAKV_ASSERT(ok());
        return *std::get_if<0>(&state_);
    }
    const Error &error() const {
        UAKV_ASSERT(!ok());
        return *std::get_if<1>(&state_);
    }
    Error take_error() {
        UAKV_ASSERT(!ok());
        return std::move(*std::get_if<1>(&state_));
    }

private:
    std::variant<T, Error> state_;
};

template <> class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_.has_value(); }
    const Error &error() const {
        UAKV_ASSERT(!ok());
        return *error_;
    }
    Error take_error() {
        UAKV_ASSERT(!ok());
        return std::move(*error_);
    }

private:
    std::optional<Error> error_;
};

} // namespace uakv
