#include "clientlib/segments.h"

#include "ipc/memfd.h"
#include "ipc/sequence_point.h"

#include <utility>

namespace uakv {
namespace {

class HostSegment final : public MappedSegment {
public:
    explicit HostSegment(Mapping mapping) : mapping_(std::move(mapping)) {}

    std::byte *base() const override { return mapping_.data(); }
    void abandon() override { mapping_.abandon(); }

private:
    Mapping mapping_;
};

class HostMapper final : public SegmentMapper {
public:
    HostMapper(std::uint64_t bytes, Access access) : bytes_(bytes), access_(access) {}

    Result<std::shared_ptr<MappedSegment>> map(SegmentId segment, const Fd &fd) override {
        auto bytes = memfd_bytes(fd);
        if (!bytes.ok()) {
            return bytes.take_error();
        }
        if (bytes.value() != bytes_) {
            return error(UAKV_ERR_VERSION, "segment %u has %llu bytes; expected %llu", segment,
                         static_cast<unsigned long long>(bytes.value()), static_cast<unsigned long long>(bytes_));
        }
        auto mapping = Mapping::map(fd, bytes_, access_);
        if (!mapping.ok()) {
            return mapping.take_error();
        }
        mapping.value().keep_from_children();
        mapping.value().prefer_huge_pages();
        return std::shared_ptr<MappedSegment>(std::make_shared<HostSegment>(std::move(mapping.value())));
    }

private:
    const std::uint64_t bytes_;
    const Access access_;
};

} // namespace

std::shared_ptr<SegmentMapper> make_host_mapper(std::uint64_t bytes, Access access) {
    return std::make_shared<HostMapper>(bytes, access);
}

Segments::Segments(Connection &connection, std::uint32_t capacity, std::uint64_t bytes,
                   std::shared_ptr<SegmentMapper> mapper)
    : connection_(connection), capacity_(capacity), bytes_(bytes), mapper_(std::move(mapper)),
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
    const std::scoped_lock lock(mutex_);
    if (std::byte *base = known(segment); base != nullptr) {
        return base; // another thread was faster
    }
    auto mapped = mapper_->map(segment, fd.value());
    if (!mapped.ok()) {
        return mapped.take_error();
    }
    UAKV_SEQUENCE_POINT(segment_mapped);
    std::byte *base = mapped.value()->base();
    mapped_.push_back(std::move(mapped.value()));
    bases_[segment].store(base, std::memory_order_release);
    return base;
}

// Nobody else uses these yet.
void Segments::share(Segments &other) {
    UAKV_ASSERT(mapped_.empty() && capacity_ == other.capacity_ && bytes_ == other.bytes_);
    const std::scoped_lock lock(other.mutex_);
    mapper_ = other.mapper_;
    mapped_ = other.mapped_;
    for (SegmentId segment = 0; segment < capacity_; ++segment) {
        bases_[segment].store(other.known(segment), std::memory_order_relaxed);
    }
}

void Segments::abandon() {
    for (const auto &mapped : mapped_) {
        mapped->abandon();
    }
}

} // namespace uakv
