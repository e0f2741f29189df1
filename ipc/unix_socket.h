// The control socket: SOCK_SEQPACKET, so that a message arrives whole or not at all. Small fixed-size
// messages (wire.h); descriptors travel from the daemon to a client, never the other way.
#pragma once

#include "ipc/fd.h"
#include "ipc/limits.h"
#include "ipc/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace uakv {

// One message, in full, with the descriptors that came along.
struct Received {
    enum class State { message, nothing_yet, hung_up } state = State::nothing_yet;
    std::array<std::byte, limits::control_message_bytes_max> bytes;
    std::size_t length = 0;
    std::vector<Fd> fds;
};

// Listens at `path`, which must not exist, with the mode that only owner and group may connect.
Result<Fd> listen_unix(const std::string &path);

// Makes a listening socket that somebody else has opened as listen_unix() would have it, and says where it is: a path,
// "@NAME" in the abstract namespace, or nothing. An error where it is of another kind.
Result<std::string> take_listening(const Fd &fd);

// UAKV_ERR_DISCONNECTED where nobody listens. Waits until deadline_ns (clock.h) for a place in the backlog.
Result<Fd> connect_unix(const std::string &path, std::uint64_t deadline_ns);

// The next connection, not blocking and close-on-exec; an invalid Fd when there is none. An error when the
// process or the machine has no descriptor left.
Result<Fd> accept_unix(const Fd &listener);

// Sends one message and up to control_fds_max descriptors; never blocks. UAKV_ERR_BUSY when the peer does
// not read what it was sent, UAKV_ERR_DISCONNECTED when it has hung up.
Result<void> send_message(const Fd &socket, std::span<const std::byte> message, std::span<const int> fds);

enum class AcceptFds { no, yes };

// Never blocks. With AcceptFds::no the kernel discards descriptors that the peer sent. A message that is
// larger than control_message_bytes_max is an error.
Result<Received> receive_message(const Fd &socket, AcceptFds accept_fds);

// Waits until the socket can be read (or has hung up); false at the deadline.
bool wait_readable(const Fd &socket, std::uint64_t deadline_ns);

// Whether the peer has closed its end, as far as the kernel knows at this moment.
bool has_hung_up(const Fd &socket);

// Whether the peer has not read all that was sent to it.
bool has_unread(const Fd &socket);

// Ends the connection for everybody who holds the socket, forked children included.
void shut_down(const Fd &socket);

// Tells the peer that nothing more will come, while its own hang-up can still be seen.
void shut_down_sending(const Fd &socket);

} // namespace uakv
