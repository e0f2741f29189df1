#include "plain_memory.h"

#include "failure.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace uakv::bench {
namespace {

std::byte *map_shared(std::uint64_t bytes) {
    const int file = memfd_create("uakv-bench", MFD_CLOEXEC);
    if (file < 0) {
        return nullptr;
    }
    void *memory = MAP_FAILED;
    const int error = posix_fallocate(file, 0, static_cast<off_t>(bytes));
    if (error == 0) {
        memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    } else {
        errno = error;
    }
    close(file);
    return memory == MAP_FAILED ? nullptr : static_cast<std::byte *>(memory);
}

} // namespace

PlainMemory::PlainMemory(std::uint64_t bytes) : data_(map_shared(bytes)), bytes_(bytes) {
    if (data_ == nullptr) {
        throw Failure("cannot get " + std::to_string(bytes) +
                      " bytes of shared memory to compare with: " + std::strerror(errno));
    }
    madvise(data_, bytes, MADV_HUGEPAGE); // as uakv does with its segments; many kernels are set to refuse
    std::memset(data_, 1, bytes);
}

PlainMemory::~PlainMemory() {
    munmap(data_, bytes_);
}

} // namespace uakv::bench
