// A client's blocks on one device. The daemon's arena there is a cache of its own, and so is this: a client that the
// library makes for itself, with its own attachments, leases, reservations and spaces, to which every other part of the
// library is what it is to any client. A view or a slot names it by its handle, so uakv_release, uakv_commit and
// uakv_abort need not ask where it lies.
//
// Made when a device is used first, under a lock; found without one from then on. Used by api_cuda.
#pragma once

#include "clientlib/client.h"
#include "clientlib/cuda/device.h"
#include "clientlib/cuda/stream_commits.h"
#include "clientlib/retrieve.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace uakv {

class DeviceCache final : public DeviceLink {
public:
    static Result<std::unique_ptr<DeviceCache>> make(uakv_client &owner, std::int32_t ordinal,
                                                     std::uint64_t deadline_ns);
    ~DeviceCache() override;

    ClientDevice &device() const { return *device_; }
    uakv_client &client() const { return *client_; }
    StreamCommits &commits() { return commits_; }

    // The space of this cache that goes with one of the owner's. Null when there are too many, and the detail is set.
    uakv_space *space_of(const uakv_space &space) {
        uakv_space *known = spaces_[space.index].load(std::memory_order_acquire);
        return known != nullptr ? known : add_space(space);
    }

    // Gives back lease words whose streams have got there.
    void end_passed();

    // The owner disconnects: waits for what streams were told, as long as the client's timeout. False: a kernel may
    // still use what is mapped, so this must stay as it is until the process ends.
    bool close();
    void abandon();

    HelloDeviceMessage hello(const HelloMessage &host) const override;
    std::shared_ptr<SegmentMapper> make_mapper(std::uint32_t capacity, std::uint64_t bytes, Access access) override;
    std::unique_ptr<SessionCompanion> accompany(DeviceSessionLayout &session) override;

private:
    DeviceCache(uakv_client &owner, std::shared_ptr<ClientDevice> device);
    [[gnu::cold]] uakv_space *add_space(const uakv_space &space);
    bool await_streams();

    const std::shared_ptr<ClientDevice> device_;
    std::unique_ptr<uakv_client> client_;
    StreamCommits commits_;
    std::array<std::atomic<uakv_space *>, limits::spaces_max> spaces_{};
};

// The devices of one client.
class DeviceCaches final : public ClientAnnex {
public:
    explicit DeviceCaches(uakv_client &owner) : owner_(owner) {}

    void close() override;
    void abandon() override;

    static constexpr std::int32_t devices_max = 64; // of a machine

    // Null, and then the detail is set and `status` says which.
    DeviceCache *find(std::int32_t ordinal, std::uint64_t timeout_ns, uakv_status &status) {
        if (ordinal >= 0 && ordinal < devices_max) [[likely]] {
            DeviceCache *known = caches_[static_cast<std::size_t>(ordinal)].load(std::memory_order_acquire);
            if (known != nullptr) [[likely]] {
                return known;
            }
        }
        return make(ordinal, timeout_ns, status);
    }

private:
    [[gnu::cold]] DeviceCache *make(std::int32_t ordinal, std::uint64_t timeout_ns, uakv_status &status);

    struct Refused {
        Error why;
        std::uint64_t until_ns = 0;
    };

    uakv_client &owner_;
    std::array<std::atomic<DeviceCache *>, devices_max> caches_{};
    std::mutex mutex_;
    std::array<std::unique_ptr<DeviceCache>, devices_max> made_;
    std::array<Refused, devices_max> refused_{};
};

// The caches of a client, made at the first call.
[[gnu::cold]] DeviceCaches &make_device_caches(uakv_client &client);
inline DeviceCaches &device_caches(uakv_client &client) {
    ClientAnnex *annex = client.annex.load(std::memory_order_acquire);
    return annex != nullptr ? static_cast<DeviceCaches &>(*annex) : make_device_caches(client);
}

} // namespace uakv
