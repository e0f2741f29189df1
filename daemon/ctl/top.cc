// top: what goes on, redrawn in place on a terminal.
#include "daemon/base/units.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/frame.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/report_client.h"
#include "daemon/ctl/table.h"

#include <optional>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace uakv::ctl {
namespace {

constexpr const char *home_and_clear = "\033[H\033[J";

// What fits above the last line, where the cursor stays: one line more and the terminal would scroll.
std::string cut_to_terminal(const std::string &text) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2) {
        return text;
    }
    std::size_t end = 0;
    for (unsigned line = 1; line < size.ws_row && end < text.size(); ++line) {
        end = text.find('\n', end) + 1; // each line has one
    }
    return text.substr(0, end);
}

} // namespace

Result<Exit> top(const Options &options) {
    if (options.json) {
        return error(UAKV_ERR_INVALID, "top draws for people; for programs there is uakvctl stats --json --watch");
    }
    auto client = ReportClient::connect(options);
    if (!client.ok()) {
        return client.take_error();
    }
    const bool in_place = ::isatty(STDOUT_FILENO) == 1;
    const Interrupt interrupt;
    std::optional<StatsReport> before;
    for (std::uint64_t frame = 0; options.count == 0 || frame < options.count; ++frame) {
        if (frame > 0 && interrupt.wait(options.interval_ms)) {
            break;
        }
        auto status = client.value().ask(ReportKind::status, parse_status);
        if (!status.ok()) {
            return status.take_error();
        }
        auto stats = client.value().ask(ReportKind::stats, parse_stats);
        if (!stats.ok()) {
            return stats.take_error();
        }
        StatsReport &now = stats.value().report;
        const std::string text = frame_text(status.value().report, rates_between(before, now));
        if (!print(in_place ? home_and_clear + cut_to_terminal(text) : frame > 0 ? "\n" + text : text)) {
            break;
        }
        before = std::move(now);
    }
    return Exit::done;
}

} // namespace uakv::ctl
