#include "support/client.h"

#include "support/check.h"
#include "support/daemon.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace uakv::test {

uakv_status connect_to(const std::string &socket_path, uint32_t flags, uint32_t timeout_ms, uakv_client **out) {
    uakv_connect_options options = {};
    options.struct_size = sizeof options;
    options.flags = flags;
    options.socket_path = socket_path.c_str();
    options.timeout_ms = timeout_ms;
    return uakv_connect(&options, out);
}

uakv_status connect_to_tenant(const Daemon &daemon, const char *tenant, uint32_t flags, uakv_client **out) {
    uakv_connect_options options = {};
    options.struct_size = sizeof options;
    options.flags = flags;
    options.socket_path = daemon.socket_path().c_str();
    options.tenant = tenant;
    return uakv_connect(&options, out);
}

Client::Client(const Daemon &daemon, uint32_t flags, uint32_t timeout_ms) {
    CHECK_STATUS(connect_to(daemon.socket_path(), flags, timeout_ms, &handle_), UAKV_OK);
}

Client::Client(const Daemon &daemon, const std::string &tenant, uint32_t flags) {
    CHECK_STATUS(connect_to_tenant(daemon, tenant.c_str(), flags, &handle_), UAKV_OK);
}

uakv_statistics Client::statistics() const {
    uakv_statistics statistics = {};
    statistics.struct_size = sizeof statistics;
    CHECK_STATUS(uakv_stats(handle_, &statistics), UAKV_OK);
    return statistics;
}

void Client::disconnect() {
    uakv_disconnect(std::exchange(handle_, nullptr));
}

void Client::await_populated() const {
    await("memory is populated", [&] {
        const uakv_statistics now = statistics();
        return now.bytes_memory == now.bytes_capacity;
    });
}

Space::Space(uakv_client *client, const std::string &name, const uakv_space_options *options) {
    CHECK_STATUS(uakv_space_open(client, name.c_str(), options, &handle_), UAKV_OK);
}

bool contains(uakv_space *space, const uakv_key &key) {
    return count_present(space, &key, 1) == 1;
}

size_t count_present(uakv_space *space, const uakv_key *keys, size_t count) {
    std::vector<uint8_t> tiers(count, 0xff);
    CHECK_STATUS(uakv_contains(space, keys, count, tiers.data()), UAKV_OK);
    CHECK(std::all_of(tiers.begin(), tiers.end(), [](uint8_t each) {
        return each == 0 || each == UAKV_TIER_HOST || each == UAKV_TIER_DISK ||
               each == (UAKV_TIER_HOST | UAKV_TIER_DISK);
    }));
    return count - static_cast<size_t>(std::count(tiers.begin(), tiers.end(), 0));
}

} // namespace uakv::test
