#include "clientlib/attachment.h"

#include "ipc/memfd.h"
#include "ipc/sequence_point.h"

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

Result<std::unique_ptr<Attachment>> Attachment::make(const Target &target, std::uint32_t number,
                                                     std::uint64_t deadline_ns) {
    std::unique_ptr<Attachment> made(new Attachment(number));
    auto attached = made->connection_.attach(target.socket_path, target.hello, deadline_ns);
    if (!attached.ok()) {
        return attached.take_error();
    }
    if (auto mapped = made->map_regions(attached.value()); !mapped.ok()) {
        return mapped.take_error();
    }
    const auto &header = made->index_.at<IndexHeader>(0);
    made->bell_ = std::move(attached.value().bell);
    made->leased_bytes_max_ = attached.value().welcome.leased_bytes_max;
    made->lookup_.emplace(IndexRegion::at(made->index_.data()));
    made->segments_.emplace(made->connection_, header.segment_capacity, header.segment_bytes,
                            target.read_only() ? Access::read_only : Access::read_write);
    made->grants_.emplace(*made->session_);
    made->submitter_.emplace(*made->session_, std::move(attached.value().doorbell), made->connection_, *made->grants_);
    made->space_ids_ = std::make_unique<SpaceIds>();
    for (auto &id : *made->space_ids_) {
        id.store(no_space, std::memory_order_relaxed);
    }
    return made;
}

Result<void> Attachment::map_regions(const Connection::Attached &attached) {
    const WelcomeMessage &welcome = attached.welcome;
    if (welcome.session_bytes != sizeof(SessionLayout) || welcome.index_bytes < sizeof(IndexHeader)) {
        return error(UAKV_ERR_VERSION, "the daemon's session has %llu bytes; expected %zu",
                     static_cast<unsigned long long>(welcome.session_bytes), sizeof(SessionLayout));
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

void Attachment::release_memory() {
    submitter_.reset();
    grants_.reset();
    segments_.reset();
    lookup_.reset();
    space_ids_.reset();
    session_ = nullptr;
    session_mapping_ = Mapping();
    index_ = Mapping();
    bell_ = Fd();
    connection_.close();
}

void Attachment::abandon() {
    if (has_memory()) {
        index_.abandon();
        session_mapping_.abandon();
        segments_->abandon();
    }
}

} // namespace uakv
