// The pieces of the reports. Space names are printable ASCII and all other text is ours, so a document is valid UTF-8;
// what an operator asked for and is told back may be anything, and is replaced where it is not.
#pragma once

#include "daemon/control/tenant.h"
#include "ipc/histogram.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace uakv {

using Json = nlohmann::ordered_json;

std::string text_of(const Json &document);

std::string hex_of(const std::uint8_t *bytes, std::size_t count);
inline std::string hex_of(const uakv_key &key) {
    return hex_of(key.bytes, sizeof key.bytes);
}

// report_stats.cc
Json statistics_report(const Tenant &tenant); // its arenas' included
Json histogram_report(const Histogram &histogram);

// report_blocks.cc
Json spaces_report(Tenant &tenant);
Result<Json> blocks_report(Tenant &tenant, const std::string &name, EntryId cursor, std::uint32_t limit);
Json why_report(Tenant &tenant, const std::string &name, const uakv_key &key);
std::optional<SpaceId> find_space(Spaces &spaces, const std::string &name);

// report_gpu.cc
Json gpu_report(const GpuTier &tier);
Json arena_report(const Cache &arena);
std::vector<std::string> arena_problems(const Cache &arena);

// report_disk.cc
Json disk_report(const Tenant &tenant);
Result<Json> verify_report(Tenant &tenant, bool only_look);
Result<Json> warm_report(Tenant &tenant, const std::string &name, std::uint32_t limit);
std::vector<std::string> disk_problems(const Tenant &tenant);

} // namespace uakv
