// The disk tier: what lies there, how it does, and two things that operators may ask of it.
#include "daemon/control/report_json.h"

#include "daemon/base/units.h"
#include "ipc/clock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <utility>

namespace uakv {
namespace {

using disk::DiskStatistics;

constexpr std::array<std::pair<const char *, std::uint64_t DiskStatistics::*>, 25> tier_numbers = {{
    {"bytes_max", &DiskStatistics::bytes_max},
    {"bytes_files", &DiskStatistics::bytes_files},
    {"files", &DiskStatistics::files},
    {"bytes_live", &DiskStatistics::bytes_live},
    {"bytes_blocks", &DiskStatistics::bytes_blocks},
    {"blocks", &DiskStatistics::blocks},
    {"writes", &DiskStatistics::writes},
    {"bytes_written", &DiskStatistics::bytes_written},
    {"bytes_written_today", &DiskStatistics::bytes_written_today},
    {"bytes_relocated", &DiskStatistics::bytes_relocated},
    {"write_bytes_per_second", &DiskStatistics::write_bytes_per_second},
    {"limit_per_second", &DiskStatistics::writes_per_second},
    {"limit_per_day", &DiskStatistics::writes_per_day},
    {"reads", &DiskStatistics::reads},
    {"bytes_read", &DiskStatistics::bytes_read},
    {"dropped", &DiskStatistics::dropped},
    {"expired", &DiskStatistics::expired},
    {"refused_budget", &DiskStatistics::refused_budget},
    {"refused_room", &DiskStatistics::refused_room},
    {"refused_breaker", &DiskStatistics::refused_breaker},
    {"errors_read", &DiskStatistics::errors_read},
    {"errors_write", &DiskStatistics::errors_write},
    {"corruptions", &DiskStatistics::corruptions},
    {"flushes", &DiskStatistics::flushes},
    {"checkpoints", &DiskStatistics::checkpoints},
}};

constexpr std::array<std::pair<const char *, std::uint64_t Mover::Statistics::*>, 14> mover_numbers = {{
    {"loads", &Mover::Statistics::loads},
    {"bytes_loaded", &Mover::Statistics::bytes_loaded},
    {"load_joins", &Mover::Statistics::load_joins},
    {"load_late", &Mover::Statistics::load_late},
    {"load_no_room", &Mover::Statistics::load_no_room},
    {"prefetches", &Mover::Statistics::prefetches},
    {"cleaned", &Mover::Statistics::cleaned},
    {"unsaved", &Mover::Statistics::unsaved},
    {"kept_off", &Mover::Statistics::kept_off},
    {"encoded", &Mover::Statistics::encoded},
    {"encoded_in_vain", &Mover::Statistics::encoded_in_vain},
    {"bytes_before_encoding", &Mover::Statistics::bytes_before_encoding},
    {"bytes_after_encoding", &Mover::Statistics::bytes_after_encoding},
    {"warm_left", &Mover::Statistics::warm_left},
}};

std::uint64_t unix_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_nsec) / ns_per_ms;
}

DiskStatistics statistics_of(const Mover &mover) {
    return mover.disk().statistics({now_ns(), unix_ms()});
}

Json verify_report(const disk::DiskTier::VerifyProgress &progress) {
    return {{"running", progress.running},
            {"checked", progress.checked},
            {"of", progress.of},
            {"bytes", progress.bytes},
            {"dropped", progress.dropped}};
}

Error no_disk(const Tenant &tenant) {
    return error(UAKV_ERR_UNSUPPORTED,
                 "tenant \"%s\" has no disk; enable_persistence: true in the configuration gives it one",
                 tenant.name().c_str());
}

} // namespace

Json disk_report(const Tenant &tenant) {
    const Mover *mover = tenant.host().mover();
    if (mover == nullptr) {
        return {{"name", tenant.name()}, {"disk", nullptr}};
    }
    const DiskStatistics tier = statistics_of(*mover);
    Json disk = {{"path", tenant.settings().disk_path}};
    for (const auto &[name, number] : tier_numbers) {
        disk[name] = tier.*number;
    }
    const std::uint64_t now_ms = unix_ms();
    disk["checkpoint_age_ms"] =
        tier.checkpoint_wall_ms == 0 ? Json() : Json(now_ms - std::min(now_ms, tier.checkpoint_wall_ms));
    disk["breaker_open"] = tier.breaker_open;
    disk["day_used_up"] = tier.day_used_up;
    disk["no_room"] = tier.create_error == 0 ? Json() : Json(std::strerror(tier.create_error));
    const Mover::Statistics flow = mover->statistics();
    for (const auto &[name, number] : mover_numbers) {
        disk[name] = flow.*number;
    }
    disk["verify"] = verify_report(mover->disk().verify_progress());
    return {{"name", tenant.name()}, {"disk", std::move(disk)}};
}

Result<Json> verify_report(Tenant &tenant, bool only_look) {
    Mover *mover = tenant.host().mover();
    if (mover == nullptr) {
        return no_disk(tenant);
    }
    const bool begun = !only_look && mover->disk().verify(0);
    Json report = {{"tenant", tenant.name()}, {"begun", begun}};
    report.update(verify_report(mover->disk().verify_progress()));
    return report;
}

Result<Json> warm_report(Tenant &tenant, const std::string &name, std::uint32_t limit) {
    Mover *mover = tenant.host().mover();
    if (mover == nullptr) {
        return no_disk(tenant);
    }
    const auto space = find_space(tenant.host().store().spaces(), name);
    if (!space) {
        return error(UAKV_ERR_INVALID, "tenant \"%s\" has no space \"%s\"", tenant.name().c_str(), name.c_str());
    }
    mover->warm(*space, limit == 0 ? UINT64_MAX : limit);
    return Json{{"tenant", tenant.name()},
                {"space", name},
                {"limit", limit == 0 ? Json() : Json(limit)},
                {"warm_left", mover->statistics().warm_left}};
}

std::vector<std::string> disk_problems(const Tenant &tenant) {
    std::vector<std::string> problems;
    const Mover *mover = tenant.host().mover();
    if (mover == nullptr) {
        return problems;
    }
    const DiskStatistics tier = statistics_of(*mover);
    const std::string &path = tenant.settings().disk_path;
    if (tier.breaker_open) {
        problems.push_back(fmt::format("tenant \"{}\": the disk of {} does not answer, or fails again and again; until "
                                       "it is well its blocks count as missing, and the kernel's log may say more",
                                       tenant.name(), path));
    }
    if (tier.create_error == ENOSPC) {
        problems.push_back(fmt::format("tenant \"{}\": the file system of {} is full, or has less free than disk_free: "
                                       "fewer blocks are kept there; free some, or lower disk_size",
                                       tenant.name(), path));
    } else if (tier.create_error != 0) {
        problems.push_back(fmt::format("tenant \"{}\": no file can be made in {} ({}): fewer blocks are kept there",
                                       tenant.name(), path, std::strerror(tier.create_error)));
    }
    if (tier.day_used_up) {
        problems.push_back(
            fmt::format("tenant \"{}\" has written {} today, its part of disk_write_per_day: blocks that "
                        "leave memory are lost until midnight UTC",
                        tenant.name(), format_size(tier.bytes_written_today)));
    }
    return problems;
}

} // namespace uakv
