// Configuration files: any text gives settings or complaints. What stands in them for tenants is read as well.
#include "daemon/config/tenants_config.h"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace uakv;
    const std::string text(reinterpret_cast<const char *>(data), size);
    auto root = parse_config(text, "F");
    if (!root.ok()) {
        UAKV_ASSERT(root.error().status == UAKV_ERR_INVALID && root.error().detail.starts_with("F:"));
        return 0;
    }
    Complaints complaints;
    for (const Given &given : read_entries(root.value(), "F", "", daemon_keys(), complaints)) {
        if (given.key->id == KeyId::tenants) {
            const auto tenants = read_tenants(given, limits::memory_bytes_max, complaints);
            UAKV_ASSERT(tenants.size() <= limits::tenants_max && (complaints.any() || !tenants.empty()));
        }
    }
    UAKV_ASSERT(!complaints.any() || complaints.error().detail.starts_with("F:"));
    return 0;
}
