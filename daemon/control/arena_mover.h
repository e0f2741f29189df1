// What moves the blocks of an arena: the copier of its device, with a thread, and the mover that tells it what to do.
// Belongs to the cache on the device; the host's cache of the tenant goes after it.
#pragma once

#include "daemon/flow/device_mover.h"
#include "daemon/tiers/gpu/device_copier.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace uakv {

class ArenaMover {
public:
    // `number`: of the arena, in its tenant. `title`: of the arena, for logs.
    static Result<std::unique_ptr<ArenaMover>> create(const cuda::Driver &driver, int ordinal, std::string title,
                                                      std::uint32_t number, Store &arena, const DeviceMover::Host &host,
                                                      Workers &workers);

    DeviceMover &mover() { return *mover_; }
    const DeviceMover &mover() const { return *mover_; }
    const gpu::DeviceCopier &copier() const { return *copier_; }

    // Becomes readable when something was copied.
    const Fd &event() const { return copier_->event(); }

    // Copies down what the host does not have, for up to `timeout_ms`. Calls `alive` each time that it goes on after it
    // has waited.
    void stop(std::uint64_t timeout_ms, const std::function<void()> &alive);

private:
    explicit ArenaMover(Workers &workers) : workers_(workers) {}
    void wait() const; // for the copier, the workers, or a moment

    Workers &workers_;
    std::unique_ptr<DeviceMover> mover_;
    std::unique_ptr<gpu::DeviceCopier> copier_; // before the mover
};

} // namespace uakv
