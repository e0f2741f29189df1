#include "daemon/io/disk_directory.h"

#include "ipc/clock.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <thread>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::string_view suffix = ".uakv";
constexpr mode_t others_may_write = S_IWGRP | S_IWOTH;
// Longer than a disk that works takes for what it was given.
constexpr std::uint64_t lock_patience_ns = 5 * ns_per_s;
constexpr const char *probe_name = "probe";

const char *prefix_of(BlockDevice::FileKind kind) {
    return kind == BlockDevice::FileKind::log ? "log-" : "checkpoint-";
}

// "/a/b" for "/a/b/c" and "/a/b/c//"; "." for "c".
std::string folder_above(std::string path) {
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

// Its name is on stable storage as well: what is flushed into it would be gone with it.
Result<void> make_directory(const std::string &path) {
    const std::string above = folder_above(path);
    if (::mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) {
            return {};
        }
        if (errno == ENOENT) {
            return error(UAKV_ERR_INVALID,
                         "cannot make %s for blocks on disk: the directory %s that it is to be made in does not exist; "
                         "make that one, or set persistence_path",
                         path.c_str(), above.c_str());
        }
        return errno_error(UAKV_ERR_INVALID, errno,
                           "cannot make %s for blocks on disk; make it for the user of the daemon (mode 0700), or set "
                           "persistence_path",
                           path.c_str());
    }
    const Fd fd(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || ::fsync(fd.get()) != 0) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot write the directory %s, in which %s was made, to the disk",
                           above.c_str(), path.c_str());
    }
    return {};
}

Result<Fd> open_directory(const std::string &path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot open %s as the directory for blocks on disk", path.c_str());
    }
    return fd;
}

} // namespace

DiskFileName text_of(BlockDevice::FileName name) {
    DiskFileName text{};
    std::snprintf(text.data(), text.size(), "%s%08u%s", prefix_of(name.kind), name.number, suffix.data());
    return text;
}

std::optional<BlockDevice::FileName> parse_disk_file_name(std::string_view text) {
    for (const auto kind : {BlockDevice::FileKind::log, BlockDevice::FileKind::checkpoint}) {
        const std::string_view prefix = prefix_of(kind);
        if (!text.starts_with(prefix)) {
            continue;
        }
        BlockDevice::FileName name{kind, 0};
        std::from_chars(text.data() + prefix.size(), text.data() + text.size(), name.number);
        if (text == text_of(name).data()) {
            return name;
        }
    }
    return std::nullopt;
}

Result<DiskDirectory> DiskDirectory::open(const std::string &path) {
    if (auto made = make_directory(path); !made.ok()) {
        return made.take_error();
    }
    DiskDirectory directory;
    directory.path_ = path;
    for (Fd *fd : {&directory.directory_, &directory.lock_}) {
        auto opened = open_directory(path);
        if (!opened.ok()) {
            return opened.take_error();
        }
        *fd = std::move(opened.value());
    }
    // The lock comes before anything is written: the files may be another daemon's.
    for (const auto step : {&DiskDirectory::check_access, &DiskDirectory::lock, &DiskDirectory::probe}) {
        if (auto done = (directory.*step)(); !done.ok()) {
            return done.take_error();
        }
    }
    return directory;
}

Result<void> DiskDirectory::check_access() {
    struct stat found {};
    if (::fstat(directory_.get(), &found) != 0) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot look at %s", path_.c_str());
    }
    if (found.st_uid != ::geteuid() && found.st_uid != 0) {
        return error(UAKV_ERR_DENIED,
                     "%s belongs to user %u, who could change the blocks on disk, and the daemon runs as user %u; "
                     "give it to the daemon's user (chown), or set persistence_path",
                     path_.c_str(), found.st_uid, ::geteuid());
    }
    if ((found.st_mode & others_may_write) != 0) {
        return error(UAKV_ERR_DENIED,
                     "%s has mode %04o: other users could change the blocks on disk; take that away (chmod go-w %s)",
                     path_.c_str(), found.st_mode & 07777U, path_.c_str());
    }
    return {};
}

// A daemon that was killed has it until the kernel is through with its calls (UringDevice).
Result<void> DiskDirectory::lock() {
    const std::uint64_t end_ns = now_ns() + lock_patience_ns;
    while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || now_ns() >= end_ns) {
            return refused();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
}

void DiskDirectory::unlock() {
    ::flock(lock_.get(), LOCK_UN);
}

Result<void> DiskDirectory::refused() const {
    if (errno == EWOULDBLOCK) {
        return error(UAKV_ERR_BUSY,
                     "%s is in use by another daemon; stop that one, or give each daemon a persistence_path of its own",
                     path_.c_str());
    }
    return errno_error(UAKV_ERR_UNSUPPORTED, errno,
                       "cannot lock %s; blocks on disk need a local file system that has locks", path_.c_str());
}

// Makes a file as ours are, and writes and reads a page of it.
Result<void> DiskDirectory::probe() {
    ::unlinkat(directory_.get(), probe_name, 0); // of a daemon that ended here
    const Fd file(::openat(directory_.get(), probe_name, O_RDWR | O_CREAT | O_EXCL | O_DIRECT | O_CLOEXEC, 0600));
    const int opened = errno;
    ::unlinkat(directory_.get(), probe_name, 0); // it may be there although it could not be opened
    if (!file.valid() && opened == EINVAL) {
        return error(UAKV_ERR_UNSUPPORTED,
                     "the file system of %s cannot read and write past the page cache (O_DIRECT); use a directory on "
                     "ext4, xfs or btrfs",
                     path_.c_str());
    }
    if (!file.valid()) {
        return errno_error(UAKV_ERR_INVALID, opened, "cannot make files in %s", path_.c_str());
    }
    const std::unique_ptr<void, void (*)(void *)> memory(std::aligned_alloc(limits::page_bytes, limits::page_bytes),
                                                         [](void *pages) { std::free(pages); });
    if (!memory) {
        return error(UAKV_ERR_NO_MEMORY, "no memory to try the file system of %s with", path_.c_str());
    }
    std::memset(memory.get(), 0, limits::page_bytes);
    if (::fallocate(file.get(), 0, 0, limits::page_bytes) != 0) {
        // A full disk is no reason not to serve what lies on it.
        return errno == ENOSPC || errno == EDQUOT
                   ? Result<void>()
                   : errno_error(UAKV_ERR_UNSUPPORTED, errno,
                                 "the file system of %s cannot reserve room for files (fallocate); use a directory on "
                                 "ext4, xfs or btrfs",
                                 path_.c_str());
    }
    constexpr auto whole = static_cast<ssize_t>(limits::page_bytes);
    if (::pwrite(file.get(), memory.get(), limits::page_bytes, 0) != whole ||
        ::pread(file.get(), memory.get(), limits::page_bytes, 0) != whole) {
        return errno_error(UAKV_ERR_UNSUPPORTED, errno,
                           "the file system of %s cannot read and write single pages of %zu bytes past the page cache "
                           "(O_DIRECT); use a directory on another disk",
                           path_.c_str(), limits::page_bytes);
    }
    return {};
}

Result<std::vector<BlockDevice::FileName>> DiskDirectory::names() const {
    const int number = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = number >= 0 ? ::fdopendir(number) : nullptr;
    if (stream == nullptr) {
        const int failed = errno;
        if (number >= 0) {
            ::close(number);
        }
        return errno_error(UAKV_ERR_IO, failed, "cannot list the files in %s", path_.c_str());
    }
    std::vector<BlockDevice::FileName> names;
    errno = 0;
    while (const dirent *entry = ::readdir(stream)) { // NOLINT(concurrency-mt-unsafe): a stream of our own
        if (const auto name = parse_disk_file_name(static_cast<const char *>(entry->d_name))) {
            names.push_back(*name);
        }
        errno = 0;
    }
    const int failed = errno;
    ::closedir(stream);
    if (failed != 0) {
        return errno_error(UAKV_ERR_IO, failed, "cannot list the files in %s to the end", path_.c_str());
    }
    return names;
}

Result<Fd> DiskDirectory::open_file(BlockDevice::FileName name, std::uint64_t &bytes) const {
    const DiskFileName text = text_of(name);
    // Not blocking: somebody may have put a pipe there.
    Fd file(::openat(directory_.get(), text.data(), O_RDWR | O_DIRECT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat found {};
    if (!file.valid() || ::fstat(file.get(), &found) != 0) {
        return errno_error(UAKV_ERR_IO, errno, "cannot open %s/%s", path_.c_str(), text.data());
    }
    if (!S_ISREG(found.st_mode)) {
        return error(UAKV_ERR_INVALID, "%s/%s is no regular file", path_.c_str(), text.data());
    }
    bytes = static_cast<std::uint64_t>(found.st_size);
    return file;
}

std::uint64_t DiskDirectory::free_bytes() const {
    struct statvfs found {};
    return ::fstatvfs(directory_.get(), &found) == 0 ? found.f_bavail * found.f_frsize : 0;
}

std::uint64_t DiskDirectory::size_bytes() const {
    struct statvfs found {};
    return ::fstatvfs(directory_.get(), &found) == 0 ? found.f_blocks * found.f_frsize : 0;
}

} // namespace uakv
