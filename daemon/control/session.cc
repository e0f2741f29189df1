#include "daemon/control/session.h"

#include "ipc/clock.h"
#include "ipc/kept_slots.h"
#include "ipc/memfd.h"

#include <fmt/format.h>

namespace uakv {

Result<SharedSession> SharedSession::create() {
    SharedSession shared;
    auto memory = create_memfd("uakv-session", sizeof(SessionLayout));
    if (!memory.ok()) {
        return memory.take_error();
    }
    shared.memory = std::move(memory.value());
    if (auto allocated = allocate_memfd(shared.memory, 0, sizeof(SessionLayout)); !allocated.ok()) {
        return allocated.take_error();
    }
    auto mapping = Mapping::map(shared.memory, sizeof(SessionLayout), Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    shared.mapping = std::move(mapping.value());
    auto doorbell = create_doorbell();
    if (!doorbell.ok()) {
        return doorbell.take_error();
    }
    shared.doorbell = std::move(doorbell.value());
    shared.layout().header.magic = session_magic;
    shared.layout().header.layout_version = session_layout_version;
    return shared;
}

Session::Session(std::uint32_t number, Fd socket, PeerIdentity peer, Store &store)
    : number_(number), socket_(std::move(socket)), peer_(std::move(peer)), store_(store), connected_ns_(now_ns()) {}

Session::~Session() {
    if (shared_) {
        store_.leases().detach(layout());
    }
    for (const std::uint64_t key : grants_) {
        store_.give_back({static_cast<SegmentId>(key >> 32), static_cast<std::uint32_t>(key)});
    }
}

std::string Session::name() const {
    return fmt::format("client {} (pid {}, uid {})", number_, peer_.pid, peer_.uid);
}

void Session::welcome(SharedSession shared, bool read_only) {
    UAKV_ASSERT(!shared_);
    shared_ = std::move(shared);
    read_only_ = read_only;
    ring_.emplace(layout());
    const bool asleep = ring_->sleep_unless_pending();
    UAKV_ASSERT(asleep); // nobody else has the memory yet
    store_.leases().attach(layout());
}

bool Session::drain_touches() {
    return touches_.drain(layout(), store_.index().entry_capacity(), [this](EntryId entry) { store_.touch(entry); });
}

bool Session::reclaim() {
    const std::size_t before = grants_.size();
    reclaim_kept(
        layout(),
        [this](SegmentId segment, std::uint32_t slot) {
            return holds({segment, slot});
        },
        [this](SegmentId segment, std::uint32_t slot) {
            let_go({segment, slot});
            store_.give_back({segment, slot});
        });
    return grants_.size() < before;
}

} // namespace uakv
