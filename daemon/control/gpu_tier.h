// The GPUs that take part, and what each tenant has of them. Where there are none the daemon serves without, and says
// why; made once, at the start.
#pragma once

#include "daemon/base/keeper.h"
#include "daemon/config/settings.h"
#include "daemon/store/segment_source.h"
#include "daemon/tiers/gpu/devices.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace uakv {

class GpuTier {
public:
    // Looks for the devices that the settings name. With a keeper, which outlives it, what keeps a device alive goes on
    // from one daemon to the next. An error only where the settings say that the tier must be there.
    static Result<std::unique_ptr<GpuTier>> create(const Settings &settings, Keeper *keeper, KeptFds *kept);

    bool is_present() const { return !devices_.empty(); }
    // Why there is no device; empty where there is one.
    const std::string &why_absent() const { return why_absent_; }

    // Where there is a device.
    const cuda::Driver &driver() const { return *driver_; }

    // Those that take part, and why others do not.
    const std::vector<gpu::Device> &devices() const { return devices_; }
    const std::vector<std::string> &left_out() const { return left_out_; }

    // What this hello means: a device that takes part. UAKV_ERR_GPU: the sentence for the client.
    Result<const gpu::Device *> choose(const gpu::Uuid &uuid) const;

    struct Part {
        std::uint64_t bytes = 0; // a whole number of segments
        std::uint64_t segment_bytes = 0;
        std::shared_ptr<SegmentSource> source;
    };
    // What the tenant gets of the device; nothing where it is to have none, or too little is left for it.
    std::optional<Part> part_of(const TenantSettings &tenant, const gpu::Device &device) const;

private:
    explicit GpuTier(const Settings &settings);
    Result<void> look();
    Result<void> take(const gpu::Devices &found);
    void keep_alive(Keeper *keeper, KeptFds *kept);
    std::uint64_t bytes_for(const TenantSettings &tenant, std::uint64_t whole) const;

    const GpuSettings settings_;
    std::vector<std::string> amounts_; // of the tenants, in their order
    const cuda::Driver *driver_ = nullptr;
    std::vector<gpu::Device> devices_;
    std::vector<std::string> left_out_;
    std::string why_absent_;
    std::vector<Fd> nodes_; // as long as one is open, the driver keeps the device, and its memory with it
};

} // namespace uakv
