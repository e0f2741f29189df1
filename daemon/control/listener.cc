#include "daemon/control/listener.h"

#include "daemon/base/log.h"
#include "ipc/sequence_point.h"
#include "ipc/unix_socket.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace uakv {
namespace {

std::string lock_path(const std::string &path) {
    return path + ".lock";
}

Result<void> make_directory_of(const std::string &path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) {
        return {};
    }
    const std::string directory = path.substr(0, slash);
    // The mode of the socket says who may connect, so others may pass here.
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot make the directory %s for the socket", directory.c_str());
    }
    return {};
}

// What the holder of the lock wrote into it.
std::string holder_of(const Fd &lock) {
    std::array<char, 32> text{};
    const ssize_t length = ::pread(lock.get(), text.data(), text.size() - 1, 0);
    return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "unknown";
}

bool same_file(const Fd &fd, const std::string &path) {
    struct stat open {};
    struct stat there {};
    return ::fstat(fd.get(), &open) == 0 && ::stat(path.c_str(), &there) == 0 && open.st_dev == there.st_dev &&
           open.st_ino == there.st_ino;
}

Result<Fd> take_lock(const std::string &socket_path) {
    const std::string path = lock_path(socket_path);
    for (;;) {
        Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!lock.valid()) {
            return errno_error(UAKV_ERR_INVALID, errno, "cannot open the lock file %s", path.c_str());
        }
        if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) {
                return error(UAKV_ERR_BUSY, "another uakvd (pid %s) serves %s; stop it, or choose another --socket",
                             holder_of(lock).c_str(), socket_path.c_str());
            }
            return errno_error(UAKV_ERR_INVALID, errno, "cannot lock %s", path.c_str());
        }
        // A daemon that ended between our open and our lock has removed this file, and another may have made
        // a new one.
        if (same_file(lock, path)) {
            const std::string pid = std::to_string(::getpid());
            if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) {
                return errno_error(UAKV_ERR_INVALID, errno, "cannot write to %s", path.c_str());
            }
            return lock;
        }
    }
}

Result<void> remove_stale_socket(const std::string &path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return {}; // nothing there; listening will tell about anything else
    }
    if (!S_ISSOCK(status.st_mode)) {
        return error(UAKV_ERR_INVALID, "%s exists and is not a socket; remove it, or choose another --socket",
                     path.c_str());
    }
    if (::unlink(path.c_str()) != 0) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot remove the stale socket %s", path.c_str());
    }
    return {};
}

} // namespace

Result<Listener> Listener::open(const std::string &path, std::optional<Fd> given) {
    if (given) {
        return take_given(path, std::move(*given));
    }
    if (auto made = make_directory_of(path); !made.ok()) {
        return made.take_error();
    }
    auto lock = take_lock(path);
    if (!lock.ok()) {
        return lock.take_error();
    }
    UAKV_SEQUENCE_POINT(socket_locked);
    Listener listener(path, std::move(lock.value()));
    if (auto removed = remove_stale_socket(path); !removed.ok()) {
        return removed.take_error();
    }
    auto socket = listen_unix(path);
    if (!socket.ok()) {
        return socket.take_error();
    }
    listener.socket_ = std::move(socket.value());
    UAKV_SEQUENCE_POINT(socket_listens);
    return listener;
}

Result<Listener> Listener::take_given(const std::string &path, Fd given) {
    auto where = take_listening(given);
    if (!where.ok()) {
        return where.take_error();
    }
    const std::string &place = where.value();
    if (place != path) {
        log_info("the service manager listens at {}, so that is served, and not {}", place, path);
    }
    Fd lock;
    if (place.starts_with('/')) {
        auto taken = take_lock(place);
        if (!taken.ok() && taken.error().status == UAKV_ERR_BUSY) {
            return taken.take_error();
        }
        if (taken.ok()) {
            lock = std::move(taken.value());
        } else {
            log_debug("{}; the service manager sees to it that there is one daemon", taken.error().detail);
        }
    }
    Listener listener(place, std::move(lock));
    listener.socket_ = std::move(given);
    listener.given_ = true;
    return listener;
}

Result<void> Listener::let_connect(Callers callers) const {
    if (given_) {
        struct stat status {};
        if (callers == Callers::everybody && ::stat(path_.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) == 0) {
            log_warn("there are tenants with members beyond the group of {}, and its mode {:o} keeps them out; set "
                     "SocketMode=0666 in uakvd.socket",
                     path_, status.st_mode & 07777U);
        }
        return {};
    }
    if (::chmod(path_.c_str(), callers == Callers::everybody ? 0666 : 0660) != 0) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot set the mode of the socket %s", path_.c_str());
    }
    return {};
}

Listener::~Listener() {
    if (socket_.valid() && !given_) {
        ::unlink(path_.c_str());
        UAKV_SEQUENCE_POINT(socket_removed);
    }
    if (lock_.valid()) {
        ::unlink(lock_path(path_).c_str()); // while we hold it: see take_lock
    }
}

} // namespace uakv
