// The segments that this process has mapped: each lazily, once, for as long as an attachment is there whose index leads
// to it. What a descriptor becomes here, host memory or that of a device, is the mapper's matter.
#pragma once

#include "clientlib/connection.h"
#include "ipc/mapping.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace uakv {

// A segment as it lies in this process; unmapped when nobody holds it any more.
class MappedSegment {
public:
    virtual ~MappedSegment() = default;
    virtual std::byte *base() const = 0; // of a device: an address there
    virtual void abandon() = 0;          // in a forked child: the addresses belong to others there
};

class SegmentMapper {
public:
    virtual ~SegmentMapper() = default;
    virtual Result<std::shared_ptr<MappedSegment>> map(SegmentId segment, const Fd &fd) = 0;
};

// For segments that are memfds of this many bytes.
std::shared_ptr<SegmentMapper> make_host_mapper(std::uint64_t bytes, Access access);

class Segments {
public:
    Segments(Connection &connection, std::uint32_t capacity, std::uint64_t bytes,
             std::shared_ptr<SegmentMapper> mapper);

    // Where the segment begins in this process; null when it was not mapped yet.
    std::byte *known(SegmentId segment) const { return bases_[segment].load(std::memory_order_acquire); }

    // The same, asking the daemon for the segment the first time.
    Result<std::byte *> map(SegmentId segment, std::uint64_t deadline_ns);

    // Takes over what the other has mapped, of the same index.
    void share(Segments &other);

    std::uint64_t bytes() const { return bytes_; }
    void abandon();

private:
    Connection &connection_;
    std::uint32_t capacity_;
    std::uint64_t bytes_;
    std::shared_ptr<SegmentMapper> mapper_;
    std::unique_ptr<std::atomic<std::byte *>[]> bases_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<MappedSegment>> mapped_;
};

} // namespace uakv
