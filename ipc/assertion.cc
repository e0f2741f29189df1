#include "ipc/assertion.h"

#include <cstdio>
#include <cstdlib>

namespace uakv {

void assertion_failed(const char *expression, const char *file, int line) noexcept {
    std::fprintf(stderr, "uakv: assertion failed: %s (%s:%d); this is a defect, please report it\n", expression, file,
                 line);
    std::abort();
}

} // namespace uakv
