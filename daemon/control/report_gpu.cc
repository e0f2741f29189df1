// The GPU tier: which devices take part, and what each tenant has there.
#include "daemon/control/report_json.h"

#include "daemon/base/units.h"

#include <fmt/format.h>

namespace uakv {
namespace {

Json named(const gpu::Device &device) {
    return {{"uuid", gpu::text_of(device.uuid)}, {"name", device.name}, {"ordinal", device.ordinal}};
}

} // namespace

Json gpu_report(const GpuTier &tier) {
    Json devices = Json::array();
    for (const gpu::Device &device : tier.devices()) {
        Json one = named(device);
        one["bytes"] = device.bytes;
        devices.push_back(std::move(one));
    }
    return {{"present", tier.is_present()},
            {"why", tier.is_present() ? Json() : Json(tier.why_absent())},
            {"left_out", tier.left_out()},
            {"devices", std::move(devices)}};
}

Json arena_report(const Cache &arena) {
    const uakv_statistics values = arena.statistics();
    Json report = named(*arena.device());
    report["clients"] = values.clients;
    report["orphans"] = arena.orphans();
    report["bytes_capacity"] = values.bytes_capacity;
    report["bytes_memory"] = values.bytes_memory;
    report["bytes_blocks"] = values.bytes_blocks;
    report["blocks"] = values.blocks;
    report["hits"] = values.hits;
    report["misses"] = values.misses;
    return report;
}

std::vector<std::string> arena_problems(const Cache &arena) {
    std::vector<std::string> problems;
    const uakv_statistics values = arena.statistics();
    const std::string name = fmt::format("tenant \"{}\" on GPU {}", arena.tenant().name(), arena.device()->ordinal);
    if (arena.store().short_of_memory()) {
        problems.push_back(fmt::format("{} has {} of its {}: the GPU gives no more; end what else takes its memory, or "
                                       "lower gpu_memory",
                                       name, format_size(values.bytes_memory), format_size(values.bytes_capacity)));
    }
    if (arena.refused_slots_lately()) {
        problems.push_back(fmt::format("{} refused slots in the last 10 s: all of its memory is in use by {}", name,
                                       arena.store().evicts() ? "views, slots and pinned blocks; give it more"
                                                              : "blocks, and enable_gc: false keeps them; clear "
                                                                "spaces, or give it more"));
    }
    return problems;
}

} // namespace uakv
