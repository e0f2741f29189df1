// A configuration for a use and a machine, with the reason for each line.
#pragma once

#include "daemon/ctl/facts.h"
#include "ipc/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace uakv::ctl {

// What a cache can be set up for, and what is chosen then.
struct Use {
    const char *name; // for --for
    const char *meaning;
    double memory_part; // of the machine's
    std::uint64_t memory_bytes_max;
    const char *memory_reason;
    const char *log_level;
    const char *log_reason;
    const char *single_flight;
    const char *flight_reason;
    const char *gc_threshold;
    const char *gc_reason;
    bool profiling;
    const char *profiling_reason;
};

std::span<const Use> uses();

// UAKV_ERR_INVALID names those that there are.
Result<const Use *> find_use(std::string_view name);

// Whole MiB, within what the daemon takes and at most nine tenths of what is available now.
std::uint64_t advised_memory_bytes(const Use &use, const Facts &facts);

// A complete uakvd.yaml.
std::string advice_text(const Use &use, const Facts &facts);

} // namespace uakv::ctl
