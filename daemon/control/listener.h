// The place where clients connect: one daemon for each socket path, however it was started.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"

#include <string>

namespace uakv {

class Listener {
public:
    // Takes the path: makes its directory if that is missing, locks PATH.lock for the life of the process,
    // and replaces a socket that a dead daemon left. UAKV_ERR_BUSY names the daemon that has it.
    static Result<Listener> open(const std::string &path);

    Listener(Listener &&) noexcept = default;
    Listener &operator=(Listener &&) = delete;
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;
    ~Listener();

    const Fd &socket() const { return socket_; }

private:
    Listener(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

    std::string path_;
    Fd lock_;
    Fd socket_;
};

} // namespace uakv
