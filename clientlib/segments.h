// The segments that this process has mapped: each lazily, once, for as long as an attachment is there whose index leads
// to it.
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

class Segments {
public:
    Segments(Connection &connection, std::uint32_t capacity, std::uint64_t bytes, Access access);

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
    Access access_;
    std::unique_ptr<std::atomic<std::byte *>[]> bases_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Mapping>> mappings_;
};

} // namespace uakv
