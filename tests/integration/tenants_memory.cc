// Tenants of different users are apart: no memory, descriptor or process of one is open to another. Every way there is
// tried for real.
#include "passed.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/pattern.h"
#include "two_users.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 100'000;

struct Region {
    uint64_t device, inode;
    bool operator==(const Region &) const = default;
};

struct Regions {
    std::array<Region, 512> all;
    size_t count;

    void add(const Region &region) {
        if (std::find(all.begin(), all.begin() + count, region) == all.begin() + count) {
            CHECK(count < all.size());
            all[count++] = region;
        }
    }
    size_t in_common(const Regions &others) const {
        return static_cast<size_t>(std::count_if(all.begin(), all.begin() + count, [&](const Region &region) {
            return std::find(others.all.begin(), others.all.begin() + others.count, region) !=
                   others.all.begin() + others.count;
        }));
    }
};

// All memory that this process maps or has open; what it was passed is still open, as a copy.
void note_regions(Regions &regions) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find(" /memfd:") == std::string::npos) {
            continue;
        }
        std::istringstream fields(line);
        std::string range, protection, offset;
        uint64_t major = 0, minor = 0, inode = 0;
        char colon = 0;
        fields >> range >> protection >> offset >> std::hex >> major >> colon >> minor >> std::dec >> inode;
        CHECK(fields.good() && inode != 0);
        regions.add({major << 8 | minor, inode});
    }
    CHECK(regions.count > 0);
    const size_t mapped = regions.count;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        struct stat status = {};
        std::error_code gone; // the descriptor of this loop
        if (is_memory(std::filesystem::read_symlink(entry.path(), gone).string())) {
            CHECK(stat(entry.path().c_str(), &status) == 0);
            regions.add({status.st_dev, status.st_ino});
        }
    }
    CHECK_EQ(regions.count, mapped); // of each region that it was passed, and of no other, there is a mapping
}

// Makes the client map all that it can: blocks of many sizes, each retrieved.
void fill_and_note(const Daemon &daemon, Regions &regions) {
    forget_passed();
    const Client client(daemon);
    client.await_populated();
    Space space(client);
    for (size_t bytes = 4096; bytes <= size_t{1} << 20; bytes *= 2) {
        const uakv_key key = make_key("sized", bytes);
        CHECK(store_block(space, key, bytes) >= 0);
        check_stored(space, key, bytes);
    }
    note_regions(regions);
}

void no_memory_in_common() {
    const Configured configured = start_two_tenants();
    Shared<std::array<Regions, 4>> regions;
    const std::array users = {alice, bob, colleague, carol};
    for (const size_t i : {0U, 1U, 2U}) {
        as_user(users[i], [&] { fill_and_note(configured.daemon(), (*regions)[i]); });
    }
    as_user(carol, [&] {
        forget_passed();
        const Client client(configured.daemon(), UAKV_READ_ONLY);
        Space space(client);
        check_stored(space, make_key("sized", 4096), 4096);
        note_regions((*regions)[3]);
    });
    const auto &[chat, batch, chat_too, chat_read] = *regions;
    CHECK(chat.count > 8 && batch.count > 8); // index, session, segments
    CHECK_EQ(chat.in_common(batch), 0);
    CHECK_EQ(chat_too.in_common(batch), 0);
    CHECK_EQ(chat_read.in_common(batch), 0);
    CHECK(chat.in_common(chat_too) > 8); // all but the session
    CHECK_EQ(chat_read.in_common(chat), 2);
}

bool can_read_memory(pid_t pid, const void *address) {
    char byte = 0;
    iovec here = {&byte, 1}, there = {const_cast<void *>(address), 1};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1;
}

// What the kernel lets one process do with another; `address` is one that it has for certain.
void check_process_is_closed(pid_t pid, const void *address) {
    const std::string proc = "/proc/" + std::to_string(pid);
    const auto refuse = [&](bool done, const std::string &what) { CHECK_MESSAGE(!done, what + " worked"); };
    refuse(access((proc + "/fd").c_str(), R_OK) == 0 || access((proc + "/fd").c_str(), X_OK) == 0, "a look at its fds");
    refuse(open((proc + "/mem").c_str(), O_RDONLY | O_CLOEXEC) >= 0, "to open its memory");
    refuse(open((proc + "/mem").c_str(), O_RDWR | O_CLOEXEC) >= 0, "to open its memory for writing");
    refuse(access((proc + "/map_files").c_str(), X_OK) == 0, "a look at what it maps");
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    for (int fd = 0; fd < 1024; ++fd) {
        const std::string path = proc + "/fd/" + std::to_string(fd);
        refuse(open(path.c_str(), O_RDONLY | O_CLOEXEC) >= 0, path);
        refuse(open(path.c_str(), O_RDWR | O_CLOEXEC) >= 0, path);
        refuse(syscall(SYS_pidfd_getfd, handle, fd, 0) >= 0, "to take " + path);
    }
    refuse(ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0, "ptrace");
    refuse(ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == 0, "ptrace");
    refuse(can_read_memory(pid, address), "to read its memory");
    refuse(kill(pid, 0) == 0, "a signal");
}

void processes_are_closed() {
    const Configured configured = start_two_tenants();
    const Daemon &daemon = configured.daemon();
    Shared<std::atomic<const void *>> bobs_block;
    Child two([&] {
        become(bob);
        const Client client(daemon);
        Space space(client);
        const uakv_key key = make_key("secret");
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        uakv_view view;
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        *bobs_block = view.data;
        pause();
    });
    two.await("bob holds a block", [&] { return *bobs_block != nullptr; });
    const std::string open_files = "/proc/" + std::to_string(two.pid()) + "/fd";
    as_user(bob, [&] { CHECK(access(open_files.c_str(), R_OK | X_OK) == 0); }); // there is something to be seen
    as_user(alice, [&] {
        const Client client(daemon);
        check_process_is_closed(daemon.pid(), *bobs_block);
        check_process_is_closed(two.pid(), *bobs_block);
    });
    two.kill();
}

// The index tells where the blocks of a tenant lie; no client can change a bit of it.
void index_is_read_only() {
    const Configured configured = start_two_tenants();
    as_user(alice, [&] {
        forget_passed();
        const Client client(configured.daemon());
        size_t indexes = 0;
        for (const int fd : passed_memory()) {
            if (name_of(fd).find("index") != std::string::npos) {
                check_cannot_write(fd);
                ++indexes;
            }
        }
        CHECK_EQ(indexes, 1);
    });
}

constexpr Case cases[] = {
    {"no_memory_in_common", no_memory_in_common},
    {"processes_are_closed", processes_are_closed},
    {"index_is_read_only", index_is_read_only},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tenants_memory", uakv::test::cases);
}
