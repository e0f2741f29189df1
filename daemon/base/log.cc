#include "daemon/base/log.h"

#include <array>
#include <atomic>
#include <string>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::array<std::string_view, 4> names = {"error", "warn", "info", "debug"};

std::atomic<LogLevel> threshold{LogLevel::info};

} // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (text == names[i]) {
            return static_cast<LogLevel>(i);
        }
    }
    return std::nullopt;
}

void set_log_level(LogLevel level) {
    threshold.store(level, std::memory_order_relaxed);
}

bool log_enabled(LogLevel level) {
    return level <= threshold.load(std::memory_order_relaxed);
}

void write_log(LogLevel level, std::string_view line) {
    const std::string text = fmt::format("uakvd: {}: {}\n", names[static_cast<std::size_t>(level)], line);
    // One write, so that lines of threads do not mix. A log that cannot be written has nobody to be told to.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

} // namespace uakv
