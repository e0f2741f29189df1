// Datagrams of the protocol that is known as sd_notify: lines NAME=VALUE to the socket in NOTIFY_SOCKET, with
// descriptors, and with who sent them. The daemon sends (service_manager), the keeper receives (fd_keeper).
//
// libsystemd sends them too, but waits without end for a manager that does not read. The reactor must not.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace uakv {

// A longer one is cut by the service manager.
constexpr std::size_t notification_bytes_max = 4096;

// To `address`: a path, or "@NAME" for a name in the abstract namespace. Waits up to `wait_ms` where the receiver's
// queue is full, and then says UAKV_ERR_BUSY; UAKV_ERR_DISCONNECTED where nobody receives. `fd` may be null.
Result<void> send_notification(const std::string &address, std::string_view text, const Fd *fd, std::uint64_t wait_ms);

struct Notification {
    pid_t sender = 0; // as the kernel says
    std::string text;
    std::vector<Fd> fds;

    // The value of the line NAME=VALUE; the first one counts.
    std::optional<std::string_view> value(std::string_view name) const;
};

// A place to send notifications to, in the abstract namespace: nothing is left behind, whatever happens, and it needs
// no directory that can be written. Who else may send there is not decided by the socket: look at the sender.
class NotificationSocket {
public:
    static Result<NotificationSocket> open();

    const Fd &fd() const { return fd_; }
    const std::string &address() const { return address_; } // as in NOTIFY_SOCKET

    // The next one, or nothing where all have been read. What is longer than notification_bytes_max is passed over.
    std::optional<Notification> receive() const;

private:
    NotificationSocket(Fd fd, std::string address) : fd_(std::move(fd)), address_(std::move(address)) {}

    Fd fd_;
    std::string address_;
};

} // namespace uakv
