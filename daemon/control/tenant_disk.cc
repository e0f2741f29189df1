#include "daemon/control/tenant_disk.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "daemon/io/uring_device.h"
#include "daemon/store/random_word.h"
#include "ipc/clock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace uakv {
namespace {

// The index has room for so many blocks on disk: those of caches in use are mostly larger, and what has no room is not
// written. Its buckets take 16 to 32 bytes for each.
constexpr std::uint64_t block_bytes_usual = 64ULL << 10;
constexpr std::uint64_t cold_blocks_usual = 1ULL << 20;

constexpr mode_t directory_mode = 0700;
constexpr int wait_ms_max = 20;

disk::Moment moment() {
    timespec wall{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    return {now_ns(),
            static_cast<std::uint64_t>(wall.tv_sec) * 1000 + static_cast<std::uint64_t>(wall.tv_nsec) / ns_per_ms};
}

// Its part of what all tenants together may write; a limit stays one.
std::uint64_t part_of(std::uint64_t limit, const Settings &settings, const TenantSettings &own) {
    if (limit == 0 || settings.disk.bytes == 0) {
        return limit;
    }
    const double part = static_cast<double>(own.disk_bytes) / static_cast<double>(settings.disk.bytes);
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(limit) * std::min(part, 1.0)));
}

disk::DiskOptions disk_options(const Settings &settings, const TenantSettings &own) {
    disk::DiskOptions options;
    options.bytes_max = own.disk_bytes;
    options.free_floor_bytes = settings.disk.free_floor_bytes;
    options.file_bytes = settings.disk.file_bytes;
    options.write_bytes_per_second = part_of(settings.disk.write_bytes_per_second, settings, own);
    options.write_bytes_per_day = part_of(settings.disk.write_bytes_per_day, settings, own);
    options.checkpoint_ns = settings.disk.checkpoint_ms * ns_per_ms;
    return options;
}

Mover::Options mover_options(const Settings &settings) {
    Mover::Options options;
    options.compress = settings.disk.compress;
    options.only_reused = settings.disk.only_reused;
    return options;
}

// The directories of the tenants lie in it.
Result<void> make_directory(const std::string &path) {
    if (::mkdir(path.c_str(), directory_mode) != 0 && errno != EEXIST) {
        return error(
            UAKV_ERR_IO,
            "cannot make the directory %s: %s; make it yourself, and let the user of uakvd write to it, or set "
            "persistence_path to another one",
            path.c_str(), std::strerror(errno));
    }
    return {};
}

} // namespace

std::uint32_t cold_blocks_max(std::uint64_t disk_bytes) {
    const std::uint64_t usual = std::max(cold_blocks_usual, disk_bytes / block_bytes_usual);
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>({disk_bytes / limits::page_bytes, usual, limits::entries_max / 2}));
}

Result<std::unique_ptr<TenantDisk>> TenantDisk::open(const Settings &settings, const TenantSettings &own, Store &store,
                                                     Workers &workers) {
    std::unique_ptr<TenantDisk> disk(new TenantDisk());
    disk->workers_ = &workers;
    disk->bytes_max_ = own.disk_bytes;
    disk->path_ = settings.disk.path + "/" + own.name;
    const auto failed = [&](const Error &why) {
        return error(why.status, "the disk of tenant \"%s\" cannot be used (%s): %s", own.name.c_str(),
                     disk->path_.c_str(), why.detail.c_str());
    };
    if (auto made = make_directory(settings.disk.path); !made.ok()) {
        return failed(made.error());
    }
    auto device = open_uring_device({disk->path_});
    if (!device.ok()) {
        return failed(device.error());
    }
    disk->device_ = std::move(device.value());
    disk::DiskOptions options = disk_options(settings, own);
    options.blocks_max = disk->blocks_max_ = store.cold_blocks_max();
    auto tier = disk::DiskTier::open(*disk->device_, workers, options, random_word(), moment);
    if (!tier.ok()) {
        return failed(tier.error());
    }
    disk->tier_ = std::move(tier.value());
    auto mover = Mover::create(store, *disk->tier_, workers, mover_options(settings), moment);
    if (!mover.ok()) {
        return failed(mover.error());
    }
    disk->mover_ = std::move(mover.value());
    disk->device_->register_memory(disk->mover_->buffers());
    log_info("tenant \"{}\" keeps blocks in {}, up to {}: {}", own.name, disk->path_, format_size(own.disk_bytes),
             disk->tier_->describe());
    if (settings.disk.warm_blocks > 0) {
        disk->mover_->warm(std::nullopt, settings.disk.warm_blocks);
    }
    return disk;
}

void TenantDisk::reconfigure(const Settings &settings, const TenantSettings &own) {
    disk::DiskOptions options = disk_options(settings, own);
    options.blocks_max = blocks_max_;
    bytes_max_ = own.disk_bytes;
    tier_->reconfigure(options);
    mover_->reconfigure(mover_options(settings));
}

void TenantDisk::describe(uakv_statistics &statistics) const {
    const Mover::Statistics moved = mover_->statistics();
    const disk::DiskStatistics there = tier_->statistics(moment());
    statistics.blocks_disk = there.blocks;
    statistics.bytes_disk = there.bytes_files;
    statistics.bytes_disk_max = bytes_max_;
    statistics.bytes_disk_written = there.bytes_written;
    statistics.loads = moved.loads;
    statistics.bytes_loaded = moved.bytes_loaded;
    statistics.load_joins = moved.load_joins;
    statistics.loads_late = moved.load_late;
    statistics.evictions_unsaved = moved.unsaved;
    statistics.disk_errors = there.errors_read + there.errors_write;
    statistics.corruptions += there.corruptions;
}

void TenantDisk::stop(std::uint64_t timeout_ms, const std::function<void()> &alive) {
    alive();
    mover_->stop(timeout_ms * ns_per_ms, [&] {
        wait();
        alive();
    });
}

// Not for ever: a disk may not answer any more.
void TenantDisk::wait() const {
    std::array<pollfd, 2> events = {{{device_->event()->get(), POLLIN, 0}, {workers_->event().get(), POLLIN, 0}}};
    ::poll(events.data(), events.size(), wait_ms_max);
    for (const pollfd &event : events) { // what comes from here on is new
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t bytes = ::read(event.fd, &count, sizeof count);
    }
}

} // namespace uakv
