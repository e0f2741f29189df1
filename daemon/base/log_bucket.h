// Lines of the log that a client can cause: of each kind so many a second, and now and then how many were left out.
// Whoever may connect could fill the disk with them otherwise. On the level debug there are all.
#pragma once

#include "daemon/base/log.h"
#include "daemon/base/token_bucket.h"

#include <cstdint>
#include <utility>

namespace uakv {

class LogBucket {
public:
    static constexpr std::uint64_t lines_per_second = 10;

    template <typename... Args> void error(fmt::format_string<Args...> format, Args &&...args) {
        line(LogLevel::error, format, std::forward<Args>(args)...);
    }
    template <typename... Args> void warn(fmt::format_string<Args...> format, Args &&...args) {
        line(LogLevel::warn, format, std::forward<Args>(args)...);
    }

private:
    template <typename... Args> void line(LogLevel level, fmt::format_string<Args...> format, Args &&...args) {
        const bool let_through = bucket_.take(now_ns());
        if (let_through && left_out_ > 0) {
            log(level, "lines like the next that were left out: {}", std::exchange(left_out_, 0));
        }
        left_out_ += let_through ? 0U : 1U;
        log(let_through ? level : LogLevel::debug, format, std::forward<Args>(args)...);
    }

    TokenBucket bucket_{lines_per_second};
    std::uint64_t left_out_ = 0;
};

} // namespace uakv
