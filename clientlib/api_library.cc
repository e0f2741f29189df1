// The calls that need no client: versions, names, the last error.
#include "abi/uakv.h"
#include "clientlib/errors.h"

#include <array>

namespace {

struct StatusText {
    uakv_status status;
    const char *name;
    const char *text;
};

constexpr std::array status_texts = {
#define UAKV_STATUS(name, value, text) StatusText{name, #name, text},
#include "abi/uakv_status.def"
#undef UAKV_STATUS
};

constexpr StatusText unknown{0, "UAKV_UNKNOWN", "unknown status"};

const StatusText &find(uakv_status status) {
    for (const StatusText &known : status_texts) {
        if (known.status == status) {
            return known;
        }
    }
    return unknown;
}

} // namespace

extern "C" {

uint32_t uakv_abi_version(void) {
    return UAKV_ABI_VERSION;
}

const char *uakv_version_string(void) {
    return UAKV_VERSION;
}

const char *uakv_status_name(uakv_status status) {
    return find(status).name;
}

const char *uakv_status_string(uakv_status status) {
    return find(status).text;
}

size_t uakv_last_error(const uakv_client *, char *buf, size_t len) {
    return uakv::copy_last_error(buf, len);
}

} // extern "C"
