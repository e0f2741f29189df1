// disk, verify, warm: what lies on disk, whether it is good, and bringing it into memory.
#include "daemon/base/units.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/progress.h"
#include "daemon/ctl/report.h"
#include "daemon/ctl/report_client.h"
#include "daemon/ctl/table.h"
#include "ipc/control_message.h"
#include "ipc/limits.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>

namespace uakv::ctl {
namespace {

using Align = Table::Align;
using Disk = DiskReport::Disk;

constexpr std::uint64_t look_every_ms = 200;

std::string share_of(std::uint64_t part, std::uint64_t whole) {
    return format_part(static_cast<double>(part), static_cast<double>(whole));
}

// "1.2 GiB of 10 GiB", or the number alone where there is no limit.
std::string of_limit(const std::string &text, std::uint64_t limit, const char *unit) {
    return limit == 0 ? text + unit : fmt::format("{}{} of {}{}", text, unit, format_size(limit), unit);
}

std::string state_of(const Disk &disk) {
    std::string text;
    const auto add = [&](bool is, const std::string &what) { text += !is ? "" : text.empty() ? what : ", " + what; };
    add(disk.breaker_open, "does not answer: its blocks count as missing");
    add(disk.no_room.has_value(), "no room for another file (" + printable(disk.no_room.value_or("")) + ")");
    add(disk.day_used_up, "today's writes are used up");
    return text.empty() ? "good" : text;
}

std::string saved_text(const Disk &disk) {
    const std::uint64_t before = disk.at("bytes_before_encoding"), after = disk.at("bytes_after_encoding");
    const std::string saved =
        before == 0
            ? "nothing was compressed"
            : fmt::format("{} of {} that were compressed, {} to {}", share_of(before - std::min(before, after), before),
                          counted(disk.at("encoded"), "block"), format_size(before), format_size(after));
    return fmt::format("{}; tried in vain {}", saved, format_count(disk.at("encoded_in_vain")));
}

std::string disk_text(const Disk &disk) {
    Table table({{"", Align::left}, {"", Align::left}});
    const auto size = [&](const char *name) { return format_size(disk.at(name)); };
    const auto count = [&](const char *name) { return format_count(disk.at(name)); };
    table.add({"state", state_of(disk)});
    table.add({"path", printable(disk.path)});
    table.add({"files", fmt::format("{}, {} of {} ({})", count("files"), size("bytes_files"), size("bytes_max"),
                                    share_of(disk.at("bytes_files"), disk.at("bytes_max")))});
    table.add({"blocks", fmt::format("{}, {}", count("blocks"), size("bytes_blocks"))});
    table.add({"live share", fmt::format("{} of the files", share_of(disk.at("bytes_live"), disk.at("bytes_files")))});
    table.add({"writing now", of_limit(size("write_bytes_per_second"), disk.at("limit_per_second"), "/s")});
    table.add({"written today", of_limit(size("bytes_written_today"), disk.at("limit_per_day"), "")});
    table.add({"wear", fmt::format("{} written since the start, {} of it to make room", size("bytes_written"),
                                   size("bytes_relocated"))});
    table.add({"saved", saved_text(disk)});
    table.add({"loaded", fmt::format("{}, {}; refused for time {}, for want of memory {}", count("loads"),
                                     size("bytes_loaded"), count("load_late"), count("load_no_room"))});
    table.add({"asked ahead", fmt::format("{}, and {} still to be warmed", counted(disk.at("prefetches"), "block"),
                                          count("warm_left"))});
    table.add({"not saved",
               fmt::format("{} evicted from memory alone, {} of them never hit", count("unsaved"), count("kept_off"))});
    table.add({"left the disk", fmt::format("{} for room, {} expired", count("dropped"), count("expired"))});
    table.add(
        {"writes refused", fmt::format("{} by limits, {} for room, {} while it did not answer", count("refused_budget"),
                                       count("refused_room"), count("refused_breaker"))});
    table.add({"errors", fmt::format("{} reading, {} writing, {} damaged blocks", count("errors_read"),
                                     count("errors_write"), count("corruptions"))});
    table.add({"checkpoint", disk.checkpoint_age_ms ? format_duration(*disk.checkpoint_age_ms) + " ago" : "none yet"});
    return table.text();
}

std::string report_text(const DiskReport &report) {
    std::string text;
    for (const DiskReport::Tenant &tenant : report.tenants) {
        text += fmt::format("{}tenant {}\n", text.empty() ? "" : "\n", printable(tenant.name));
        text +=
            tenant.disk ? disk_text(*tenant.disk) : "no disk: enable_persistence in the configuration gives it one\n";
    }
    return text;
}

Result<Answer<VerifyReport>> ask_verify(ReportClient &client, bool only_look) {
    ReportGetMessage message;
    message.kind = ReportKind::verify;
    message.cursor = only_look ? 1 : 0;
    return client.ask(message, parse_verify);
}

std::string verify_text(const VerifyReport &report) {
    const std::string checked =
        fmt::format("checked {}, {}", counted(report.checked, "block"), format_size(report.bytes));
    return report.dropped == 0 ? checked + "; all of them are good\n"
                               : fmt::format("{}; {} damaged, and dropped\n", checked,
                                             report.dropped == 1 ? "1 was" : fmt::format("{} were", report.dropped));
}

} // namespace

Result<Exit> show_disk(const Options &options) {
    auto answer = ReportClient::ask_once(options, ReportKind::disk, parse_disk);
    if (!answer.ok()) {
        return answer.take_error();
    }
    print(options.json ? json_line(answer.value().document) : report_text(answer.value().report));
    return Exit::done;
}

Result<Exit> verify(const Options &options) {
    auto client = ReportClient::connect(options);
    if (!client.ok()) {
        return client.take_error();
    }
    const Interrupt interrupt;
    Progress progress;
    auto answer = ask_verify(client.value(), false);
    while (answer.ok() && answer.value().report.running) {
        const VerifyReport &report = answer.value().report;
        if (progress.due()) {
            progress.show(fmt::format("{} of {}, {}, {} dropped", format_count(report.checked),
                                      counted(report.of, "block"), format_size(report.bytes),
                                      format_count(report.dropped)));
        }
        if (interrupt.wait(look_every_ms)) {
            return error(UAKV_ERR_DENIED, "interrupted; the daemon goes on, and another uakvctl verify joins it");
        }
        answer = ask_verify(client.value(), true);
    }
    if (!answer.ok()) {
        return answer.take_error();
    }
    const VerifyReport &report = answer.value().report;
    print(options.json ? json_line(answer.value().document) : verify_text(report));
    return report.dropped == 0 ? Exit::done : Exit::negative;
}

Result<Exit> warm(const Options &options) {
    ReportGetMessage message;
    message.kind = ReportKind::warm;
    const std::string &space = options.arguments[0];
    if (space.size() > limits::space_name_bytes_max) {
        return error(UAKV_ERR_INVALID, "a space has no name of %zu bytes; expected at most %zu", space.size(),
                     limits::space_name_bytes_max);
    }
    set_text(message.space, space);
    if (options.arguments.size() > 1) {
        auto count = parse_count(options.arguments[1]);
        if (!count.ok() || count.value() == 0 || count.value() > UINT32_MAX) {
            return error(UAKV_ERR_INVALID, "\"%s\" is no number of blocks; expected 1 to %u",
                         options.arguments[1].c_str(), UINT32_MAX);
        }
        message.limit = static_cast<std::uint32_t>(count.value());
    }
    auto answer = ReportClient::ask_once(options, message, parse_warm);
    if (!answer.ok()) {
        Error error = answer.take_error();
        // The one thing about this request that the daemon can find wrong is that there is no such space.
        error.status = error.status == UAKV_ERR_INVALID ? UAKV_MISS : error.status;
        return error;
    }
    print(options.json
              ? json_line(answer.value().document)
              : fmt::format("the most used blocks of space {} are brought into memory, as long as there is room"
                            "{}\n",
                            space, message.limit == 0 ? "" : fmt::format(", at most {}", message.limit)));
    return Exit::done;
}

} // namespace uakv::ctl
