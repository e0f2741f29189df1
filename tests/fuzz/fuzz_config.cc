// Configuration files, the whole way: any text gives settings that hold together, or complaints that say where.
#include "settings.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace uakv;
    static const bool clean = ::clearenv() == 0;
    UAKV_ASSERT(clean);
    auto assembled = fuzz::assemble_text({reinterpret_cast<const char *>(data), size});
    if (assembled.ok()) {
        fuzz::check_settings(assembled.value());
    } else {
        UAKV_ASSERT(assembled.error().status == UAKV_ERR_INVALID && !assembled.error().detail.empty());
    }
    return 0;
}
