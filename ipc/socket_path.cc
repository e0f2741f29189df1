#include "ipc/socket_path.h"

#include <cstdlib>
#include <unistd.h>

namespace uakv {

std::string default_socket_path() {
    if (const char *path = std::getenv("UAKV_SOCKET"); path != nullptr && *path != 0) {
        return path;
    }
    if (const char *directory = std::getenv("XDG_RUNTIME_DIR"); directory != nullptr && *directory != 0) {
        std::string path = std::string(directory) + "/uakv/uakvd.sock";
        if (::access(path.c_str(), F_OK) == 0) {
            return path;
        }
    }
    return system_socket_path;
}

} // namespace uakv
