// One attachment to one daemon: the connection and all that is mapped through it. When the daemon goes, hits go on
// through it until the client has another; from then on it only keeps the memory of the views and slots that are still
// open on it. As long as it is there, a new daemon that goes on with the same index holds on to them too.
#pragma once

#include "clientlib/connection.h"
#include "clientlib/grants.h"
#include "clientlib/lease_cover.h"
#include "clientlib/segments.h"
#include "clientlib/submitter.h"
#include "ipc/device_session.h"
#include "ipc/lookup.h"
#include "ipc/mapping.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace uakv {

// What goes with the session of a device's client, and before its memory goes.
class SessionCompanion {
public:
    virtual ~SessionCompanion() = default;
};

// What is different where blocks lie on a device: clientlib/cuda.
class DeviceLink {
public:
    virtual ~DeviceLink() = default;
    virtual HelloDeviceMessage hello(const HelloMessage &host) const = 0;
    virtual std::shared_ptr<SegmentMapper> make_mapper(std::uint32_t capacity, std::uint64_t bytes, Access access) = 0;
    virtual std::unique_ptr<SessionCompanion> accompany(DeviceSessionLayout &session) = 0;
};

// Where a client attaches, and as whom.
struct Target {
    std::string socket_path;
    HelloMessage hello;
    DeviceLink *device = nullptr; // null: to the host's memory

    bool read_only() const { return (hello.flags & UAKV_READ_ONLY) != 0; }
};

constexpr SpaceId no_space = UINT32_MAX;

class Attachment {
public:
    // `number` tells it from the client's others; it is never 0.
    explicit Attachment(std::uint32_t number) : number_(number) {}

    // Connects, shakes hands and maps; then it has memory. After UAKV_ERR_TIMEOUT it goes on where it was when called
    // again; after any other failure the attachment is of no use.
    Result<void> attach(const Target &target, std::uint64_t deadline_ns);

    std::uint32_t number() const { return number_; }
    SessionLayout &session() const { return *session_; }
    const Lookup &lookup() const { return *lookup_; }

    std::uint64_t epoch() const { return epoch_; } // of its index

    // Both lead to one index, with the same segments and slots: the daemon of one has gone on with what that of the
    // other had left.
    bool has_same_index(const Attachment &other) const { return epoch_ == other.epoch_; }

    // It is another daemon that has. To the same one, an attachment that is lost is over, with all that it held.
    bool succeeds(const Attachment &other) const { return has_same_index(other) && daemon_ != other.daemon_; }
    Segments &segments() { return *segments_; }
    const Segments &segments() const { return *segments_; }
    Grants &grants() { return *grants_; }
    Submitter &submitter() { return *submitter_; }
    Connection &connection() { return connection_; }
    const Fd &bell() const { return bell_; }
    std::uint64_t leased_bytes_max() const { return leased_bytes_max_; }
    SessionCompanion *companion() const { return companion_.get(); } // null: to the host's memory

    // The daemon's numbers of the client's spaces; no_space where it refused one.
    SpaceId space_id(std::uint32_t index) const { return (*space_ids_)[index].load(std::memory_order_acquire); }
    void set_space_id(std::uint32_t index, SpaceId id) { (*space_ids_)[index].store(id, std::memory_order_release); }

    // Before the first lease on a word.
    void cover(std::uint32_t word) { lease_cover_.cover(*session_, word); }

    // Somebody has found out that the daemon is gone.
    bool lost() const { return connection_.known_lost(); }

    // Ends the session for the daemon, and for those after it that took it over, also while a forked child holds copies
    // of the descriptors. What is read or written through it from here on nobody keeps in place.
    void end_for_all();

    // Asks the kernel, and for the daemon's last word. Empty: it is there.
    std::string why_lost();

    // Users other than views; see Attachments.
    std::atomic<std::uint64_t> visits{0};

    // Unmaps everything; nobody uses it any more.
    void release_memory();
    bool has_memory() const { return session_ != nullptr; }

    // In a forked child: the addresses belong to others there.
    void abandon();

private:
    Result<void> map_regions(const Connection::Attached &attached, std::uint64_t session_bytes);

    const std::uint32_t number_;
    Connection connection_;
    Fd bell_;
    std::uint64_t leased_bytes_max_ = 0;
    std::uint64_t epoch_ = 0;  // of the index
    std::uint32_t daemon_ = 0; // see WelcomeMessage
    Mapping index_;
    Mapping session_mapping_;
    SessionLayout *session_ = nullptr;
    std::unique_ptr<SessionCompanion> companion_;
    std::optional<Lookup> lookup_;
    std::optional<Segments> segments_;
    std::optional<Grants> grants_;
    std::optional<Submitter> submitter_;
    using SpaceIds = std::array<std::atomic<SpaceId>, limits::spaces_max>;
    std::unique_ptr<SpaceIds> space_ids_;
    LeaseCover lease_cover_;
};

} // namespace uakv
