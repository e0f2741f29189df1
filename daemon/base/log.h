// One line for each event that an operator should know of, to standard error. A healthy daemon is silent
// but for its start and its end. Levels as in syslog, and trace, which tells of each block that leaves; a line names
// the peer, the thing and the number.
#pragma once

#include <fmt/format.h>
#include <optional>
#include <string_view>

namespace uakv {

enum class LogLevel { error, warn, info, debug, trace };

std::optional<LogLevel> parse_log_level(std::string_view text);
std::string_view log_level_name(LogLevel level);

void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
void write_log(LogLevel level, std::string_view text); // of several lines: as many of the log

template <typename... Args> void log(LogLevel level, fmt::format_string<Args...> format, Args &&...args) {
    if (log_enabled(level)) {
        write_log(level, fmt::format(format, std::forward<Args>(args)...));
    }
}
template <typename... Args> void log_error(fmt::format_string<Args...> format, Args &&...args) {
    log(LogLevel::error, format, std::forward<Args>(args)...);
}
template <typename... Args> void log_warn(fmt::format_string<Args...> format, Args &&...args) {
    log(LogLevel::warn, format, std::forward<Args>(args)...);
}
template <typename... Args> void log_info(fmt::format_string<Args...> format, Args &&...args) {
    log(LogLevel::info, format, std::forward<Args>(args)...);
}
template <typename... Args> void log_debug(fmt::format_string<Args...> format, Args &&...args) {
    log(LogLevel::debug, format, std::forward<Args>(args)...);
}
template <typename... Args> void log_trace(fmt::format_string<Args...> format, Args &&...args) {
    log(LogLevel::trace, format, std::forward<Args>(args)...);
}

} // namespace uakv
