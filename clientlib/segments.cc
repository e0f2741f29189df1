#include "clientlib/segments.h"

#include "ipc/memfd.h"
#include "ipc/sequence_point.h"

namespace uakv {

Segments::Segments(Connection &connection, std::uint32_t capacity, std::uint64_t bytes, Access access)
    : connection_(connection), capacity_(capacity), bytes_(bytes), access_(access),
      bases_(std::make_unique<std::atomic<std::byte *>[]>(capacity)) {}

Result<std::byte *> Segments::map(SegmentId segment, std::uint64_t deadline_ns) {
    UAKV_ASSERT(segment < capacity_);
    if (std::byte *base = known(segment); base != nullptr) {
        return base;
    }
    auto fd = connection_.get_segment(segment, deadline_ns);
    if (!fd.ok()) {
        return fd.take_error();
    }
    UAKV_SEQUENCE_POINT(segment_received);
    auto bytes = memfd_bytes(fd.value());
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (bytes.value() != bytes_) {
        return error(UAKV_ERR_VERSION, "segment %u has %llu bytes; expected %llu", segment,
                     static_cast<unsigned long long>(bytes.value()), static_cast<unsigned long long>(bytes_));
    }
    const std::scoped_lock lock(mutex_);
    if (std::byte *base = known(segment); base != nullptr) {
        return base; // another thread was faster
    }
    auto mapping = Mapping::map(fd.value(), bytes_, access_);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    mapping.value().keep_from_children();
    mapping.value().prefer_huge_pages();
    UAKV_SEQUENCE_POINT(segment_mapped);
    std::byte *base = mapping.value().data();
    mappings_.push_back(std::make_shared<Mapping>(std::move(mapping.value())));
    bases_[segment].store(base, std::memory_order_release);
    return base;
}

// Nobody else uses these yet.
void Segments::share(Segments &other) {
    UAKV_ASSERT(mappings_.empty() && capacity_ == other.capacity_ && bytes_ == other.bytes_);
    const std::scoped_lock lock(other.mutex_);
    mappings_ = other.mappings_;
    for (SegmentId segment = 0; segment < capacity_; ++segment) {
        bases_[segment].store(other.known(segment), std::memory_order_relaxed);
    }
}

void Segments::abandon() {
    for (const auto &mapping : mappings_) {
        mapping->abandon();
    }
}

} // namespace uakv
