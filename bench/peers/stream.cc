#include "stream.h"

#include "bench/failure.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace uakv::bench {
namespace {

// -1 when nobody listens there.
int connect_to(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        throw Failure("the path of a socket is too long: " + path);
    }
    std::copy(path.begin(), path.end(), address.sun_path);
    const int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file >= 0 && connect(file, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        close(file);
        return -1;
    }
    return file;
}

iovec part_of(std::string_view text) {
    return {const_cast<char *>(text.data()), text.size()};
}

} // namespace

Stream::Stream(const std::string &socket_path) : socket_(connect_to(socket_path)) {
    if (socket_ < 0) {
        throw Failure("cannot connect to " + socket_path + ": " + std::strerror(errno));
    }
}

Stream::~Stream() {
    close(socket_);
}

void Stream::send(std::string_view head, const std::byte *data, std::size_t bytes, std::string_view tail) {
    std::array<iovec, 3> parts{part_of(head), iovec{const_cast<std::byte *>(data), bytes}, part_of(tail)};
    std::size_t first = 0;
    while (first < parts.size()) {
        msghdr message{};
        message.msg_iov = &parts[first];
        message.msg_iovlen = parts.size() - first;
        const ssize_t sent = sendmsg(socket_, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            throw Failure(std::string("cannot send to a server: ") + std::strerror(errno));
        }
        auto left = static_cast<std::size_t>(sent);
        while (first < parts.size() && left >= parts[first].iov_len) {
            left -= parts[first++].iov_len;
        }
        if (first < parts.size()) {
            parts[first].iov_base = static_cast<char *>(parts[first].iov_base) + left;
            parts[first].iov_len -= left;
        }
    }
}

void Stream::fill() {
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    const ssize_t got = recv(socket_, buffer_.data() + end_, buffer_.size() - end_, 0);
    if (got <= 0) {
        throw Failure(std::string("a server hung up: ") + (got == 0 ? "end of stream" : std::strerror(errno)));
    }
    end_ += static_cast<std::size_t>(got);
}

std::string_view Stream::receive_line() {
    for (;;) {
        const std::string_view text(buffer_.data() + begin_, end_ - begin_);
        const std::size_t length = text.find("\r\n");
        if (length != std::string_view::npos) {
            begin_ += length + 2;
            return text.substr(0, length);
        }
        if (text.size() == buffer_.size()) {
            throw Failure("a server sent a line without an end");
        }
        fill();
    }
}

void Stream::receive(std::byte *target, std::size_t bytes) {
    const std::size_t buffered = std::min(bytes, end_ - begin_);
    std::memcpy(target, buffer_.data() + begin_, buffered);
    begin_ += buffered;
    for (std::size_t have = buffered; have < bytes;) {
        const ssize_t got = recv(socket_, target + have, bytes - have, 0);
        if (got <= 0) {
            throw Failure(std::string("a server hung up: ") + (got == 0 ? "end of stream" : std::strerror(errno)));
        }
        have += static_cast<std::size_t>(got);
    }
}

bool server_listens(const std::string &socket_path) {
    const int file = connect_to(socket_path);
    if (file >= 0) {
        close(file);
    }
    return file >= 0;
}

} // namespace uakv::bench
