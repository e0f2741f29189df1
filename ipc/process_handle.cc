#include "ipc/process_handle.h"

#include <cerrno>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 // Linux 6.5
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 // Linux 5.3
#endif

namespace uakv {

Result<PeerIdentity> peer_identity(const Fd &socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot ask for the peer's credentials");
    }
    PeerIdentity peer{credentials.pid, credentials.uid, credentials.gid, {}};
    peer.groups.resize(32);
    for (;;) {
        length = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length) == 0) {
            peer.groups.resize(length / sizeof(gid_t));
            return peer;
        }
        if (errno != ERANGE) {
            return errno_error(UAKV_ERR_INTERNAL, errno, "cannot ask for the peer's groups");
        }
        peer.groups.resize(length / sizeof(gid_t)); // the kernel said how many there are
    }
}

Fd peer_process(const Fd &socket, const PeerIdentity &peer) {
    int number = -1;
    socklen_t length = sizeof number;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERPIDFD, &number, &length) == 0) {
        return Fd(number);
    }
    // Before 6.5. Should the pid have been given to another process since, the hang-up of the socket, which
    // the death of the real peer has caused, ends the session all the same.
    return peer.pid > 0 ? Fd(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0))) : Fd();
}

} // namespace uakv
