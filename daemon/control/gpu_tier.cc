#include "daemon/control/gpu_tier.h"

#include "daemon/base/log.h"
#include "daemon/base/units.h"
#include "daemon/config/gpu_config.h"
#include "daemon/tiers/gpu/device_segments.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace uakv {
namespace {

// A size class that has no segment takes one over from another: there have to be some.
constexpr std::uint64_t segments_min = limits::memory_bytes_min / limits::segment_bytes_min;

constexpr const char *turned_off = "gpu_memory is 0";

std::uint64_t segment_bytes_for(const GpuSettings &settings, const gpu::Device &device, std::uint64_t bytes) {
    const std::uint64_t most = std::bit_floor(bytes / segments_min);
    const std::uint64_t wanted = settings.segment_bytes != 0 ? settings.segment_bytes : limits::segment_bytes_max;
    const std::uint64_t least = std::max(std::bit_ceil(bytes / limits::segments_max), device.granularity);
    return std::max({std::min(wanted, most), least, limits::segment_bytes_min});
}

std::string name_of_node(const gpu::Device &device) {
    return "gpu." + gpu::hex_of(device.uuid) + ".node";
}

} // namespace

GpuTier::GpuTier(const Settings &settings) : settings_(settings.gpu) {
    for (const TenantSettings &tenant : settings.tenants) {
        amounts_.push_back(tenant.gpu_memory);
    }
}

Result<std::unique_ptr<GpuTier>> GpuTier::create(const Settings &settings, Keeper *keeper, KeptFds *kept) {
    std::unique_ptr<GpuTier> tier(new GpuTier(settings));
    if (is_nothing(settings.gpu.memory)) {
        tier->why_absent_ = turned_off;
        return tier;
    }
    if (auto looked = tier->look(); !looked.ok()) {
        if (settings.gpu.required) {
            return error(looked.error().status, "gpu_required is true, and %s", looked.error().detail.c_str());
        }
        tier->devices_.clear();
        tier->why_absent_ = looked.error().detail;
        log_info("there is no GPU tier: {}", tier->why_absent_);
        return tier;
    }
    tier->keep_alive(keeper, kept);
    return tier;
}

Result<void> GpuTier::look() {
    auto found = gpu::Devices::find(settings_.driver);
    if (!found.ok()) {
        return found.take_error();
    }
    driver_ = &found.value().driver();
    if (auto taken = take(found.value()); !taken.ok()) {
        return taken;
    }
    if (devices_.empty()) {
        return error(UAKV_ERR_GPU, "%s", left_out_.empty() ? "no GPU is named" : left_out_.front().c_str());
    }
    for (const std::string &why : left_out_) {
        log_warn("{}", why);
    }
    return {};
}

// One that is not named is left out without a word.
Result<void> GpuTier::take(const gpu::Devices &found) {
    const auto &named = settings_.devices;
    for (const gpu::Device &device : found.all()) {
        const bool wanted = named.empty() || std::any_of(named.begin(), named.end(), [&](const std::string &name) {
                                return device.is_called(name);
                            });
        if (wanted && device.is_usable()) {
            devices_.push_back(device);
        } else if (wanted) {
            left_out_.push_back(fmt::format("GPU {} ({}) takes no part: {}", device.ordinal, gpu::text_of(device.uuid),
                                            device.why_not));
        }
    }
    for (const std::string &name : named) {
        if (std::none_of(found.all().begin(), found.all().end(),
                         [&](const gpu::Device &device) { return device.is_called(name); })) {
            left_out_.push_back(fmt::format("gpu_devices names {}, and there is no such GPU here", name));
        }
    }
    if (settings_.required && !left_out_.empty()) {
        return error(UAKV_ERR_GPU, "%s", left_out_.front().c_str());
    }
    return {};
}

void GpuTier::keep_alive(Keeper *keeper, KeptFds *kept) {
    for (const gpu::Device &device : devices_) {
        const std::string name = name_of_node(device);
        std::optional<Fd> before = kept != nullptr ? kept->take(name) : std::nullopt;
        Fd node = before ? std::move(*before) : gpu::open_node(device);
        if (!node.valid()) {
            continue;
        }
        if (keeper != nullptr && !before && !keeper->keep(name, node)) {
            log_warn("{} was not kept: unless something else has GPU {} open, or its persistence mode is on, its "
                     "blocks end with this daemon",
                     name, device.ordinal);
        }
        nodes_.push_back(std::move(node));
    }
}

Result<const gpu::Device *> GpuTier::choose(const gpu::Uuid &uuid) const {
    const auto found =
        std::find_if(devices_.begin(), devices_.end(), [&](const gpu::Device &each) { return each.uuid == uuid; });
    if (found != devices_.end()) {
        return &*found;
    }
    if (!is_present()) {
        return error(UAKV_ERR_GPU, "this daemon has no GPU tier: %s", why_absent_.c_str());
    }
    return error(UAKV_ERR_GPU, "%s takes no part in this daemon's GPU tier: see gpu_devices, and uakvctl status",
                 gpu::text_of(uuid).c_str());
}

// As the tenants' memory is divided: who says nothing shares what the others leave.
std::uint64_t GpuTier::bytes_for(const TenantSettings &tenant, std::uint64_t whole) const {
    if (!tenant.gpu_memory.empty()) {
        return parse_size(tenant.gpu_memory, whole).value();
    }
    std::uint64_t given = 0, sharing = 0;
    for (const std::string &amount : amounts_) {
        given += amount.empty() ? 0 : parse_size(amount, whole).value();
        sharing += amount.empty() ? 1U : 0U;
    }
    return (whole - std::min(whole, given)) / std::max<std::uint64_t>(sharing, 1);
}

std::optional<GpuTier::Part> GpuTier::part_of(const TenantSettings &tenant, const gpu::Device &device) const {
    const std::uint64_t whole = std::min(parse_size(settings_.memory, device.bytes).value(), device.bytes);
    const std::uint64_t bytes = std::min({bytes_for(tenant, whole), whole, limits::memory_bytes_max});
    if (bytes == 0) {
        return std::nullopt;
    }
    const std::uint64_t segment_bytes = segment_bytes_for(settings_, device, bytes);
    if (bytes < limits::memory_bytes_min || bytes / segment_bytes < segments_min) {
        log_warn("tenant \"{}\" has no memory on GPU {}: its part of gpu_memory is {}, and it takes at least {}",
                 tenant.name, device.ordinal, format_size(bytes),
                 format_size(std::max(limits::memory_bytes_min, segments_min * segment_bytes)));
        return std::nullopt;
    }
    return Part{bytes - bytes % segment_bytes, segment_bytes, std::make_shared<gpu::DeviceSegments>(*driver_, device)};
}

} // namespace uakv
