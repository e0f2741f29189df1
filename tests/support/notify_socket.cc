#include "support/notify_socket.h"

#include "support/check.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <sstream>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace uakv::test {

bool Said::has(const std::string &line) const {
    return ("\n" + text + "\n").find("\n" + line + "\n") != std::string::npos;
}

std::string Said::value(const std::string &name) const {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + "=")) {
            return line.substr(name.size() + 1);
        }
    }
    return {};
}

void Said::close_all() {
    for (const int fd : fds) {
        close(fd);
    }
    fds.clear();
}

NotifySocket::NotifySocket() : path_(directory_.path() + "/notify") {
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(socket_ >= 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CHECK(path_.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    const int yes = 1;
    CHECK(setsockopt(socket_, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0);
    CHECK(bind(socket_, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
}

NotifySocket::~NotifySocket() {
    close(socket_);
}

void NotifySocket::await_readable(int at_most_ms) const {
    pollfd readable{socket_, POLLIN, 0};
    poll(&readable, 1, at_most_ms);
}

std::optional<Said> NotifySocket::receive() const {
    std::array<char, 8192> bytes{};
    alignas(cmsghdr) std::array<std::byte, 512> control{};
    iovec vector{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t length = recvmsg(socket_, &header, MSG_CMSG_CLOEXEC);
    if (length < 0) {
        return std::nullopt;
    }
    Said said;
    said.text.assign(bytes.data(), static_cast<size_t>(length));
    for (cmsghdr *part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_type == SCM_RIGHTS) {
            said.fds.resize((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            std::memcpy(said.fds.data(), CMSG_DATA(part), said.fds.size() * sizeof(int));
        } else if (part->cmsg_type == SCM_CREDENTIALS) {
            ucred sender{};
            std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
            said.sender = sender.pid;
        }
    }
    return said;
}

} // namespace uakv::test
