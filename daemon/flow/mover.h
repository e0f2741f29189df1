// Moves the blocks of a tenant between memory and disk: writes cold ones down before they have to leave, brings wanted
// ones back, and answers who waits for that. For the reactor's thread alone.
//
// A store never waits for the disk: what cannot be written in time leaves unsaved. A retrieve waits no longer than its
// deadline: what cannot be read in time is a miss.
#pragma once

#include "daemon/base/workers.h"
#include "daemon/store/below.h"
#include "daemon/store/store.h"
#include "daemon/tiers/disk/disk_tier.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uakv {

class Mover final : public Below {
public:
    struct Options {
        bool compress = true;
        bool only_reused = false;
        std::uint64_t buffer_bytes = 64ULL << 20; // for what is encoded, or is to be decoded
    };

    // Restores the spaces and publishes the blocks that the disk has. `clock` tells the time.
    // The disk goes before the mover, into whose memory it reads until then; store and workers go after it.
    static Result<std::unique_ptr<Mover>> create(Store &store, disk::DiskTier &disk, Workers &workers,
                                                 const Options &options, std::function<disk::Moment()> clock);
    ~Mover() override;
    Mover(const Mover &) = delete;
    Mover &operator=(const Mover &) = delete;
    void reconfigure(const Options &options);

    // ---- what clients ask --------------------------------------------------------------------------------

    using Tag = std::uint64_t; // chosen by the caller, given back unread; of each kind of its own
    struct Load {
        SpaceId space = 0;
        uakv_key key{};
        std::uint64_t deadline_ns = 0; // now_ns()
        bool as_stored = false;        // a frame will do: the client decodes it
        Tag tag = 0;
    };
    // Answer: UAKV_OK: the block is in memory now (look again). UAKV_MISS: it is nowhere, there is no room for it, or
    // it cannot be had before the deadline. UAKV_ERR_IO, UAKV_ERR_CORRUPT.
    void load(const Load &load);

    // Nobody waits for it any more: no answer comes. The work goes on for others.
    void cancel(Tag tag);

    // A hint: no answer.
    void prefetch(SpaceId space, const uakv_key &key);

    // Answer: UAKV_OK: every block of the space that was committed before is on stable storage, or has been removed
    // since. UAKV_ERR_NO_SPACE, UAKV_ERR_IO: some are not.
    void flush(SpaceId space, Tag tag);

    struct Answer {
        Tag tag = 0;
        uakv_status status = UAKV_OK;
    };
    // What was answered since the last call.
    std::vector<Answer> take_answers();

    // ---- what operators ask ------------------------------------------------------------------------------

    // Brings up to `count` of the most used blocks (of one space, or of all) into memory, as long as there is room.
    void warm(std::optional<SpaceId> space, std::uint64_t count);

    struct Statistics {
        std::uint64_t loads = 0; // blocks brought into memory
        std::uint64_t bytes_loaded = 0;
        std::uint64_t load_joins = 0; // requests that joined one under way
        std::uint64_t load_late = 0;  // misses because it would have taken too long
        std::uint64_t load_no_room = 0;
        std::uint64_t prefetches = 0;
        std::uint64_t cleaned = 0;         // blocks written
        std::uint64_t unsaved = 0;         // evicted without being on disk
        std::uint64_t kept_off = 0;        // of them, for they were never hit (disk_admit: reused)
        std::uint64_t encoded = 0;         // blocks written as a frame
        std::uint64_t encoded_in_vain = 0; // a frame would not have saved a tenth
        std::uint64_t bytes_before_encoding = 0;
        std::uint64_t bytes_after_encoding = 0;
        std::uint64_t warm_left = 0;
    };
    Statistics statistics() const;
    disk::DiskTier &disk();
    const disk::DiskTier &disk() const;

    // Memory that the disk is written from and read into, beside that of the store: for the device to know.
    std::span<std::byte> buffers() const;

    // ---- turns -------------------------------------------------------------------------------------------

    // Goes on with everything; bounded. When it wants to be called again at the latest (ns from now); 0: at once.
    std::uint64_t turn();

    // The daemon stops: writes what is only in memory for up to `timeout_ns`, the most used first, and closes the disk.
    // Waits: `wait` sleeps until something of the device or the workers is done.
    void stop(std::uint64_t timeout_ns, const std::function<void()> &wait);

    // Below.
    void stored(EntryId entry) override;
    bool evicted(EntryId entry) override;
    bool has(EntryId entry) const override;
    void forgotten(SpaceId space, const uakv_key &key, Departure why) override;
    void used(EntryId entry, std::uint32_t times) override;
    void clear_begun(SpaceId space) override;
    void clear_ended(SpaceId space) override;

private:
    struct State;
    explicit Mover(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

} // namespace uakv
