#include "daemon/control/session.h"

#include "ipc/clock.h"
#include "ipc/kept_slots.h"
#include "ipc/memfd.h"
#include "ipc/sequence_point.h"

#include <fmt/format.h>

namespace uakv {
namespace {

// A client that keeps to its limit may seem to be over it, when a view ends and another begins during the look. The
// chance of that is small, and that it happens so often in a row is out of the question.
constexpr std::uint32_t looks_over_max = 20;

} // namespace

Result<SharedSession> SharedSession::create(LeaseTables::Kind kind) {
    SharedSession shared;
    const std::uint64_t bytes = kind == LeaseTables::Kind::device ? sizeof(DeviceSessionLayout) : sizeof(SessionLayout);
    auto memory = create_memfd("uakv-session", bytes);
    if (!memory.ok()) {
        return memory.take_error();
    }
    shared.memory = std::move(memory.value());
    if (auto allocated = allocate_memfd(shared.memory, 0, bytes); !allocated.ok()) {
        return allocated.take_error();
    }
    auto mapping = Mapping::map(shared.memory, bytes, Access::read_write);
    if (!mapping.ok()) {
        return mapping.take_error();
    }
    shared.mapping = std::move(mapping.value());
    shared.mapping.keep_out_of_dumps();
    auto doorbell = create_doorbell();
    if (!doorbell.ok()) {
        return doorbell.take_error();
    }
    shared.doorbell = std::move(doorbell.value());
    auto bell = create_bell();
    if (!bell.ok()) {
        return bell.take_error();
    }
    shared.bell = std::move(bell.value());
    shared.layout().header.magic = session_magic;
    shared.layout().header.layout_version = session_layout_version;
    return shared;
}

Session::Session(std::uint32_t number, Fd socket, PeerIdentity peer)
    : number_(number), socket_(std::move(socket)), peer_(std::move(peer)), heard_ns_(now_ns()) {}

Session::~Session() {
    keep_report(Fd());
    if (!shared_) {
        return;
    }
    cache_->detach(*this);
    if (left_behind_) {
        return;
    }
    // Whatever the client did comes before what others do with its slots. The kernel, which told of the hang-up, sees
    // to that; this says so in terms of the memory itself, which is all that the thread sanitizer knows of.
    static_cast<void>(load_acquire(layout().header.submission_tail));
    std::vector<SlotRef> kept;
    reclaim(kept);
    std::vector<SlotRef> slots;
    for (const std::uint64_t key : grants_) {
        slots.push_back({static_cast<SegmentId>(key >> 32), static_cast<std::uint32_t>(key)});
    }
    if (cache_->is_device()) {
        cache_->quarantine().add(std::move(slots), std::move(process), std::move(kept_), now_ns());
        return;
    }
    for (const SlotRef slot : slots) {
        cache_->store().give_back(slot);
        UAKV_SEQUENCE_POINT(session_slot_returned);
    }
}

DeviceSessionLayout *Session::device_layout() const {
    return cache_->is_device() ? &shared_->mapping.at<DeviceSessionLayout>(0) : nullptr;
}

std::string Session::name() const {
    const std::string of = cache_ != nullptr ? ", tenant " + tenant().name() : "";
    return fmt::format("client {} (pid {}, uid {}{})", number_, peer_.pid, peer_.uid, of);
}

void Session::note_report() {
    heard_ns_ = now_ns();
    reporting_ = true;
}

void Session::keep_report(Fd region) {
    if (report_.valid()) {
        empty_memfd(report_);
    }
    report_ = std::move(region);
}

void Session::welcome(Cache &cache, std::vector<Charge> charges, SharedSession shared, bool read_only) {
    UAKV_ASSERT(!shared_);
    cache_ = &cache;
    charges_ = std::move(charges);
    shared_ = std::move(shared);
    read_only_ = read_only;
    UAKV_ASSERT(shared_->mapping.bytes() == cache.session_bytes());
    leased_bytes_max_ = cache.leased_bytes_max();
    ring_.emplace(layout(), shared_->bell.rope);
    const bool asleep = ring_->sleep_unless_pending(0);
    UAKV_ASSERT(asleep); // nobody else has the memory yet
    cache_->attach(*this);
}

void Session::leave_behind() {
    kept_->leave();
    left_behind_ = true;
}

std::optional<std::uint64_t> Session::leased_too_much() {
    if (leased_bytes_max_ == 0) {
        return std::nullopt;
    }
    const std::uint64_t leased_bytes = cache_->store().leased_bytes(layout());
    looks_over_ = leased_bytes > leased_bytes_max_ ? looks_over_ + 1 : 0;
    return looks_over_ >= looks_over_max ? std::optional(leased_bytes) : std::nullopt;
}

void Session::take_leases_back() {
    UAKV_ASSERT(ended && !leases_taken_); // its client finds out why as soon as it sees this
    leases_taken_ = true;
    leased_bytes_max_ = 0;
    void_leases(layout());
    cache_->store().leases().detach(layout());
    cache_->count_revocation();
}

bool Session::drain_touches() {
    Store &store = cache_->store();
    return touches_.drain(layout(), store.index().entry_capacity(), [&store](EntryId entry) { store.touch(entry); });
}

void Session::reclaim(std::vector<SlotRef> &reclaimed) {
    reclaim_kept(
        layout(),
        [this](SegmentId segment, std::uint32_t slot) {
            return holds({segment, slot});
        },
        [&](SegmentId segment, std::uint32_t slot) {
            let_go({segment, slot});
            cache_->store().give_back({segment, slot});
            reclaimed.push_back({segment, slot});
        });
}

} // namespace uakv
