// Blocks on their way from the arena to the host. A block is held in the arena while its copy is under way, and its
// slot on the host is granted to the daemon; then its bytes are hashed there, and it is committed as if a client had
// stored it. One key is under way once at a time.
//
// Soon after a block is stored it is copied, the oldest first; where the arena is pressed, what leaves next comes
// before. A block that was forgotten meanwhile is not committed; one that had to leave the arena is.
#pragma once

#include "daemon/flow/block_key.h"
#include "daemon/flow/device_context.h"

#include <array>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

namespace uakv::flow {

class DeviceDowns {
public:
    // `finished` hears of each copy that somebody waits for: who, and how it ended.
    using Waiter = std::uint64_t;
    static constexpr Waiter nobody = 0;

    DeviceDowns(DeviceContext &context, std::uint64_t seed) : context_(context), by_key_(0, BlockKeyHash{seed}) {}
    ~DeviceDowns();
    DeviceDowns(const DeviceDowns &) = delete;
    DeviceDowns &operator=(const DeviceDowns &) = delete;

    // Something entered or left this class of the arena.
    void changed(SizeClass size_class) { ++changes_[size_class]; }

    // It is in the arena, perhaps alone.
    void stored(EntryId entry);

    enum class Begun : std::uint8_t {
        yes,
        not_now,    // enough is under way, there is no room on the host, or an older block of the key is on its way
        there,      // the host has it, or it is not in the arena any more
        not_at_all, // it cannot be copied
        under_way   // already; `waiter` hears of that one
    };
    Begun begin(EntryId entry, Waiter waiter = nobody);

    bool owns(BlockCopier::Tag tag) const { return downs_.count(tag) != 0; }
    void copied(BlockCopier::Tag tag, uakv_status status);

    void forgotten(const BlockKey &block);
    void forgotten(SpaceId space); // all of it
    bool is_under_way(const BlockKey &block) const { return by_key_.count(block) != 0; }

    bool any() const { return !downs_.empty() || !queue_.empty(); }
    std::uint64_t waiting() const { return queue_.size(); }
    std::uint64_t under_way() const { return downs_.size(); }

    // How the copies ended that somebody waited for, since the last call.
    struct Ended {
        Waiter waiter = nobody;
        uakv_status status = UAKV_OK;
    };
    std::vector<Ended> take_ended() { return std::exchange(ended_, {}); }

    // Bounded. When it wants to be called again at the latest, in ns from now.
    std::uint64_t turn(std::uint64_t now_ns);

private:
    struct Down {
        EntryId entry = 0;
        Generation generation = 0;
        BlockKey block; // in the arena
        BlockDescription description;
        SpaceId host_space = 0;
        SlotRef slot; // on the host
        bool held = true;
        bool forgotten = false;
        std::uint64_t checksum = 0;
        std::vector<Waiter> waiters;
    };

    bool has_room(std::uint64_t bytes) const;
    bool host_takes(const BlockDescription &block, SpaceId host_space) const;
    void hash(BlockCopier::Tag tag, Down &down);
    uakv_status commit(const Down &down);
    void finish(BlockCopier::Tag tag, uakv_status status);
    void prune();
    bool begin_coldest();
    bool begin_queued();

    DeviceContext &context_;
    std::unordered_map<BlockCopier::Tag, Down> downs_; // nodes stay where they are: jobs write to them
    std::unordered_map<BlockKey, BlockCopier::Tag, BlockKeyHash> by_key_;
    std::uint64_t bytes_ = 0;
    std::deque<std::pair<EntryId, Generation>> queue_;
    std::array<std::uint32_t, size_classes> changes_{};
    std::vector<EntryId> coldest_;       // scratch
    std::uint64_t again_ns_ = 0;         // after the host had no room
    std::uint64_t refused_pause_ns_ = 0; // of the last refusal for want of room; 0: there was none since
    std::vector<Ended> ended_;
};

} // namespace uakv::flow
