#include "death/own_sockets.h"

#include "support/check.h"

#include <cstdlib>
#include <filesystem>
#include <set>

#include <sys/socket.h>
#include <sys/un.h>

namespace uakv::test {
namespace {

std::set<int> inherited_;

// Empty for what is no connected socket.
std::string peer_of(int fd) {
    sockaddr_un address = {};
    socklen_t length = sizeof address;
    const bool connected = getpeername(fd, reinterpret_cast<sockaddr *>(&address), &length) == 0;
    return connected && address.sun_family == AF_UNIX ? address.sun_path : "";
}

std::set<int> connected_sockets() {
    std::set<int> numbers;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int fd = std::atoi(entry.path().filename().c_str());
        if (!peer_of(fd).empty()) {
            numbers.insert(fd);
        }
    }
    return numbers;
}

} // namespace

void note_inherited_descriptors() {
    inherited_ = connected_sockets();
}

void hang_up_own_sockets(const std::string &socket_path) {
    for (const int fd : connected_sockets()) {
        if (!inherited_.contains(fd) && peer_of(fd) == socket_path) {
            CHECK(shutdown(fd, SHUT_RD) == 0);
        }
    }
}

} // namespace uakv::test
