// One attachment to one daemon: the connection and all that is mapped through it. When the daemon goes, the client
// makes another; this one then only keeps the memory of the views and slots that are still open on it.
#pragma once

#include "clientlib/connection.h"
#include "clientlib/grants.h"
#include "clientlib/lease_cover.h"
#include "clientlib/segments.h"
#include "clientlib/submitter.h"
#include "ipc/lookup.h"
#include "ipc/mapping.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace uakv {

// Where a client attaches, and as whom.
struct Target {
    std::string socket_path;
    HelloMessage hello;

    bool read_only() const { return (hello.flags & UAKV_READ_ONLY) != 0; }
};

constexpr SpaceId no_space = UINT32_MAX;

class Attachment {
public:
    // Connects, shakes hands and maps. `number` tells it from the client's others; it is never 0.
    static Result<std::unique_ptr<Attachment>> make(const Target &target, std::uint32_t number,
                                                    std::uint64_t deadline_ns);

    std::uint32_t number() const { return number_; }
    SessionLayout &session() const { return *session_; }
    const Lookup &lookup() const { return *lookup_; }
    Segments &segments() { return *segments_; }
    const Segments &segments() const { return *segments_; }
    Grants &grants() { return *grants_; }
    Submitter &submitter() { return *submitter_; }
    Connection &connection() { return connection_; }
    const Fd &bell() const { return bell_; }
    std::uint64_t leased_bytes_max() const { return leased_bytes_max_; }

    // The daemon's numbers of the client's spaces; no_space where it refused one.
    SpaceId space_id(std::uint32_t index) const { return (*space_ids_)[index].load(std::memory_order_acquire); }
    void set_space_id(std::uint32_t index, SpaceId id) { (*space_ids_)[index].store(id, std::memory_order_release); }

    // Before the first lease on a word.
    void cover(std::uint32_t word) { lease_cover_.cover(*session_, word); }

    // Somebody has found out that the daemon is gone.
    bool lost() const { return connection_.known_lost(); }

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
    explicit Attachment(std::uint32_t number) : number_(number) {}
    Result<void> map_regions(const Connection::Attached &attached);

    const std::uint32_t number_;
    Connection connection_;
    Fd bell_;
    std::uint64_t leased_bytes_max_ = 0;
    Mapping index_;
    Mapping session_mapping_;
    SessionLayout *session_ = nullptr;
    std::optional<Lookup> lookup_;
    std::optional<Segments> segments_;
    std::optional<Grants> grants_;
    std::optional<Submitter> submitter_;
    using SpaceIds = std::array<std::atomic<SpaceId>, limits::spaces_max>;
    std::unique_ptr<SpaceIds> space_ids_;
    LeaseCover lease_cover_;
};

} // namespace uakv
