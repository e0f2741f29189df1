// Moves the blocks of a tenant between the memory of a device (its arena) and that of the host: copies what is stored
// in the arena down soon, so that the host finds it and the disk gets it; brings wanted blocks up, and answers who
// waits for that. For the reactor's thread alone.
//
// A store on the device never waits for a copy: what cannot be copied in time leaves unsaved. A retrieve waits no
// longer than its deadline: what cannot be had in time is a miss. A block that was removed while its copy was under way
// does not come back by it.
#pragma once

#include "daemon/base/workers.h"
#include "daemon/flow/mover.h"
#include "daemon/store/below.h"
#include "daemon/store/block_copier.h"
#include "daemon/store/store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace uakv {

class DeviceMover final : public Below {
public:
    // What the tenant has, beside the arena. All of it goes after the mover.
    struct Host {
        Store &store;
        Mover *mover = nullptr; // null: there is no disk
    };

    // A bit that Mover::Tags of this kind have, and those of its other callers do not.
    static constexpr Mover::Tag host_tag = 1ULL << 63;
    static constexpr unsigned tags_shift = 48;

    // Below the arena's store from here on. `tags` tells the movers of a tenant apart: the tags of what it asks the
    // host's mover for are host_tag and this in the bits from tags_shift on. `clock` tells now_ns. The copier goes
    // before the mover: it copies into what is ours until then.
    DeviceMover(Store &arena, const Host &host, BlockCopier &copier, Workers &workers, std::uint32_t tags,
                std::function<std::uint64_t()> clock);
    ~DeviceMover() override;
    DeviceMover(const DeviceMover &) = delete;
    DeviceMover &operator=(const DeviceMover &) = delete;

    // ---- what clients ask --------------------------------------------------------------------------------

    using Tag = Mover::Tag;
    struct Load {
        SpaceId space = 0; // of the arena, as everywhere here
        uakv_key key{};
        std::uint64_t deadline_ns = 0;
        Tag tag = 0;
    };
    // Answer: UAKV_OK: the block is in the arena now (look again). UAKV_MISS: it is nowhere, there is no room for it,
    // or it cannot be had before the deadline. UAKV_ERR_GPU: it cannot be copied. UAKV_ERR_IO, UAKV_ERR_CORRUPT.
    void load(const Load &load);

    // Nobody waits for it any more: no answer comes. The work goes on for others.
    void cancel(Tag tag);

    // A hint, with no answer: true when the block is on its way.
    bool prefetch(SpaceId space, const uakv_key &key);

    // Answer: UAKV_OK: the host has had every block of the space that was committed before, or it has been removed
    // since. UAKV_ERR_NO_SPACE, UAKV_ERR_GPU: it has not had some.
    void flush(SpaceId space, Tag tag);

    // What was answered since the last call.
    std::vector<Mover::Answer> take_answers();

    // An answer of the host's mover that has our tag.
    void host_answered(const Mover::Answer &answer);

    // ---- what is removed is gone everywhere --------------------------------------------------------------

    // The space of the host that a space of the arena belongs to, by its name: made where there is none yet. Nothing
    // where there cannot be one: its description is another there.
    std::optional<SpaceId> host_space(SpaceId space);
    // The other way round; nothing where the arena has none. With `make` it gets one, if it can.
    std::optional<SpaceId> arena_space(SpaceId host_space, bool make = false);

    // Takes the block from the arena, and gives up what is under way of it. False: the arena did not have it.
    bool remove(SpaceId space, const uakv_key &key);

    // ---- what operators ask ------------------------------------------------------------------------------

    struct Statistics {
        std::uint64_t down = 0; // blocks copied to the host
        std::uint64_t bytes_down = 0;
        std::uint64_t up = 0; // blocks brought into the arena
        std::uint64_t bytes_up = 0;
        std::uint64_t load_joins = 0;   // requests that joined one under way
        std::uint64_t load_late = 0;    // misses because it took too long
        std::uint64_t load_no_room = 0; // misses for want of room in the arena
        std::uint64_t down_no_room = 0; // waits for room on the host
        std::uint64_t unsaved = 0;      // evicted without the host having them
        std::uint64_t errors = 0;       // copies that failed
        std::uint64_t waiting = 0;      // blocks to be looked at: perhaps they have to be copied down
        std::uint64_t under_way = 0;    // copies, both ways
        bool failed = false;            // the device does not copy any more
    };
    Statistics statistics() const;

    // ---- turns -------------------------------------------------------------------------------------------

    // Goes on with everything; bounded. When it wants to be called again at the latest (ns from now); 0: at once.
    std::uint64_t turn();

    // The daemon stops: copies down what the host does not have for up to `timeout_ns`. Waits: `wait` sleeps until
    // something of the copier or the workers is done. The host's mover goes on after it.
    void stop(std::uint64_t timeout_ns, const std::function<void()> &wait);

    // Below.
    void stored(EntryId entry) override;
    bool evicted(EntryId entry) override;
    bool has(EntryId /*entry*/) const override { return false; } // an arena has no cold entries
    void forgotten(SpaceId space, const uakv_key &key, Departure why) override;
    void used(EntryId /*entry*/, std::uint32_t /*times*/) override {}
    void clear_begun(SpaceId space) override;
    void clear_ended(SpaceId space) override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace uakv
