#include "ipc/memfd.h"

#include "ipc/limits.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U // Linux 6.3
#endif

namespace uakv {

Result<Fd> create_memfd(const char *name, std::uint64_t bytes) {
    constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    Fd fd(::memfd_create(name, flags | MFD_NOEXEC_SEAL));
    if (!fd.valid() && errno == EINVAL) { // before 6.3
        fd = Fd(::memfd_create(name, flags));
    }
    if (!fd.valid()) {
        const int number = errno;
        return errno_error(number == EMFILE || number == ENFILE ? UAKV_ERR_NO_MEMORY : UAKV_ERR_NO_SPACE, number,
                           "cannot make the shared memory region %s", name);
    }
    if (::fchmod(fd.get(), 0600) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot restrict the mode of region %s", name);
    }
    if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
        return errno_error(UAKV_ERR_NO_SPACE, errno, "cannot size region %s to %llu bytes", name,
                           static_cast<unsigned long long>(bytes));
    }
    // Not F_SEAL_FUTURE_WRITE: it would also refuse hole punching and the mappings of a restarted daemon.
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot seal region %s", name);
    }
    return fd;
}

Result<void> allocate_memfd(const Fd &fd, std::uint64_t offset, std::uint64_t bytes) {
    int outcome = 0;
    do {
        outcome = ::fallocate(fd.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
    } while (outcome != 0 && errno == EINTR);
    if (outcome != 0) {
        return errno_error(UAKV_ERR_NO_SPACE, errno, "the machine has no %llu bytes of memory for the cache",
                           static_cast<unsigned long long>(bytes));
    }
    return {};
}

Result<Fd> reopen_read_only(const Fd &fd) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd.get());
    Fd copy(::open(path, O_RDONLY | O_CLOEXEC));
    if (!copy.valid()) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot re-open a region read-only through %s (is /proc mounted?)",
                           path);
    }
    return copy;
}

void empty_memfd(const Fd &fd) {
    if (auto bytes = memfd_bytes(fd); bytes.ok()) {
        // To the end of the last page, of which a part would only be zeroed. Fails only where the region is sealed
        // against it, and none of ours is.
        const std::uint64_t end = (bytes.value() / limits::page_bytes + 1) * limits::page_bytes;
        ::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(end));
    }
}

Result<std::uint64_t> memfd_bytes(const Fd &fd) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        return errno_error(UAKV_ERR_INTERNAL, errno, "cannot ask for the size of a region");
    }
    return static_cast<std::uint64_t>(status.st_size);
}

std::uint64_t memfd_data_end(const Fd &fd, std::uint64_t offset) {
    const off_t end = ::lseek(fd.get(), static_cast<off_t>(offset), SEEK_HOLE);
    return end < 0 ? offset : static_cast<std::uint64_t>(end); // fails beyond the end
}

} // namespace uakv
