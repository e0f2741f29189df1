// The place where clients connect: one daemon for each socket path, however it was started.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <optional>
#include <string>

namespace uakv {

// Whom the file system lets connect to the socket. Who the daemon then serves is decided by the peer's credentials.
enum class Callers {
    group,     // the daemon's own user and group
    everybody, // for tenants whose members are in other groups
};

class Listener {
public:
    // Takes the path: makes its directory if that is missing, locks PATH.lock for the life of the process,
    // and replaces a socket that a dead daemon left. UAKV_ERR_BUSY names the daemon that has it.
    static Result<Listener> open(const std::string &path) { return open(path, std::nullopt); }

    // The same at a socket that the service manager listens at: its place, mode and end are the manager's, wherever
    // that is, and only the lock is ours, if the directory lets us have it.
    static Result<Listener> open(const std::string &path, std::optional<Fd> given);

    Listener(Listener &&) noexcept = default;
    Listener &operator=(Listener &&) = delete;
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;
    ~Listener();

    const Fd &socket() const { return socket_; }
    const std::string &path() const { return path_; }

    // At first it is Callers::group. Where the socket is the manager's, says so if it keeps callers out.
    Result<void> let_connect(Callers callers) const;

private:
    static Result<Listener> take_given(const std::string &path, Fd given);
    Listener(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

    std::string path_;
    Fd lock_;
    Fd socket_;
    bool given_ = false;
};

} // namespace uakv
