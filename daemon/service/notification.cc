#include "daemon/service/notification.h"

#include "ipc/clock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace uakv {
namespace {

constexpr std::size_t fds_max = 253; // SCM_MAX_FD: the kernel takes no more in one message

struct Address {
    sockaddr_un name{};
    socklen_t length = 0;
    const sockaddr *generic() const { return reinterpret_cast<const sockaddr *>(&name); }
};

Result<Address> parse_address(const std::string &text) {
    Address address;
    address.name.sun_family = AF_UNIX;
    const bool known = text.size() > 1 && (text[0] == '/' || text[0] == '@');
    if (!known || text.size() >= sizeof address.name.sun_path) {
        return error(UAKV_ERR_INVALID,
                     "NOTIFY_SOCKET is \"%s\"; expected an absolute path or @NAME, of less than %zu bytes",
                     text.c_str(), sizeof address.name.sun_path);
    }
    std::memcpy(address.name.sun_path, text.data(), text.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
    if (text[0] == '@') {
        address.name.sun_path[0] = '\0';
    } else {
        ++address.length; // the zero behind a path
    }
    return address;
}

Result<Fd> datagram_socket() {
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) {
        return errno_error(UAKV_ERR_NO_MEMORY, errno, "cannot make a socket for notifications");
    }
    return fd;
}

// Waits for room at the receiver, or a moment where the kernel has too many descriptors on their way.
void wait_for_room(const Fd &fd, int number, std::uint64_t end_ns) {
    const std::uint64_t now = now_ns();
    const std::uint64_t left_ms = (end_ns - std::min(end_ns, now) + ns_per_ms - 1) / ns_per_ms;
    if (number == EAGAIN) {
        pollfd entry{fd.get(), POLLOUT, 0};
        ::poll(&entry, 1, static_cast<int>(left_ms));
    } else {
        const timespec pause{0, ns_per_ms};
        ::nanosleep(&pause, nullptr);
    }
}

} // namespace

Result<void> send_notification(const std::string &address, std::string_view text, const Fd *fd, std::uint64_t wait_ms) {
    UAKV_ASSERT(text.size() <= notification_bytes_max);
    auto to = parse_address(address);
    if (!to.ok()) {
        return to.take_error();
    }
    auto made = datagram_socket(); // one for each message: the receiver may have been started again
    if (!made.ok()) {
        return made.take_error();
    }
    const Fd &socket = made.value();
    iovec vector{const_cast<char *>(text.data()), text.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (fd != nullptr) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        const int number = fd->get();
        std::memcpy(CMSG_DATA(rights), &number, sizeof number);
    }
    const std::uint64_t end_ns = now_ns() + wait_ms * ns_per_ms;
    int number = ::connect(socket.get(), to.value().generic(), to.value().length) == 0 ? 0 : errno;
    while (number == 0) {
        if (::sendmsg(socket.get(), &header, MSG_NOSIGNAL) >= 0) {
            return {};
        }
        const int why = errno;
        const bool full = why == EAGAIN || why == ENOBUFS || why == ETOOMANYREFS || why == EINTR;
        if (!full) {
            number = why;
        } else if (now_ns() >= end_ns) {
            return errno_error(UAKV_ERR_BUSY, why, "the service manager does not read what it is told");
        } else {
            wait_for_room(socket, why, end_ns);
        }
    }
    return errno_error(UAKV_ERR_DISCONNECTED, number, "no service manager listens at %s", address.c_str());
}

std::optional<std::string_view> Notification::value(std::string_view name) const {
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=') {
            return line.substr(name.size() + 1);
        }
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return std::nullopt;
}

Result<NotificationSocket> NotificationSocket::open() {
    auto made = datagram_socket();
    if (!made.ok()) {
        return made.take_error();
    }
    Fd &fd = made.value();
    const int yes = 1;
    Address address;
    address.name.sun_family = AF_UNIX;
    // Bound to no name, the kernel chooses one that is free.
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
        ::bind(fd.get(), address.generic(), sizeof(sa_family_t)) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot make a socket for notifications");
    }
    address.length = sizeof address.name;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&address.name), &address.length) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot learn the name of the socket for notifications");
    }
    const std::size_t length = address.length - offsetof(sockaddr_un, sun_path);
    std::string name(address.name.sun_path, length);
    name[0] = '@';
    return NotificationSocket(std::move(fd), std::move(name));
}

std::optional<Notification> NotificationSocket::receive() const {
    std::array<char, notification_bytes_max> bytes;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * fds_max)> control;
    for (;;) {
        iovec vector{bytes.data(), bytes.size()};
        msghdr header{};
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t length = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (length < 0) {
            if (errno == EINTR) {
                continue;
            }
            return std::nullopt;
        }
        Notification notification;
        for (cmsghdr *part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
            if (part->cmsg_level != SOL_SOCKET) {
                continue;
            }
            if (part->cmsg_type == SCM_RIGHTS) {
                const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (std::size_t i = 0; i < count; ++i) {
                    int number = -1;
                    std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
                    notification.fds.emplace_back(number);
                }
            } else if (part->cmsg_type == SCM_CREDENTIALS) {
                ucred sender{};
                std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
                notification.sender = sender.pid;
            }
        }
        if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
            notification.text.assign(bytes.data(), static_cast<std::size_t>(length));
            return notification;
        }
    }
}

} // namespace uakv
