#include "support/fakecuda/address_space.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <sys/mman.h>

namespace uakv::fakecuda {
namespace {

void *host(DevicePtr pointer) {
    return reinterpret_cast<void *>(pointer & ~device_bias);
}

std::size_t whole_pages(std::size_t bytes) {
    return (bytes + 4095) / 4096 * 4096;
}

// Whether this process has all of it mapped, and may write to it.
bool is_mapped_here(DevicePtr begin, std::size_t bytes, bool writable) {
    std::ifstream maps("/proc/self/maps");
    DevicePtr covered = begin;
    for (std::string line; covered < begin + bytes && std::getline(maps, line);) {
        unsigned long from = 0;
        unsigned long to = 0;
        char rights[5] = {};
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, rights) == 3 && from <= covered && covered < to &&
            rights[0] == 'r' && (rights[1] == 'w' || !writable)) {
            covered = to;
        }
    }
    return covered >= begin + bytes;
}

// The first element of an ordered map that overlaps the range, or end().
template <typename Map, typename Bytes> auto overlap(Map &map, DevicePtr begin, std::size_t bytes, Bytes bytes_of) {
    auto place = map.upper_bound(begin);
    if (place != map.begin()) {
        const auto before = std::prev(place);
        if (before->first + bytes_of(before->second) > begin) {
            return before;
        }
    }
    return place != map.end() && place->first < begin + bytes ? place : map.end();
}

constexpr auto bytes_of = [](const auto &element) { return element.bytes; };

} // namespace

AddressSpace &AddressSpace::get() {
    static AddressSpace &space = *new AddressSpace;
    return space;
}

Status AddressSpace::reserve(DevicePtr *pointer, std::size_t bytes, std::size_t alignment) {
    const std::size_t granularity = Process::get().options().granularity;
    alignment = std::max(alignment, granularity);
    if (bytes == 0 || bytes % granularity != 0 || (alignment & (alignment - 1)) != 0) {
        return error_invalid_value;
    }
    void *place = ::mmap(nullptr, bytes + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) {
        return error_out_of_memory;
    }
    const auto begin = reinterpret_cast<DevicePtr>(place);
    const DevicePtr aligned = (begin + alignment - 1) / alignment * alignment;
    if (aligned != begin) {
        ::munmap(place, aligned - begin);
    }
    if (const std::size_t behind = begin + alignment - aligned; behind != 0) {
        ::munmap(reinterpret_cast<void *>(aligned + bytes), behind);
    }
    *pointer = aligned | device_bias;
    const std::lock_guard lock(mutex_);
    reserved_[*pointer] = bytes;
    return success;
}

Status AddressSpace::free(DevicePtr pointer, std::size_t bytes) {
    const std::scoped_lock lock(in_use_, mutex_);
    const auto place = reserved_.find(pointer);
    if (place == reserved_.end() || place->second != bytes ||
        overlap(mapped_, pointer, bytes, bytes_of) != mapped_.end()) {
        return error_invalid_value;
    }
    ::munmap(host(pointer), bytes);
    reserved_.erase(place);
    return success;
}

Status AddressSpace::map(DevicePtr pointer, std::size_t bytes, AllocationRef allocation) {
    const std::scoped_lock lock(in_use_, mutex_);
    const auto inside = overlap(reserved_, pointer, bytes, [](std::size_t size) { return size; });
    if (allocation == nullptr || bytes == 0 || bytes > allocation->bytes || inside == reserved_.end() ||
        inside->first > pointer || inside->first + inside->second < pointer + bytes) {
        return error_invalid_value;
    }
    if (overlap(mapped_, pointer, bytes, bytes_of) != mapped_.end()) {
        return error_already_mapped;
    }
    const std::size_t pages = whole_pages(bytes);
    if (::mmap(host(pointer), pages, PROT_NONE, MAP_SHARED | MAP_FIXED, allocation->fd, 0) == MAP_FAILED) {
        return error_map_failed;
    }
    ::madvise(host(pointer), pages, MADV_DONTFORK);
    mapped_.emplace(pointer, Mapped{bytes, std::move(allocation), {}});
    return success;
}

std::vector<AddressSpace::Place> AddressSpace::exactly(DevicePtr pointer, std::size_t bytes) {
    std::vector<Place> found;
    DevicePtr next = pointer;
    while (next < pointer + bytes) {
        const Place place = mapped_.find(next);
        if (place == mapped_.end()) {
            return {};
        }
        found.push_back(place);
        next += place->second.bytes;
    }
    return next == pointer + bytes ? found : std::vector<Place>();
}

Status AddressSpace::unmap(DevicePtr pointer, std::size_t bytes) {
    std::vector<AllocationRef> ended; // their end must not wait for the locks
    const std::scoped_lock lock(in_use_, mutex_);
    const std::vector<Place> places = exactly(pointer, bytes);
    if (places.empty()) {
        return error_invalid_value;
    }
    for (const Place &place : places) {
        ::mmap(host(place->first), whole_pages(place->second.bytes), PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        ended.push_back(std::move(place->second.allocation));
        mapped_.erase(place);
    }
    return success;
}

Status AddressSpace::free_allocated(DevicePtr pointer) {
    std::size_t bytes = 0;
    std::size_t reserved = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto place = mapped_.find(pointer);
        const auto whole = reserved_.find(pointer);
        if (place == mapped_.end() || whole == reserved_.end() || place->second.allocation->is_exportable) {
            return error_invalid_value;
        }
        bytes = place->second.bytes;
        reserved = whole->second;
    }
    const Status status = unmap(pointer, bytes);
    return status == success ? free(pointer, reserved) : status;
}

Status AddressSpace::set_access(DevicePtr pointer, std::size_t bytes, const AccessDesc *descriptions,
                                std::size_t count) {
    const std::scoped_lock lock(in_use_, mutex_);
    const std::vector<Place> places = exactly(pointer, bytes);
    if (places.empty() || descriptions == nullptr || count == 0) {
        return error_invalid_value;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const AccessDesc &each = descriptions[i];
        if (each.location.type != location_device || !Process::get().has_device(each.location.id)) {
            return error_invalid_device;
        }
        if (each.flags != access_none && each.flags != access_read && each.flags != access_read_write) {
            return error_invalid_value;
        }
        for (const Place &place : places) {
            place->second.access[static_cast<std::size_t>(each.location.id)] = each.flags;
        }
    }
    for (const Place &place : places) {
        int flags = access_none;
        for (const int each : place->second.access) {
            flags |= each;
        }
        const int rights = ((flags & access_read) != 0 ? PROT_READ : 0) | ((flags & 2) != 0 ? PROT_WRITE : 0);
        ::mprotect(host(place->first), whole_pages(place->second.bytes), rights);
    }
    return success;
}

Status AddressSpace::register_host(void *pointer, std::size_t bytes, unsigned flags) {
    const auto begin = reinterpret_cast<DevicePtr>(pointer);
    if (begin == 0 || bytes == 0 || begin % 4096 != 0 || bytes % 4096 != 0 ||
        !is_mapped_here(begin, bytes, (flags & host_register_read_only) == 0)) {
        return error_invalid_value;
    }
    const std::scoped_lock lock(in_use_, mutex_);
    if (overlap(registered_, begin, bytes, bytes_of) != registered_.end()) {
        return error_host_memory_already_registered;
    }
    registered_.emplace(begin, Registered{bytes, flags});
    return success;
}

Status AddressSpace::unregister_host(void *pointer) {
    const std::scoped_lock lock(in_use_, mutex_);
    return registered_.erase(reinterpret_cast<DevicePtr>(pointer)) == 1 ? success : error_host_memory_not_registered;
}

Status AddressSpace::registered_pointer(DevicePtr *device_pointer, void *pointer) const {
    const std::lock_guard lock(mutex_);
    const auto *found = piece(reinterpret_cast<DevicePtr>(pointer), 1);
    if (found == nullptr || (found->second.flags & host_register_device_map) == 0) {
        return error_invalid_value;
    }
    *device_pointer = reinterpret_cast<DevicePtr>(pointer) | registered_bias;
    return success;
}

const std::pair<const DevicePtr, AddressSpace::Registered> *AddressSpace::piece(DevicePtr host,
                                                                                std::size_t bytes) const {
    const auto place = overlap(registered_, host, bytes, bytes_of);
    const bool holds_all =
        place != registered_.end() && place->first <= host && host + bytes <= place->first + place->second.bytes;
    return holds_all ? &*place : nullptr;
}

std::byte *AddressSpace::device_memory(DevicePtr pointer, std::size_t bytes, Want want, int ordinal) const {
    const int needed = want == Want::write ? access_read_write : access_read;
    for (DevicePtr next = pointer; next < pointer + bytes;) {
        const auto place = overlap(mapped_, next, 1, bytes_of);
        if (place == mapped_.end() || place->first > next ||
            (place->second.access[static_cast<std::size_t>(ordinal)] & needed) != needed) {
            return nullptr;
        }
        next = place->first + place->second.bytes;
    }
    return static_cast<std::byte *>(host(pointer));
}

std::byte *AddressSpace::reach(DevicePtr pointer, std::size_t bytes, Want want, int ordinal) const {
    const std::lock_guard lock(mutex_);
    if ((pointer & device_bias) != 0) {
        return device_memory(pointer, bytes, want, ordinal);
    }
    const DevicePtr host_pointer = pointer & ~registered_bias;
    const auto *found = host_pointer == pointer ? nullptr : piece(host_pointer, bytes);
    if (found == nullptr || (want == Want::write && (found->second.flags & host_register_read_only) != 0)) {
        return nullptr;
    }
    return reinterpret_cast<std::byte *>(host_pointer);
}

std::byte *AddressSpace::reach_for_copy(DevicePtr pointer, std::size_t bytes, Want want, int ordinal) const {
    if ((pointer & (device_bias | registered_bias)) != 0) {
        return reach(pointer, bytes, want, ordinal);
    }
    const std::lock_guard lock(mutex_);
    if (overlap(registered_, pointer, bytes, bytes_of) != registered_.end() && piece(pointer, bytes) == nullptr) {
        return nullptr;
    }
    return reinterpret_cast<std::byte *>(pointer);
}

bool AddressSpace::is_registered(DevicePtr pointer, std::size_t bytes) const {
    const std::lock_guard lock(mutex_);
    return (pointer & device_bias) == 0 && piece(pointer & ~registered_bias, bytes) != nullptr;
}

std::uint64_t AddressSpace::reservations() const {
    const std::lock_guard lock(mutex_);
    return reserved_.size();
}

std::uint64_t AddressSpace::mappings() const {
    const std::lock_guard lock(mutex_);
    return mapped_.size();
}

std::uint64_t AddressSpace::registrations() const {
    const std::lock_guard lock(mutex_);
    return registered_.size();
}

} // namespace uakv::fakecuda
