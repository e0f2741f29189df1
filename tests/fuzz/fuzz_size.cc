// Sizes as operators write them: any text gives a size or an error, and an accepted one is printed back.
#include "daemon/base/units.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    auto bytes = uakv::parse_size(text, 24ULL << 30);
    if (bytes.ok()) {
        UAKV_ASSERT(!uakv::format_size(bytes.value()).empty());
    } else {
        UAKV_ASSERT(bytes.error().status == UAKV_ERR_INVALID && !bytes.error().detail.empty());
    }
    return 0;
}
