#include "clientlib/attachment.h"

#include "ipc/memfd.h"
#include "ipc/sequence_point.h"
#include "ipc/wakeup.h"

namespace uakv {
namespace {

Result<Mapping> map_region(const Fd &fd, std::uint64_t expected, Access access, const char *name) {
    auto bytes = memfd_bytes(fd);
    if (!bytes.ok()) {
        return bytes.take_error();
    }
    if (bytes.value() != expected) {
        return error(UAKV_ERR_VERSION, "the %s region has %llu bytes; expected %llu", name,
                     static_cast<unsigned long long>(bytes.value()), static_cast<unsigned long long>(expected));
    }
    auto mapping = Mapping::map(fd, expected, access);
    if (mapping.ok()) {
        mapping.value().keep_from_children();
    }
    return mapping;
}

} // namespace

Result<void> Attachment::attach(const Target &target, std::uint64_t deadline_ns) {
    auto attached = target.device == nullptr
                        ? connection_.attach(target.socket_path, target.hello, deadline_ns)
                        : connection_.attach(target.socket_path, target.device->hello(target.hello), deadline_ns);
    if (!attached.ok()) {
        return attached.take_error();
    }
    const std::uint64_t session_bytes = target.device == nullptr ? sizeof(SessionLayout) : sizeof(DeviceSessionLayout);
    if (auto mapped = map_regions(attached.value(), session_bytes); !mapped.ok()) {
        return mapped;
    }
    const auto &header = index_.at<IndexHeader>(0);
    bell_ = std::move(attached.value().bell);
    leased_bytes_max_ = attached.value().welcome.leased_bytes_max;
    daemon_ = attached.value().welcome.daemon;
    epoch_ = header.epoch;
    lookup_.emplace(IndexRegion::at(index_.data()));
    const Access access = target.read_only() ? Access::read_only : Access::read_write;
    segments_.emplace(connection_, header.segment_capacity, header.segment_bytes,
                      target.device == nullptr
                          ? make_host_mapper(header.segment_bytes, access)
                          : target.device->make_mapper(header.segment_capacity, header.segment_bytes, access));
    if (target.device != nullptr) {
        companion_ = target.device->accompany(session_mapping_.at<DeviceSessionLayout>(0));
    }
    grants_.emplace(*session_);
    submitter_.emplace(*session_, std::move(attached.value().doorbell), connection_, *grants_);
    space_ids_ = std::make_unique<SpaceIds>();
    for (auto &id : *space_ids_) {
        id.store(no_space, std::memory_order_relaxed);
    }
    return {};
}

Result<void> Attachment::map_regions(const Connection::Attached &attached, std::uint64_t session_bytes) {
    const WelcomeMessage &welcome = attached.welcome;
    if (welcome.session_bytes != session_bytes || welcome.index_bytes < sizeof(IndexHeader)) {
        return error(UAKV_ERR_VERSION, "the daemon's session has %llu bytes; expected %llu",
                     static_cast<unsigned long long>(welcome.session_bytes),
                     static_cast<unsigned long long>(session_bytes));
    }
    auto index = map_region(attached.index, welcome.index_bytes, Access::read_only, "index");
    if (!index.ok()) {
        return index.take_error();
    }
    UAKV_SEQUENCE_POINT(index_mapped);
    auto session = map_region(attached.session, welcome.session_bytes, Access::read_write, "session");
    if (!session.ok()) {
        return session.take_error();
    }
    UAKV_SEQUENCE_POINT(session_mapped);
    index_ = std::move(index.value());
    session_mapping_ = std::move(session.value());
    const auto &header = index_.at<IndexHeader>(0);
    auto &layout = session_mapping_.at<SessionLayout>(0);
    if (header.magic != index_magic || header.layout_version != index_layout_version ||
        layout.header.magic != session_magic || layout.header.layout_version != session_layout_version) {
        return error(UAKV_ERR_VERSION, "the daemon's memory layout (%u, %u) is not this library's (%u, %u)",
                     header.layout_version, layout.header.layout_version, index_layout_version, session_layout_version);
    }
    if (!is_within(header, index_.bytes()) || header.segment_bytes != welcome.segment_bytes) {
        return error(UAKV_ERR_VERSION, "the daemon's index of %zu bytes does not hold what its header says",
                     index_.bytes());
    }
    session_ = &layout;
    index_.prefer_huge_pages();
    return {};
}

std::string Attachment::why_lost() {
    std::string why;
    return connection_.lost(why) ? why : "";
}

void Attachment::end_for_all() {
    connection_.close_for_all();
    if (bell_.valid()) {
        let_go_of_bell(bell_);
    }
}

// The bell comes last: with it the daemon takes back what was held through the memory.
void Attachment::release_memory() {
    companion_.reset();
    submitter_.reset();
    grants_.reset();
    segments_.reset();
    lookup_.reset();
    space_ids_.reset();
    session_ = nullptr;
    session_mapping_ = Mapping();
    index_ = Mapping();
    end_for_all();
    bell_ = Fd();
    connection_.close();
}

void Attachment::abandon() {
    index_.abandon();
    session_mapping_.abandon();
    if (segments_) {
        segments_->abandon();
    }
}

} // namespace uakv
