// What the tests of arenas share: settings with the stand-in driver, who its devices are, and clients by hand.
#pragma once

#include "gpu/gpu_world.h"
#include "hostile/raw_client.h"
#include "unit/served.h"

#include "daemon/tiers/gpu/devices.h"
#include "ipc/hashing.h"

#include <algorithm>
#include <string>
#include <vector>

namespace uakv::test {

inline constexpr std::uint64_t arena_bytes = limits::memory_bytes_min;
inline constexpr std::uint64_t arena_segment_bytes = limits::segment_bytes_min;

inline gpu::Uuid uuid_of(int ordinal) {
    cuda::Uuid uuid{};
    CHECK_CUDA(fake_driver().call().device_get_uuid(&uuid, ordinal));
    gpu::Uuid own;
    std::copy(std::begin(uuid.bytes), std::end(uuid.bytes), own.begin());
    return own;
}

// Each GPU has one arena of the smallest size for each of the tenants.
inline Settings gpu_settings(std::vector<TenantSettings> tenants = {tenant_settings("default")}) {
    const std::size_t count = tenants.size();
    for (TenantSettings &tenant : tenants) {
        tenant.members.users = {::geteuid()};
    }
    Settings settings = settings_of(std::move(tenants));
    settings.gpu.memory = std::to_string(count * arena_bytes);
    settings.gpu.driver = fakecuda::library;
    settings.gpu.segment_bytes = arena_segment_bytes;
    return settings;
}

inline HelloDeviceMessage hello_to(const gpu::Uuid &uuid, const std::string &tenant = "", std::uint32_t flags = 0) {
    HelloDeviceMessage hello;
    hello.flags = flags;
    set_text(hello.tenant, tenant);
    std::copy(uuid.begin(), uuid.end(), std::begin(hello.device));
    return hello;
}

// The sentence with which a hello is refused.
inline std::string refused(const std::string &path, const HelloDeviceMessage &hello, uakv_status status) {
    RawClient client(path);
    client.send(hello);
    const auto refusal = read_control<RefusedMessage>(client.receive());
    CHECK(refusal.has_value());
    CHECK_STATUS(refusal->status, status);
    return refusal->detail;
}

inline Completion granted(RawClient &client, std::uint64_t length = 4096) {
    Submission grant{};
    grant.opcode = Opcode::grant;
    grant.length = length;
    const Completion completion = client.call(grant);
    CHECK_STATUS(completion.status, UAKV_OK);
    return completion;
}

inline Completion store_block(RawClient &client, SpaceId space, const uakv_key &key, std::uint64_t length = 4096) {
    const Completion slot = granted(client, length);
    Submission commit = with_slot_of(submission_for(Opcode::commit, space, key, length), slot);
    const std::vector<std::byte> zeros(length); // nobody writes, and in the machine's memory the daemon looks
    commit.checksum = checksum_of(zeros.data(), zeros.size());
    const Completion stored = client.call(commit);
    CHECK_STATUS(stored.status, UAKV_OK);
    return slot;
}

inline bool is_stored(const RawClient &client, SpaceId space, const uakv_key &key) {
    Lookup::Found found;
    return client.lookup().find(space, key, found);
}

} // namespace uakv::test
