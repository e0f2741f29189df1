#include "daemon/store/host_segments.h"

#include "daemon/base/machine.h"
#include "daemon/base/units.h"
#include "ipc/memfd.h"

#include <algorithm>

namespace uakv {
namespace {

// What is left to the machine: where memory is promised beyond what there is, the kernel would kill
// somebody for the last pages instead of refusing them.
std::uint64_t reserve_bytes() {
    return std::max<std::uint64_t>(128ULL << 20, machine_memory_bytes() / 32);
}

} // namespace

Result<MadeSegment> HostSegments::make(std::uint64_t bytes) {
    if (const std::uint64_t available = available_memory_bytes(); available < bytes + reserve_bytes()) {
        return error(UAKV_ERR_NO_SPACE, "the machine has %s of memory available, and %s are left to it",
                     format_size(available).c_str(), format_size(reserve_bytes()).c_str());
    }
    MadeSegment segment;
    auto fd = create_memfd("uakv-segment", bytes);
    if (!fd.ok()) {
        return fd.take_error();
    }
    segment.fd = std::move(fd.value());
    auto read_only = reopen_read_only(segment.fd);
    if (!read_only.ok()) {
        return read_only.take_error();
    }
    segment.read_only_fd = std::move(read_only.value());
    auto mapping = Mapping::map(segment.fd, bytes, Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    segment.mapping = std::move(mapping.value());
    segment.mapping.keep_out_of_dumps();
    segment.mapping.prefer_huge_pages();
    segment.mapping.make_huge_pages(bytes);
    if (auto allocated = allocate_memfd(segment.fd, 0, bytes); !allocated.ok()) {
        return allocated.take_error();
    }
    if (auto populated = segment.mapping.populate(); !populated.ok()) {
        return populated.take_error();
    }
    return segment;
}

Result<MadeSegment> HostSegments::adopt(Fd fd, std::uint64_t segment_bytes) {
    auto bytes = memfd_bytes(fd);
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (bytes.value() != segment_bytes) {
        return error(UAKV_ERR_LAYOUT, "one of its segments has %llu bytes, not %llu",
                     static_cast<unsigned long long>(bytes.value()), static_cast<unsigned long long>(segment_bytes));
    }
    MadeSegment segment;
    auto read_only = reopen_read_only(fd);
    if (!read_only.ok()) {
        return read_only.take_error();
    }
    auto mapping = Mapping::map(fd, segment_bytes, Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    mapping.value().prefer_huge_pages();
    segment.fd = std::move(fd);
    segment.read_only_fd = std::move(read_only.value());
    segment.mapping = std::move(mapping.value());
    return segment;
}

} // namespace uakv
