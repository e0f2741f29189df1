#include "ipc/process_handle.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 // Linux 6.5
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 // Linux 5.3
#endif

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446 // Linux 6.9: from then on each process has an inode number of its own
#endif

namespace uakv {
namespace {

// Nothing where processes have no file system of their own yet.
ino_t inode_of_process(const Fd &process) {
    struct statfs system {};
    struct stat status {};
    const bool known =
        ::fstatfs(process.get(), &system) == 0 && system.f_type == PID_FS_MAGIC && ::fstat(process.get(), &status) == 0;
    return known ? status.st_ino : 0;
}

} // namespace

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

bool has_died(const Fd &process) {
    pollfd entry{process.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

pid_t pid_of_process(const Fd &process) {
    const std::string path = "/proc/self/fdinfo/" + std::to_string(process.get());
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> info(std::fopen(path.c_str(), "re"), std::fclose);
    int pid = 0;
    for (char line[256]; info && std::fgets(line, sizeof line, info.get()) != nullptr;) {
        if (std::sscanf(line, "Pid:%d", &pid) == 1) {
            return pid > 0 ? pid : 0;
        }
    }
    return 0;
}

// Both live, so a pid that they share is not one that was given anew.
bool is_same_process(const Fd &a, const Fd &b) {
    const ino_t inode = inode_of_process(a);
    if (inode != 0) {
        return inode == inode_of_process(b);
    }
    const pid_t pid = pid_of_process(a);
    return pid != 0 && pid == pid_of_process(b);
}

} // namespace uakv
