#include "clientlib/cuda/device_cache.h"

#include "clientlib/cuda/arena_segments.h"
#include "clientlib/errors.h"
#include "clientlib/handles.h"
#include "clientlib/hit.h"
#include "clientlib/store.h"
#include "ipc/clock.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

namespace uakv {
namespace {

// A daemon that refused a device is asked again after this; until then the same answer costs nothing.
constexpr std::uint64_t refused_ns = ns_per_s;
constexpr std::uint64_t connect_ns_max = 5 * ns_per_s;
// How long a client that disconnects waits for the daemon's answers, once its streams have got there.
constexpr std::uint64_t answers_ns = ns_per_s;
constexpr auto pause_between_looks = std::chrono::microseconds(50);

ClientDevice *device_of_handle(std::uint64_t handle) {
    const uakv_client *client = client_of_handle(handle);
    return client != nullptr && client->device_cache != nullptr ? &client->device_cache->device() : nullptr;
}

} // namespace

ClientDevice *device_of(const uakv_view &view) {
    return device_of_handle(view.opaque[view_client]);
}

ClientDevice *device_of(const uakv_slot &slot) {
    return device_of_handle(slot.opaque[slot_client]);
}

// ---- one device -------------------------------------------------------------------------------------------

namespace {

Target target_of(const uakv_client &owner, DeviceLink &link) {
    Target target = owner.attachments.target();
    target.device = &link;
    return target;
}

} // namespace

DeviceCache::DeviceCache(uakv_client &owner, std::shared_ptr<ClientDevice> device)
    : device_(std::move(device)),
      client_(std::make_unique<uakv_client>(target_of(owner, *this), owner.fork_token, owner.timeout_ns)),
      commits_(*client_) {
    client_->device_cache = this;
}

DeviceCache::~DeviceCache() = default;

Result<std::unique_ptr<DeviceCache>> DeviceCache::make(uakv_client &owner, std::int32_t ordinal,
                                                       std::uint64_t deadline_ns) {
    auto device = ClientDevice::open(ordinal);
    if (!device.ok()) {
        return device.take_error();
    }
    std::unique_ptr<DeviceCache> cache(new DeviceCache(owner, std::move(device.value())));
    if (auto attached = cache->client_->attachments.attach(deadline_ns); !attached.ok()) {
        return attached.take_error();
    }
    cache->client_->handle = register_client(cache->client_.get(), ClientKind::device);
    if (cache->client_->handle == 0) {
        return error(UAKV_ERR_NO_MEMORY, "the clients of this process use %u devices, which is all that they can",
                     limits::devices_per_process_max);
    }
    return cache;
}

// Openings of the owner may come and go: as long as it is connected, the space is open here. Blocks without a limit of
// their own have the same here as in memory, where segments allow it, for the daemon moves them between the two.
uakv_space *DeviceCache::add_space(const uakv_space &space) {
    SpaceDescription description = space.description;
    if (description.block_bytes == 0) {
        description.block_bytes = std::min(space.client->attachments.visit()->segments().bytes(),
                                           client_->attachments.visit()->segments().bytes());
    }
    auto added = client_->spaces.add(*client_, description);
    if (!added.ok()) {
        fail(added.error());
        return nullptr;
    }
    spaces_[space.index].store(added.value(), std::memory_order_release);
    return added.value();
}

void DeviceCache::end_passed() {
    client_->attachments.for_each([](const Attachment &attachment) { streams_of(attachment).end_passed(); });
    client_->attachments.sweep();
}

bool DeviceCache::await_streams() {
    const std::uint64_t deadline_ns = client_->deadline_ns();
    if (!commits_.finish(deadline_ns, answers_ns)) {
        return false;
    }
    for (;;) {
        std::size_t left = 0;
        client_->attachments.for_each(
            [&](const Attachment &attachment) { left += streams_of(attachment).end_passed(); });
        if (left == 0 || now_ns() >= deadline_ns) {
            return left == 0;
        }
        std::this_thread::sleep_for(pause_between_looks);
    }
}

bool DeviceCache::close() {
    unregister_client(client_->handle);
    const bool passed = await_streams();
    if (passed) {
        client_->attachments.close_for_all();
    }
    return passed;
}

void DeviceCache::abandon() {
    device_->abandon();
    unregister_client(client_->handle);
    client_->attachments.abandon();
}

HelloDeviceMessage DeviceCache::hello(const HelloMessage &host) const {
    HelloDeviceMessage message;
    message.version_min = host.version_min;
    message.version_max = host.version_max;
    message.flags = host.flags;
    static_assert(sizeof message.tenant == sizeof host.tenant);
    std::memcpy(message.tenant, host.tenant, sizeof message.tenant);
    static_assert(sizeof message.device == sizeof(cuda::Uuid));
    std::memcpy(message.device, device_->uuid().bytes, sizeof message.device);
    return message;
}

std::shared_ptr<SegmentMapper> DeviceCache::make_mapper(std::uint32_t capacity, std::uint64_t bytes, Access access) {
    return std::make_shared<ArenaSegments>(device_, capacity, bytes, access);
}

std::unique_ptr<SessionCompanion> DeviceCache::accompany(DeviceSessionLayout &session) {
    return std::make_unique<Streams>(device_, session, client_->leases);
}

// ---- all of a client --------------------------------------------------------------------------------------

DeviceCaches &make_device_caches(uakv_client &client) {
    const std::scoped_lock lock(client.annex_mutex);
    if (client.made_annex == nullptr) {
        client.made_annex = std::make_unique<DeviceCaches>(client);
        client.annex.store(client.made_annex.get(), std::memory_order_release);
    }
    return static_cast<DeviceCaches &>(*client.made_annex);
}

DeviceCache *DeviceCaches::make(std::int32_t ordinal, std::uint64_t timeout_ns, uakv_status &status) {
    if (ordinal < 0 || ordinal >= devices_max) {
        status = fail(UAKV_ERR_INVALID, "device is %d; expected a CUDA ordinal from 0 to %d", ordinal, devices_max - 1);
        return nullptr;
    }
    const auto index = static_cast<std::size_t>(ordinal);
    const std::scoped_lock lock(mutex_);
    if (made_[index] != nullptr) {
        return made_[index].get(); // another thread was faster
    }
    Refused &refused = refused_[index];
    if (now_ns() >= refused.until_ns) {
        auto cache = DeviceCache::make(owner_, ordinal, now_ns() + std::min(timeout_ns, connect_ns_max));
        if (cache.ok()) {
            made_[index] = std::move(cache.value());
            caches_[index].store(made_[index].get(), std::memory_order_release);
            return made_[index].get();
        }
        refused = {cache.take_error(), now_ns() + refused_ns};
    }
    status = fail(refused.why);
    return nullptr;
}

void DeviceCaches::close() {
    static std::mutex mutex;
    static auto &in_use = *new std::vector<std::unique_ptr<DeviceCache>>; // by kernels, until the process ends
    for (auto &cache : made_) {
        if (cache != nullptr && !cache->close()) {
            const std::scoped_lock lock(mutex);
            in_use.push_back(std::move(cache));
        }
    }
}

void DeviceCaches::abandon() {
    for (const auto &cache : made_) {
        if (cache != nullptr) {
            cache->abandon();
        }
    }
}

} // namespace uakv
