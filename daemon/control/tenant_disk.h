// The disk of a tenant: its directory, the log in it, and what moves blocks between there and memory. Made before the
// daemon serves, and closed when it stops; both wait for the disk.
#pragma once

#include "daemon/config/settings.h"
#include "daemon/flow/mover.h"
#include "daemon/io/block_device.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace uakv {

// How many blocks on disk the index of a tenant has room for, beside those in memory.
std::uint32_t cold_blocks_max(std::uint64_t disk_bytes);

class TenantDisk {
public:
    // Recovers what the directory holds, and says so. The error names the tenant, its directory and what to do.
    static Result<std::unique_ptr<TenantDisk>> open(const Settings &settings, const TenantSettings &own, Store &store,
                                                    Workers &workers);

    // Takes what may change while the daemon serves: not where it is, nor how many blocks the index has room for.
    void reconfigure(const Settings &settings, const TenantSettings &own);

    Mover &mover() { return *mover_; }
    const Mover &mover() const { return *mover_; }

    // Fills in what is known here.
    void describe(uakv_statistics &statistics) const;

    // Becomes readable when the device has done something.
    const Fd &event() const { return *device_->event(); }

    // Writes what is only in memory for up to `timeout_ms`, and makes what is there quick to find again. Calls `alive`
    // each time that it goes on after it has waited for the disk.
    void stop(std::uint64_t timeout_ms, const std::function<void()> &alive);

private:
    TenantDisk() = default;
    void wait() const; // for the device, the workers, or a moment

    Workers *workers_ = nullptr;
    std::string path_;
    std::uint64_t blocks_max_ = 0;
    std::uint64_t bytes_max_ = 0;
    std::unique_ptr<Mover> mover_; // after the disk, which reads into its memory to the end
    std::unique_ptr<BlockDevice> device_;
    std::unique_ptr<disk::DiskTier> tier_;
};

} // namespace uakv
