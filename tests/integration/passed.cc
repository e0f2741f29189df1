#include "passed.h"

#include "support/check.h"
#include "support/process.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace uakv::test {
namespace {

std::vector<int> passed;

void keep_copies(msghdr *message) {
    for (cmsghdr *header = CMSG_FIRSTHDR(message); header != nullptr; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, reinterpret_cast<const char *>(header) + at, sizeof fd);
            passed.push_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
        }
    }
}

} // namespace

std::vector<int> passed_memory() {
    std::vector<int> memory;
    for (const int fd : passed) {
        if (is_memory(name_of(fd))) {
            memory.push_back(fd);
        }
    }
    return memory;
}

void forget_passed() {
    for (const int fd : passed) {
        close(fd);
    }
    passed.clear();
}

std::string name_of(int fd) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
}

bool is_memory(const std::string &name) {
    return name.starts_with("/memfd:");
}

bool is_session(const std::string &name) {
    return name.find("session") != std::string::npos;
}

bool can_reopen(int fd, int flags) {
    const int again = open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags | O_CLOEXEC);
    if (again >= 0) {
        close(again);
    }
    return again >= 0;
}

bool can_map_writable(int fd) {
    void *memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED) {
        munmap(memory, 4096);
    }
    return memory != MAP_FAILED;
}

void check_cannot_write(int fd) {
    const std::string name = name_of(fd);
    const auto refuse = [&](bool done, const char *what) { CHECK_MESSAGE(!done, name + ": " + what + " worked"); };
    const char byte = 'x';
    refuse(can_reopen(fd, O_RDWR), "open for reading and writing");
    refuse(can_reopen(fd, O_WRONLY), "open for writing");
    refuse(fchmod(fd, 0666) == 0, "chmod");
    refuse(ftruncate(fd, 0) == 0, "truncate");
    refuse(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0, "a further seal");
    if (!is_session(name)) {
        refuse(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0, "a hole");
        refuse(write(fd, &byte, 1) == 1, "write");
        refuse(pwrite(fd, &byte, 1, 0) == 1, "pwrite");
        refuse(can_map_writable(fd), "a writable mapping");
    }
    struct stat status = {};
    CHECK(fstat(fd, &status) == 0);
    CHECK_EQ(status.st_mode & 07777, 0600);
}

size_t check_mappings() {
    size_t count = 0;
    for (const Mapping &mapping : own_mappings()) {
        if (!is_memory(mapping.name) || is_session(mapping.name)) {
            continue;
        }
        ++count;
        CHECK_MESSAGE(mapping.protection[1] != 'w', mapping.name + " is mapped writable");
        void *begin = reinterpret_cast<void *>(mapping.begin);
        CHECK_MESSAGE(mprotect(begin, mapping.end - mapping.begin, PROT_READ | PROT_WRITE) != 0 && errno == EACCES,
                      mapping.name + " can be made writable");
    }
    return count;
}

} // namespace uakv::test

// In the place of libc's: the library under test calls it too.
extern "C" __attribute__((visibility("default"))) ssize_t recvmsg(int fd, msghdr *message, int flags) {
    const ssize_t length = syscall(SYS_recvmsg, fd, message, flags);
    if (length >= 0) {
        uakv::test::keep_copies(message);
    }
    return length;
}
