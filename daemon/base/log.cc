#include "daemon/base/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::array<std::string_view, 5> names = {"error", "warn", "info", "debug", "trace"};

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

std::string_view log_level_name(LogLevel level) {
    return names[static_cast<std::size_t>(level)];
}

void set_log_level(LogLevel level) {
    threshold.store(level, std::memory_order_relaxed);
}

bool log_enabled(LogLevel level) {
    return level <= threshold.load(std::memory_order_relaxed);
}

void write_log(LogLevel level, std::string_view text) {
    std::string lines;
    for (bool more = true; more;) {
        const std::size_t end = text.find('\n');
        lines += fmt::format("uakvd: {}: {}\n", log_level_name(level), text.substr(0, end));
        more = end != std::string_view::npos && end + 1 < text.size();
        text.remove_prefix(more ? end + 1 : text.size());
    }
    // One write, so that lines of threads do not mix. A log that cannot be written has nobody to be told to.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, lines.data(), lines.size());
}

} // namespace uakv
