#include "support/fakecuda/allocations.h"
#include "support/fakecuda/contexts.h"

#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace uakv::fakecuda {
namespace {

// The page behind the memory.
struct Label {
    char magic[8];
    std::uint64_t bytes;
    Uuid device;
    std::uint8_t is_exportable;
};
constexpr std::size_t label_page = 4096;
constexpr char magic[8] = {'f', 'a', 'k', 'e', 'c', 'u', 'd', 'a'};

struct Allocations {
    std::mutex mutex;
    std::map<std::pair<dev_t, ino_t>, std::weak_ptr<const Allocation>> known;
    std::array<std::uint64_t, devices_max> used = {};
    std::map<MemHandle, AllocationRef> handles;
    MemHandle next_handle = 0x1000;
};

Allocations &all() {
    static Allocations &allocations = *new Allocations;
    return allocations;
}

bool write_label(int fd, std::size_t bytes, int ordinal, bool is_exportable) {
    Label label = {};
    std::memcpy(label.magic, magic, sizeof magic);
    label.bytes = bytes;
    label.device = Process::get().device(ordinal).uuid;
    label.is_exportable = is_exportable;
    return ::ftruncate(fd, static_cast<off_t>(bytes + label_page)) == 0 &&
           ::pwrite(fd, &label, sizeof label, static_cast<off_t>(bytes)) == ssize_t{sizeof label};
}

bool read_label(int fd, Label &label) {
    struct stat status = {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < static_cast<off_t>(label_page)) {
        return false;
    }
    const off_t place = status.st_size - static_cast<off_t>(label_page);
    return ::pread(fd, &label, sizeof label, place) == ssize_t{sizeof label} &&
           std::memcmp(label.magic, magic, sizeof magic) == 0 && label.bytes == static_cast<std::uint64_t>(place);
}

std::pair<dev_t, ino_t> identity(int fd) {
    struct stat status = {};
    (void)::fstat(fd, &status);
    return {status.st_dev, status.st_ino};
}

// With the mutex held: takes the descriptor.
AllocationRef remember(int fd, std::size_t bytes, int ordinal, bool is_exportable) {
    AllocationRef made = std::make_shared<const Allocation>(fd, bytes, ordinal, is_exportable);
    all().known[identity(fd)] = made;
    all().used[static_cast<std::size_t>(ordinal)] += bytes;
    return made;
}

MemHandle add_handle(AllocationRef allocation) {
    const MemHandle handle = all().next_handle++;
    all().handles[handle] = std::move(allocation);
    return handle;
}

Status check(const AllocationProp *properties) {
    if (properties == nullptr || properties->type != allocation_pinned ||
        properties->location.type != location_device || properties->win32_handle_meta_data != nullptr ||
        (properties->requested_handle_types & ~handle_posix_descriptor) != 0) {
        return error_invalid_value;
    }
    const Process &process = Process::get();
    const int ordinal = properties->location.id;
    if (!process.has_device(ordinal)) {
        return error_invalid_device;
    }
    if (process.attribute(ordinal, attribute_virtual_memory_management_supported) == 0 ||
        (properties->requested_handle_types != 0 &&
         process.attribute(ordinal, attribute_posix_descriptor_supported) == 0) ||
        (properties->alloc_flags.gpu_direct_rdma_capable != 0 &&
         process.attribute(ordinal, attribute_gpu_direct_rdma_with_vmm_supported) == 0)) {
        return error_not_supported;
    }
    return success;
}

} // namespace

Allocation::~Allocation() {
    {
        const std::lock_guard lock(all().mutex);
        all().used[static_cast<std::size_t>(ordinal)] -= bytes;
        if (const auto place = all().known.find(identity(fd)); place != all().known.end() && place->second.expired()) {
            all().known.erase(place);
        }
    }
    ::close(fd);
}

Status allocate(AllocationRef &made, std::size_t bytes, int ordinal, bool is_exportable) {
    const std::lock_guard lock(all().mutex);
    if (all().used[static_cast<std::size_t>(ordinal)] + bytes > Process::get().options().memory) {
        return error_out_of_memory;
    }
    const int fd = ::memfd_create("fakecuda", MFD_CLOEXEC);
    if (fd < 0 || !write_label(fd, bytes, ordinal, is_exportable)) {
        ::close(fd);
        return error_operating_system;
    }
    made = remember(fd, bytes, ordinal, is_exportable);
    return success;
}

std::uint64_t used_bytes(int ordinal) {
    const std::lock_guard lock(all().mutex);
    return all().used[static_cast<std::size_t>(ordinal)];
}

std::uint64_t live_handles() {
    const std::lock_guard lock(all().mutex);
    return all().handles.size();
}

AllocationRef allocation_of(MemHandle handle) {
    const std::lock_guard lock(all().mutex);
    const auto place = all().handles.find(handle);
    return place == all().handles.end() ? nullptr : place->second;
}

namespace calls {

Status mem_get_allocation_granularity(std::size_t *bytes, const AllocationProp *properties, int option) {
    if (bytes == nullptr || option < 0 || option > 1) {
        return error_invalid_value;
    }
    *bytes = Process::get().options().granularity;
    return check(properties);
}

Status mem_create(MemHandle *handle, std::size_t bytes, const AllocationProp *properties, unsigned long long flags) {
    if (const Status status = check(properties); status != success) {
        return status;
    }
    if (handle == nullptr || flags != 0 || bytes == 0 || bytes % Process::get().options().granularity != 0) {
        return error_invalid_value;
    }
    AllocationRef made;
    const Status status = allocate(made, bytes, properties->location.id, properties->requested_handle_types != 0);
    if (status == success) {
        const std::lock_guard lock(all().mutex);
        *handle = add_handle(std::move(made));
    }
    return status;
}

Status mem_release(MemHandle handle) {
    AllocationRef held; // its destructor takes the mutex
    const std::lock_guard lock(all().mutex);
    const auto place = all().handles.find(handle);
    if (place == all().handles.end()) {
        return error_invalid_value;
    }
    held = std::move(place->second);
    all().handles.erase(place);
    return success;
}

Status mem_export_to_shareable_handle(void *shareable, MemHandle handle, int type, unsigned long long flags) {
    const AllocationRef allocation = allocation_of(handle);
    if (shareable == nullptr || allocation == nullptr || flags != 0 || type != handle_posix_descriptor) {
        return error_invalid_value;
    }
    if (!allocation->is_exportable) {
        return error_not_permitted;
    }
    const int fd = ::dup(allocation->fd); // inherited by children: whoever does not want that has to say so
    if (fd < 0) {
        return error_operating_system;
    }
    std::memcpy(shareable, &fd, sizeof fd);
    return success;
}

Status mem_import_from_shareable_handle(MemHandle *handle, void *shareable, int type) {
    if (handle == nullptr || type != handle_posix_descriptor) {
        return error_invalid_value;
    }
    const int theirs = static_cast<int>(reinterpret_cast<std::intptr_t>(shareable));
    Label label = {};
    if (!read_label(theirs, label) || label.is_exportable == 0) {
        return error_operating_system;
    }
    const int ordinal = Process::get().ordinal_of(label.device);
    if (ordinal < 0) {
        return error_invalid_device;
    }
    AllocationRef known; // its destructor takes the mutex
    const std::lock_guard lock(all().mutex);
    if (const auto place = all().known.find(identity(theirs)); place != all().known.end()) {
        known = place->second.lock();
    }
    if (known == nullptr) {
        const int fd = ::fcntl(theirs, F_DUPFD_CLOEXEC, 0);
        if (fd < 0) {
            return error_operating_system;
        }
        known = remember(fd, label.bytes, ordinal, true);
    }
    *handle = add_handle(known);
    return success;
}

Status mem_get_info(std::size_t *free, std::size_t *total) {
    *total = Process::get().options().memory;
    *free = *total - static_cast<std::size_t>(used_bytes(current_context()->ordinal));
    return success;
}

} // namespace calls
} // namespace uakv::fakecuda
