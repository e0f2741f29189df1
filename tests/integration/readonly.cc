// A read-only client of another uid cannot write a byte that anybody else reads: tried for real, with the descriptors
// that the daemon passed to it.
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
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

constexpr gid_t shared_gid = 61010;
constexpr User member = {61002, shared_gid};
constexpr User stranger = {61003, 61003};
constexpr size_t block_bytes = 100'000;

// Copies of all descriptors that arrived over a socket: the library closes its own once they are mapped.
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

DaemonOptions of_another_user() {
    if (geteuid() != 0) {
        throw Skip("only root can run daemon and clients as different users");
    }
    DaemonOptions options;
    options.user = User{61001, shared_gid};
    return options;
}

std::string name_of(int fd) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
}

bool is_memfd(const std::string &name) {
    return name.starts_with("/memfd:");
}

// The client's own rings and leases: the one region that a read-only client has to write to.
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

// No mapping of the daemon's memory can be written, nor made so. Returns how many there are.
size_t check_mappings() {
    size_t count = 0;
    for (const Mapping &mapping : own_mappings()) {
        if (!is_memfd(mapping.name) || is_session(mapping.name)) {
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

void store_as_member(const Daemon &daemon, const uakv_key &key) {
    run_child([&] {
        become(member);
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    });
}

void read_only_client() {
    Daemon daemon(of_another_user());
    const uakv_key key = make_key("key");
    store_as_member(daemon, key);
    run_child([&] {
        become(member);
        passed.clear();
        Client client(daemon, UAKV_READ_ONLY);
        Space space(client);
        uakv_view view;
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        check_block(view.data, view.nbytes, key);
        CHECK(check_mappings() >= 2); // index and segment
        size_t memfds = 0;
        for (const int fd : passed) {
            if (is_memfd(name_of(fd))) {
                check_cannot_write(fd);
                ++memfds;
            }
        }
        CHECK_EQ(memfds, 3); // index, session, segment

        const uakv_key next = make_key("next");
        uakv_slot slot;
        CHECK_STATUS(store_block(space, next, 100), UAKV_ERR_DENIED);
        CHECK_MESSAGE(last_error().find("READ_ONLY") != std::string::npos, last_error());
        CHECK_STATUS(uakv_reserve(space, &next, 100, nullptr, &slot), UAKV_ERR_DENIED);
        CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_ERR_DENIED);
        uakv_space *created = nullptr;
        CHECK_STATUS(uakv_space_open(client, "new", nullptr, &created), UAKV_ERR_DENIED);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
        check_stored(space, key, block_bytes);
        CHECK_EQ(client.statistics().spaces, 1);
    });
}

// A client that may write has the segments writable, and nothing else: so the attempts above can succeed.
void writing_client() {
    Daemon daemon(of_another_user());
    run_child([&] {
        become(member);
        passed.clear();
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, make_key("key"), block_bytes), UAKV_OK);
        size_t writable = 0;
        for (const Mapping &mapping : own_mappings()) {
            if (is_memfd(mapping.name) && !is_session(mapping.name) && mapping.protection[1] == 'w') {
                CHECK_MESSAGE(mapping.name.find("index") == std::string::npos, mapping.name + " is mapped writable");
                ++writable;
            }
        }
        CHECK(writable >= 1);
        size_t writable_descriptors = 0;
        for (const int fd : passed) {
            if (is_memfd(name_of(fd)) && !is_session(name_of(fd)) && can_map_writable(fd)) {
                ++writable_descriptors;
            }
        }
        CHECK(writable_descriptors >= 1);
        const int own = memfd_create("own", MFD_CLOEXEC); // born 0777: what the daemon must not hand out
        CHECK(ftruncate(own, 4096) == 0 && can_reopen(own, O_RDWR));
        close(own);
    });
}

// Neither a stranger to the group, nor one to whom somebody opened the socket's mode.
void outsider() {
    Daemon daemon(of_another_user());
    const auto try_to_connect = [&] {
        run_child([&] {
            become(stranger);
            uakv_client *client = nullptr;
            CHECK_STATUS(connect_to(daemon.socket_path(), UAKV_READ_ONLY, 0, &client), UAKV_ERR_DENIED);
            CHECK_MESSAGE(!last_error().empty(), "no detail");
        });
    };
    try_to_connect();
    CHECK(chmod(daemon.socket_path().c_str(), 0777) == 0);
    try_to_connect();
    store_as_member(daemon, make_key("key"));
}

constexpr Case cases[] = {
    {"read_only_client", read_only_client},
    {"writing_client", writing_client},
    {"outsider", outsider},
};

} // namespace
} // namespace uakv::test

// In the place of libc's: the library under test calls it too.
extern "C" __attribute__((visibility("default"))) ssize_t recvmsg(int fd, msghdr *message, int flags) {
    const ssize_t length = syscall(SYS_recvmsg, fd, message, flags);
    if (length >= 0) {
        uakv::test::keep_copies(message);
    }
    return length;
}

int main() {
    return uakv::test::run_cases("readonly", uakv::test::cases);
}
