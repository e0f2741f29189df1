#include "ipc/mapping.h"

#include "ipc/limits.h"

#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/mapped_region.hpp>

#include <cerrno>
#include <cstdint>
#include <new>
#include <sys/mman.h>

#ifdef UAKV_SHARE_MAPPINGS
#include <map>
#include <mutex>
#include <sys/stat.h>
#include <tuple>
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 // Linux 6.1
#endif

namespace uakv {
namespace bi = boost::interprocess;
namespace {

constexpr std::size_t huge_page_bytes = 2ULL << 20; // of x86-64, and of AArch64 with pages of 4 KiB

// An address where a region can lie on huge pages: they want the same place in memory as in the file. Somebody else may
// take it before we do, and then we do without.
void *huge_page_address(std::size_t bytes) {
    if (bytes < huge_page_bytes) {
        return nullptr;
    }
    const std::size_t room = bytes + huge_page_bytes;
    void *reserved = ::mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) {
        return nullptr;
    }
    ::munmap(reserved, room);
    const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(reserved) + huge_page_bytes - 1;
    return reinterpret_cast<void *>(first / huge_page_bytes * huge_page_bytes);
}

// What Boost.Interprocess asks of something that can be mapped.
class Mappable {
public:
    Mappable(int fd, bi::mode_t mode) : handle_{fd, false}, mode_(mode) {}
    bi::mapping_handle_t get_mapping_handle() const { return handle_; }
    bi::mode_t get_mode() const { return mode_; }

private:
    bi::mapping_handle_t handle_;
    bi::mode_t mode_;
};

} // namespace

struct Mapping::Region {
    bi::mapped_region mapped;
};

namespace {

bi::mapped_region map_region(int fd, bi::mode_t mode, std::size_t bytes) {
    const Mappable mappable(fd, mode);
    if (const void *address = huge_page_address(bytes); address != nullptr) {
        try {
            return {mappable, mode, 0, bytes, address};
        } catch (const bi::interprocess_exception &) { // taken; what else is wrong shows again below
        }
    }
    return {mappable, mode, 0, bytes};
}

} // namespace

Mapping::Mapping() = default;
Mapping::~Mapping() = default;
Mapping::Mapping(Mapping &&) noexcept = default;
Mapping &Mapping::operator=(Mapping &&) noexcept = default;

#ifdef UAKV_SHARE_MAPPINGS
// For the thread sanitizer only: it sees a race between two threads only where both use one address. With
// daemon and clients as threads of one process, the same region is then mapped once.
namespace {

using RegionKey = std::tuple<dev_t, ino_t>;

template <typename Map> auto find_or_map(const Fd &fd, Map map_it) -> decltype(map_it()) {
    static std::mutex mutex;
    // Never destroyed: threads may outlive the end of main in a test that fails.
    static auto &regions = *new std::map<RegionKey, std::weak_ptr<typename decltype(map_it())::element_type>>;
    struct stat status {};
    ::fstat(fd.get(), &status);
    const std::scoped_lock lock(mutex);
    auto &known = regions[{status.st_dev, status.st_ino}];
    auto region = known.lock();
    if (!region) {
        region = map_it();
        known = region;
    }
    return region;
}

} // namespace
#endif

Result<Mapping> Mapping::map(const Fd &fd, std::size_t bytes, Access access) {
    const bi::mode_t mode = access == Access::read_only ? bi::read_only : bi::read_write;
    Mapping mapping;
    try {
        const auto map_it = [&] { return std::make_shared<Region>(Region{map_region(fd.get(), mode, bytes)}); };
#ifdef UAKV_SHARE_MAPPINGS
        mapping.region_ = find_or_map(fd, map_it); // the daemon, which maps for writing, comes first
#else
        mapping.region_ = map_it();
#endif
    } catch (const bi::interprocess_exception &failure) {
        return errno_error(UAKV_ERR_NO_MEMORY, failure.get_native_error(), "cannot map %zu bytes of shared memory",
                           bytes);
    } catch (const std::bad_alloc &) {
        return error(UAKV_ERR_NO_MEMORY, "no memory to describe a mapping of %zu bytes", bytes);
    }
    mapping.data_ = static_cast<std::byte *>(mapping.region_->mapped.get_address());
    mapping.bytes_ = bytes;
    return mapping;
}

void Mapping::keep_from_children() const {
    // Cannot fail on a mapping of our own; where it would, a child merely keeps what it must not use.
    ::madvise(data_, bytes_, MADV_DONTFORK);
}

void Mapping::keep_out_of_dumps() const {
    ::madvise(data_, bytes_, MADV_DONTDUMP); // cannot fail on a mapping of our own
}

void Mapping::prefer_huge_pages() const {
    ::madvise(data_, bytes_, MADV_HUGEPAGE);
}

void Mapping::make_huge_pages(std::size_t bytes) const {
    const std::size_t whole = bytes / huge_page_bytes * huge_page_bytes;
    for (std::size_t offset = 0; offset < whole; offset += huge_page_bytes) {
        // A page that is there is made larger; where there is none, nothing is.
        if (::madvise(data_ + offset, limits::page_bytes, MADV_POPULATE_WRITE) != 0 ||
            ::madvise(data_ + offset, huge_page_bytes, MADV_COLLAPSE) != 0) {
            return;
        }
    }
}

Result<void> Mapping::populate() const {
    if (::madvise(data_, bytes_, MADV_POPULATE_WRITE) == 0 || errno == EINVAL) {
        return {}; // EINVAL: before Linux 5.14; the pages are allocated all the same, only not touched yet
    }
    return errno_error(UAKV_ERR_NO_SPACE, errno, "cannot populate %zu bytes of shared memory", bytes_);
}

void Mapping::abandon() {
    if (region_) {
        new std::shared_ptr<Region>(std::move(region_)); // never destroyed, on purpose
    }
    data_ = nullptr;
    bytes_ = 0;
}

} // namespace uakv
