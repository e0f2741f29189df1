// Shared memory regions and their mappings: what a holder of a descriptor can do, and cannot.
#include "ipc/mapping.h"
#include "ipc/memfd.h"
#include "support/check.h"
#include "support/child.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr std::size_t bytes = 3 * 4096;

Fd make_region(std::uint64_t size = bytes) {
    auto fd = create_memfd("uakv-test", size);
    CHECK(fd.ok());
    return std::move(fd.value());
}

void born_closed_to_others() {
    const Fd fd = make_region();
    struct stat status {};
    CHECK(::fstat(fd.get(), &status) == 0);
    CHECK_EQ(status.st_mode & 07777, 0600);
    CHECK_EQ(status.st_size, bytes);
    CHECK_EQ(status.st_blocks, 0); // nothing is allocated yet
    CHECK_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
    CHECK_EQ(memfd_bytes(fd).value(), bytes);
    CHECK(!memfd_bytes(Fd()).ok());
}

void sealed() {
    const Fd fd = make_region();
    CHECK(::ftruncate(fd.get(), 4096) != 0 && errno == EPERM);
    CHECK(::ftruncate(fd.get(), 100 * 4096) != 0 && errno == EPERM);
    CHECK(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE) != 0 && errno == EPERM);
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    CHECK_EQ(::fcntl(fd.get(), F_GET_SEALS) & seals, seals);
}

void allocated_for_real() {
    const Fd fd = make_region();
    CHECK(allocate_memfd(fd, 4096, 4096).ok());
    struct stat status {};
    CHECK(::fstat(fd.get(), &status) == 0);
    CHECK_EQ(status.st_blocks * 512, 4096);
    CHECK_EQ(status.st_size, bytes);
}

void allocation_fails_cleanly() {
    const Fd fd = make_region();
    auto beyond = allocate_memfd(fd, 0, bytes + 4096); // sealed against growing
    CHECK(!beyond.ok());
    CHECK_STATUS(beyond.error().status, UAKV_ERR_NO_SPACE);
    CHECK(beyond.error().detail.find("memory for the cache") != std::string::npos);
}

void no_descriptor_left() {
    run_child([] {
        const rlimit none{3, 3};
        CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
        auto fd = create_memfd("uakv-test", bytes);
        CHECK(!fd.ok());
        CHECK_STATUS(fd.error().status, UAKV_ERR_NO_MEMORY);
        CHECK(fd.error().detail.find("uakv-test") != std::string::npos);
    });
}

// Wherever the kernel makes huge pages: whole ones, within what was asked for, full of zeros, and one region for all.
void on_huge_pages_where_there_are() {
    constexpr std::size_t huge = 2ULL << 20;
    const Fd fd = make_region(3 * huge);
    auto writer = Mapping::map(fd, 3 * huge, Access::read_write);
    CHECK(writer.ok());
    CHECK_EQ(reinterpret_cast<std::uintptr_t>(writer.value().data()) % huge, 0);
    writer.value().make_huge_pages(3 * huge - 1);
    struct stat status {};
    CHECK(::fstat(fd.get(), &status) == 0);
    const auto made = static_cast<std::size_t>(status.st_blocks) * 512;
    CHECK(made <= 2 * huge && (made % huge == 0 || made % huge == 4096)); // the rest: a page for one that was not made
    CHECK(writer.value().populate().ok());
    CHECK(::fstat(fd.get(), &status) == 0);
    CHECK_EQ(status.st_blocks * 512, 3 * huge);
    for (std::size_t i = 0; i < 3 * huge; i += 512) {
        CHECK_EQ(std::to_integer<int>(writer.value().data()[i]), 0);
    }
    auto reader = Mapping::map(fd, 3 * huge, Access::read_only);
    CHECK(reader.ok());
    writer.value().data()[2 * huge - 1] = std::byte{7};
    CHECK_EQ(std::to_integer<int>(reader.value().data()[2 * huge - 1]), 7);
}

// No room to choose an address is no reason not to map.
void mapped_where_addresses_are_short() {
    run_child([] {
        constexpr std::size_t region = 4ULL << 20;
        const Fd fd = make_region(region);
        unsigned long pages = 0;
        FILE *file = std::fopen("/proc/self/statm", "re");
        CHECK(file != nullptr && std::fscanf(file, "%lu", &pages) == 1);
        std::fclose(file);
        const rlimit little{pages * 4096 + region + (1U << 20), RLIM_INFINITY};
        CHECK(::setrlimit(RLIMIT_AS, &little) == 0);
        auto mapping = Mapping::map(fd, region, Access::read_write);
        CHECK(mapping.ok());
        mapping.value().data()[region - 1] = std::byte{7};
    });
}

void two_mappings_of_one_region() {
    const Fd fd = make_region();
    CHECK(allocate_memfd(fd, 0, bytes).ok());
    auto writer = Mapping::map(fd, bytes, Access::read_write);
    auto reader = Mapping::map(fd, bytes, Access::read_only);
    CHECK(writer.ok() && reader.ok());
    CHECK_EQ(writer.value().bytes(), bytes);
    writer.value().at<std::uint64_t>(4096) = 4711;
    CHECK_EQ(reader.value().at<std::uint64_t>(4096), 4711);
}

void mapping_outlives_descriptor_and_moves() {
    Fd fd = make_region();
    CHECK(allocate_memfd(fd, 0, bytes).ok());
    auto mapped = Mapping::map(fd, bytes, Access::read_write);
    CHECK(mapped.ok());
    fd.reset();
    Mapping mapping;
    CHECK(mapping.data() == nullptr);
    mapping = std::move(mapped.value());
    std::memset(mapping.data(), 1, bytes);
    CHECK(mapping.populate().ok());
    CHECK_EQ(mapping.at<std::uint8_t>(bytes - 1), 1);
}

void descriptor_that_maps_nothing() {
    auto mapped = Mapping::map(Fd(), bytes, Access::read_only);
    CHECK(!mapped.ok());
    CHECK_STATUS(mapped.error().status, UAKV_ERR_NO_MEMORY);
}

// One who is handed the read-only descriptor cannot get at the bytes for writing. (As another user: its owner
// and root may re-open what they own.)
void read_only_stays_read_only() {
    const Fd fd = make_region();
    CHECK(allocate_memfd(fd, 0, bytes).ok());
    auto copy = reopen_read_only(fd);
    CHECK(copy.ok());
    const int number = copy.value().get();
    CHECK_EQ(::fcntl(number, F_GETFL) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(::fcntl(number, F_GETFD), FD_CLOEXEC);
    CHECK(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, number, 0) == MAP_FAILED && errno == EACCES);
    CHECK(::write(number, "x", 1) < 0);
    CHECK(::fallocate(number, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0);
    void *memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, number, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(::mprotect(memory, bytes, PROT_READ | PROT_WRITE) != 0 && errno == EACCES);
    ::munmap(memory, bytes);
    if (::geteuid() == 0) {
        run_child([number] {
            CHECK(::setresuid(65534, 65534, 65534) == 0);
            const std::string path = "/proc/self/fd/" + std::to_string(number);
            CHECK(::open(path.c_str(), O_RDWR) < 0 && errno == EACCES);
            CHECK(::fchmod(number, 0666) != 0 && errno == EPERM);
        });
    }
}

// A write through a read-only mapping ends the writer. (The thread sanitizer's shared mappings are writable.)
void read_only_mapping_cannot_be_written() {
#ifndef UAKV_SHARE_MAPPINGS
    const Fd fd = make_region();
    CHECK(allocate_memfd(fd, 0, bytes).ok());
    auto mapped = Mapping::map(fd, bytes, Access::read_only);
    CHECK(mapped.ok());
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGSEGV, SIG_DFL);
        *reinterpret_cast<volatile char *>(mapped.value().data()) = 1;
        ::_exit(0);
    }
    int status = 0;
    CHECK_EQ(::waitpid(child, &status, 0), child);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0); // a sanitizer turns the signal into an exit
#endif
}

void kept_from_children() {
    const Fd fd = make_region();
    CHECK(allocate_memfd(fd, 0, bytes).ok());
    auto mapped = Mapping::map(fd, bytes, Access::read_write);
    CHECK(mapped.ok());
    mapped.value().keep_from_children();
    const std::byte *data = mapped.value().data();
    run_child([data] {
        unsigned char present = 0;
        void *address = const_cast<std::byte *>(data);
        CHECK(::mincore(address, 4096, &present) != 0 && errno == ENOMEM); // nothing is mapped there
    });
}

// In a forked child, as the client does it.
void abandoned_stays_mapped() {
    run_child([] {
        const Fd fd = make_region();
        CHECK(allocate_memfd(fd, 0, bytes).ok());
        std::byte *data = nullptr;
        {
            auto mapped = Mapping::map(fd, bytes, Access::read_write);
            CHECK(mapped.ok());
            data = mapped.value().data();
            mapped.value().abandon();
            CHECK(mapped.value().data() == nullptr);
        }
        unsigned char present = 0;
        CHECK(::mincore(data, 4096, &present) == 0);
    });
}

constexpr Case cases[] = {
    {"born_closed_to_others", born_closed_to_others},
    {"sealed", sealed},
    {"allocated_for_real", allocated_for_real},
    {"allocation_fails_cleanly", allocation_fails_cleanly},
    {"no_descriptor_left", no_descriptor_left},
    {"on_huge_pages_where_there_are", on_huge_pages_where_there_are},
    {"mapped_where_addresses_are_short", mapped_where_addresses_are_short},
    {"two_mappings_of_one_region", two_mappings_of_one_region},
    {"mapping_outlives_descriptor_and_moves", mapping_outlives_descriptor_and_moves},
    {"descriptor_that_maps_nothing", descriptor_that_maps_nothing},
    {"read_only_stays_read_only", read_only_stays_read_only},
    {"read_only_mapping_cannot_be_written", read_only_mapping_cannot_be_written},
    {"kept_from_children", kept_from_children},
    {"abandoned_stays_mapped", abandoned_stays_mapped},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("memory", uakv::test::cases);
}
