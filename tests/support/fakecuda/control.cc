#include "support/fakecuda/fakecuda.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

namespace uakv::fakecuda {

const char *const library = UAKV_FAKECUDA_PATH;

const Controls &controls() {
    static const Controls *found = [] {
        void *loaded = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
        using Get = const Controls *(*)();
        const auto get = loaded == nullptr ? nullptr : reinterpret_cast<Get>(::dlsym(loaded, "fakecuda_controls"));
        if (get == nullptr) {
            std::fprintf(stderr, "fakecuda: %s\n", ::dlerror());
            std::abort();
        }
        return get();
    }();
    return *found;
}

} // namespace uakv::fakecuda
