#include "ipc/unix_socket.h"

#include "ipc/clock.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace uakv {
namespace {

constexpr std::size_t control_space = CMSG_SPACE(sizeof(int) * limits::control_fds_max);

Result<sockaddr_un> address_of(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    static_assert(limits::socket_path_bytes_max == sizeof address.sun_path - 1);
    if (path.empty() || path.size() > limits::socket_path_bytes_max) {
        return error(UAKV_ERR_INVALID, "the socket path \"%s\" has %zu bytes; expected 1 to %zu", path.c_str(),
                     path.size(), limits::socket_path_bytes_max);
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

Result<Fd> make_socket() {
    Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make a socket");
    }
    return fd;
}

const sockaddr *generic(const sockaddr_un &address) {
    return reinterpret_cast<const sockaddr *>(&address);
}

Error connect_error(int number, const std::string &path) {
    switch (number) {
    case ENOENT:
    case ECONNREFUSED:
        return errno_error(UAKV_ERR_DISCONNECTED, number, "no daemon serves %s; start uakvd or set UAKV_SOCKET",
                           path.c_str());
    case EACCES:
    case EPERM:
        return errno_error(UAKV_ERR_DENIED, number,
                           "this user may not connect to %s; it needs the group that owns the socket", path.c_str());
    case EPROTOTYPE:
        return errno_error(UAKV_ERR_VERSION, number, "%s is not a socket of uakvd", path.c_str());
    default:
        return errno_error(UAKV_ERR_DISCONNECTED, number, "cannot connect to %s", path.c_str());
    }
}

int milliseconds_until(std::uint64_t deadline_ns) {
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) {
        return 0;
    }
    return static_cast<int>(std::min<std::uint64_t>((deadline_ns - now + ns_per_ms - 1) / ns_per_ms, 60'000));
}

// Linux 6.16; newer than the headers of Debian 12.
constexpr int option_pass_rights = 83; // SO_PASSRIGHTS

// Whoever discards a descriptor may be the last to close it, and a close can take as long as its owner likes
// (SO_LINGER, a file system of his own). So where the kernel can, it keeps peers from sending any: what is accepted
// inherits it.
void refuse_rights(const Fd &listener) {
    const int pass = 0;
    ::setsockopt(listener.get(), SOL_SOCKET, option_pass_rights, &pass, sizeof pass);
}

} // namespace

Result<Fd> listen_unix(const std::string &path) {
    auto address = address_of(path);
    if (!address.ok()) {
        return address.take_error();
    }
    auto made = make_socket();
    if (!made.ok()) {
        return made;
    }
    Fd &fd = made.value();
    const mode_t mask = ::umask(0117); // the socket is born 0660: there is no moment in which others may connect
    const int outcome = ::bind(fd.get(), generic(address.value()), sizeof(sockaddr_un));
    const int number = errno;
    ::umask(mask);
    if (outcome != 0) {
        return errno_error(UAKV_ERR_INVALID, number, "cannot make the socket %s", path.c_str());
    }
    refuse_rights(fd);
    if (::listen(fd.get(), static_cast<int>(limits::control_backlog)) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot listen on %s", path.c_str());
    }
    return made;
}

Result<std::string> take_listening(const Fd &fd) {
    sockaddr_un address{};
    socklen_t length = sizeof address;
    int type = 0;
    int listens = 0;
    socklen_t one = sizeof(int);
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&address), &length) != 0 ||
        ::getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &one) != 0 ||
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) != 0) {
        return errno_error(UAKV_ERR_INVALID, errno, "the control socket that was passed is none");
    }
    if (address.sun_family != AF_UNIX || type != SOCK_SEQPACKET || listens == 0) {
        return error(UAKV_ERR_INVALID,
                     "the control socket that was passed has family %d and type %d, and %s; expected a unix socket of "
                     "type SOCK_SEQPACKET that listens (ListenSequentialPacket= in a socket unit)",
                     address.sun_family, type, listens == 0 ? "does not listen" : "listens");
    }
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
        ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot set up the control socket that was passed");
    }
    refuse_rights(fd);
    const std::size_t bytes = length - std::min<std::size_t>(length, offsetof(sockaddr_un, sun_path));
    std::string path(address.sun_path, bytes);
    if (!path.empty() && path[0] == '\0') {
        path[0] = '@';
        return path;
    }
    return path.substr(0, path.find('\0'));
}

Result<Fd> connect_unix(const std::string &path, std::uint64_t deadline_ns) {
    auto address = address_of(path);
    if (!address.ok()) {
        return address.take_error();
    }
    auto made = make_socket();
    if (!made.ok()) {
        return made;
    }
    Fd &fd = made.value();
    // A full backlog answers EAGAIN at once on a socket that does not block, and gives nothing to poll for.
    while (::connect(fd.get(), generic(address.value()), sizeof(sockaddr_un)) != 0) {
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return connect_error(errno, path);
        }
        if (now_ns() >= deadline_ns) {
            return error(UAKV_ERR_TIMEOUT, "the daemon at %s takes no connections; is it stopped?", path.c_str());
        }
        const timespec pause{0, 1'000'000};
        ::nanosleep(&pause, nullptr);
    }
    return made;
}

Result<Fd> accept_unix(const Fd &listener) {
    for (;;) {
        Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd.valid() || errno == EAGAIN) {
            return fd;
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot accept a connection");
        }
    }
}

Result<void> send_message(const Fd &socket, std::span<const std::byte> message, std::span<const int> fds) {
    UAKV_ASSERT(message.size() <= limits::control_message_bytes_max && fds.size() <= limits::control_fds_max);
    iovec vector{const_cast<std::byte *>(message.data()), message.size()};
    alignas(cmsghdr) std::array<std::byte, control_space> control{};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return {};
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS) {
        return errno_error(UAKV_ERR_BUSY, errno, "the peer does not read its messages");
    }
    return errno_error(UAKV_ERR_DISCONNECTED, errno, "the peer has hung up");
}

namespace {

// `fds` has room for all that can come, so that none is lost for want of memory.
void take_fds(msghdr &header, std::vector<Fd> &fds) {
    for (cmsghdr *part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
            fds.emplace_back(number);
        }
    }
}

} // namespace

Result<Received> receive_message(const Fd &socket, AcceptFds accept_fds) {
    Received received;
    iovec vector{received.bytes.data(), received.bytes.size()};
    alignas(cmsghdr) std::array<std::byte, control_space> control{};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (accept_fds == AcceptFds::yes) {
        received.fds.reserve(limits::control_fds_max);
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }
    ssize_t length = 0;
    do {
        // ECONNRESET says once that the peer hung up with messages of ours unread; its own last words, which say
        // why, are still to be read.
        length = ::recvmsg(socket.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    if (length < 0) {
        if (errno == EAGAIN) {
            return received;
        }
        received.state = Received::State::hung_up;
        return received;
    }
    take_fds(header, received.fds);
    if ((header.msg_flags & MSG_TRUNC) != 0) {
        return error(UAKV_ERR_VERSION, "a control message is longer than %zu bytes", limits::control_message_bytes_max);
    }
    // Messages are never empty, so nothing read means end of file.
    received.state = length == 0 ? Received::State::hung_up : Received::State::message;
    received.length = static_cast<std::size_t>(length);
    return received;
}

bool wait_readable(const Fd &socket, std::uint64_t deadline_ns) {
    for (;;) {
        pollfd entry{socket.get(), POLLIN, 0};
        const int wait_ms = milliseconds_until(deadline_ns);
        if (::poll(&entry, 1, wait_ms) > 0) {
            return true;
        }
        if (wait_ms == 0) {
            return false;
        }
    }
}

bool has_hung_up(const Fd &socket) {
    pollfd entry{socket.get(), POLLIN | POLLRDHUP, 0};
    return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

bool has_unread(const Fd &socket) {
    int bytes = 0;
    return ::ioctl(socket.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

void shut_down(const Fd &socket) {
    ::shutdown(socket.get(), SHUT_RDWR); // fails only where the peer was faster
}

void shut_down_sending(const Fd &socket) {
    ::shutdown(socket.get(), SHUT_WR);
}

} // namespace uakv
