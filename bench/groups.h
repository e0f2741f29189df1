// The groups of the table, one file each, and what they are told.
#pragma once

#include "report.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace uakv::bench {

constexpr std::uint64_t KiB = 1ULL << 10;
constexpr std::uint64_t MiB = 1ULL << 20;
constexpr std::uint64_t GiB = 1ULL << 30;

struct Settings {
    bool quick = false;             // fewer samples and less memory: does it run?
    std::uint64_t memory_bytes = 0; // of the largest daemon that is started
    std::string daemon_path;
    std::string disk_path;    // a directory for gigabytes, on the file system that is measured
    std::string tensors_path; // a folder of dumped ones, which need not be there

    unsigned runs() const { return quick ? 5 : 7; } // of each measurement; a row shows their median

    // As many of `wanted` blocks as the daemon holds without evicting any.
    std::uint64_t blocks_that_fit(std::uint64_t wanted, std::uint64_t block_bytes) const {
        return std::min(wanted, memory_bytes / 50 * 39 / block_bytes);
    }
    // The memory of a daemon that holds so many bytes of blocks with room to spare.
    std::uint64_t memory_for(std::uint64_t block_bytes_total) const {
        const std::uint64_t roomy = (block_bytes_total / 39 * 50 + 64 * MiB) / MiB * MiB;
        return std::min(std::max(roomy, 256 * MiB), memory_bytes);
    }
};

void bench_retrieve(const Settings &settings, Report &report);
void bench_store(const Settings &settings, Report &report);
void bench_reserve(const Settings &settings, Report &report);
void bench_lookup(const Settings &settings, Report &report);
void bench_async(const Settings &settings, Report &report);
void bench_hostile(const Settings &settings, Report &report);
void bench_disk(const Settings &settings, Report &report);
void bench_startup(const Settings &settings, Report &report);
void bench_footprint(const Settings &settings, Report &report);
void bench_codec(const Settings &settings, Report &report);

} // namespace uakv::bench
