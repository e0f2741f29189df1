// Who is at the other end of a socket, and whether that process still lives.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <sys/types.h>
#include <vector>

namespace uakv {

struct PeerIdentity {
    pid_t pid = 0; // 0: of another pid namespace, not visible here
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
};

// As the kernel noted it when the peer connected.
Result<PeerIdentity> peer_identity(const Fd &socket);

// A descriptor that becomes readable when the peer's process has died. It tells what a socket cannot: the
// death of a process whose forked child still holds the socket. Not valid where the kernel has none for
// this peer; the hang-up of the socket is then the only sign.
Fd peer_process(const Fd &socket, const PeerIdentity &peer);

// Of descriptors that peer_process() gave, here or in a process before this one.
bool has_died(const Fd &process);
pid_t pid_of_process(const Fd &process);        // 0: of another pid namespace, not visible here; or dead
bool is_same_process(const Fd &a, const Fd &b); // false also where the kernel cannot say

} // namespace uakv
