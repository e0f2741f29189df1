// why: where a block is, or why it is not there.
#include "daemon/base/units.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/report.h"
#include "daemon/ctl/report_client.h"
#include "daemon/ctl/table.h"
#include "ipc/control_message.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>

namespace uakv::ctl {
namespace {

std::string where_text(const WhyReport &report) {
    const std::string size = format_size(report.bytes.value_or(0));
    std::string text =
        report.tier == "disk"
            ? fmt::format("stored, on disk: {}, brought into memory when it is wanted", size)
            : fmt::format("stored, in {} memory{}: {} in segment {}", printable(report.tier.value_or("host")),
                          report.on_disk ? " and on disk" : "", size, report.segment.value_or(0));
    if (report.leases > 0) {
        text += fmt::format(", read by {}", counted(report.leases, "view"));
    }
    text += report.pinned ? ", pinned" : "";
    if (report.expires_in_ms) {
        text += fmt::format(", expires in {}", format_duration(*report.expires_in_ms));
    }
    return text;
}

std::string absence_text(const WhyReport &report) {
    const std::string ago = report.since_ms ? format_duration(*report.since_ms) + " ago" : "at an unknown time";
    if (report.reason == "never_stored") {
        return report.history_from_ms
                   ? fmt::format("never stored, or it left more than {} ago, which is as far as the history goes back",
                                 format_duration(*report.history_from_ms))
                   : "never stored";
    }
    if (report.reason == "being_computed") {
        return "not stored yet: a process is computing it";
    }
    if (report.reason == "no_such_space") {
        return "there is no such space";
    }
    if (report.reason == "evicted") {
        return fmt::format("evicted {}, to make room for other blocks", ago);
    }
    if (report.reason == "dropped_from_disk") {
        return fmt::format("dropped {} from the disk, where it was alone: to make room, or because it was damaged",
                           ago);
    }
    if (report.reason == "expired") {
        return fmt::format("expired {}: its lifetime was over", ago);
    }
    if (report.reason == "removed") {
        return fmt::format("removed {}, on request", ago);
    }
    if (report.reason == "cleared") {
        return fmt::format("gone {}, when the space was cleared", ago);
    }
    if (report.reason == "corrupt") {
        return fmt::format("dropped {}: its bytes no longer had their checksum", ago);
    }
    return fmt::format("not stored ({}), since {}", printable(report.reason), ago);
}

std::string text_of(const WhyReport &report) {
    std::string text = report.space.empty() ? "all spaces" : printable(report.space);
    text += ": " + (report.resident ? where_text(report) : absence_text(report));
    if (!report.other_spaces.empty()) {
        text += fmt::format("; {} in space {}", report.resident ? "also stored" : "but it is stored",
                            printable(fmt::format("{}", fmt::join(report.other_spaces, ", "))));
    }
    return text + "\n";
}

} // namespace

// Without a space the daemon looks in all of them.
Result<Exit> why(const Options &options) {
    auto key = parse_key(options.arguments[0]);
    if (!key.ok()) {
        return key.take_error();
    }
    ReportGetMessage message;
    message.kind = ReportKind::why;
    message.key = key.value();
    set_text(message.space, options.space);
    auto answer = ReportClient::ask_once(options, message, parse_why);
    if (!answer.ok()) {
        return answer.take_error();
    }
    const WhyReport &report = answer.value().report;
    print(options.json ? json_line(answer.value().document) : text_of(report));
    return report.resident ? Exit::done : Exit::negative;
}

} // namespace uakv::ctl
