// Blocks on their way from memory to disk, of whatever cause. A block is held while it is under way: its slot stays as
// it is. One key is under way once at a time.
//
// What becomes of the block meanwhile is noted: one that was forgotten must not be on disk in the end, and one that has
// had to leave memory goes on as a cold entry after all.
#pragma once

#include "daemon/codec/chooser.h"
#include "daemon/flow/block_key.h"
#include "daemon/flow/context.h"

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace uakv::flow {

class Writes {
public:
    // `finished` hears of each write that somebody waits for: who, and how it ended.
    using Waiter = std::uint64_t;
    static constexpr Waiter nobody = 0;

    explicit Writes(Context &context, std::uint64_t seed) : context_(context), by_key_(0, BlockKeyHash{seed}) {}

    enum class Begun : std::uint8_t {
        yes,
        not_now,    // the disk has enough to do, or an older block of the key is still under way: try again
        not_at_all, // it is on disk, or has left memory, or its space is being cleared
        under_way   // already; `waiter` hears of that one
    };
    // `wanted`: no budget holds it up.
    Begun begin(EntryId entry, bool wanted, Waiter waiter = nobody);

    void written(disk::DiskTier::Tag tag, uakv_status status);

    void forgotten(const BlockKey &block);
    void forgotten(SpaceId space); // all of it
    // Takes it from the disk, if it is there.
    void erase(const BlockKey &block);
    bool is_under_way(const BlockKey &block) const { return by_key_.count(block) != 0; }
    // The block has left memory. False: it is not under way.
    bool left_memory(const BlockKey &block);

    std::uint64_t bytes_under_way() const { return bytes_; }
    bool any() const { return !writes_.empty(); }

    // How the writes ended that somebody waited for, since the last call.
    struct Ended {
        Waiter waiter = nobody;
        uakv_status status = UAKV_OK;
        EntryId entry = 0;
        Generation generation = 0;
    };
    std::vector<Ended> take_ended() { return std::exchange(ended_, {}); }

    // Since the last call the disk has refused a write: for want of room, over a limit, or because it fails.
    bool take_refused() { return std::exchange(refused_, false); }

private:
    struct Write {
        EntryId entry = 0;
        Generation generation = 0;
        BlockKey block;
        BlockDescription description;
        bool wanted = false;
        bool forgotten = false;
        bool has_left = false;
        std::uint32_t uses = 0;
        Codec codec = Codec::none;
        std::span<std::byte> buffer;        // where the frame lies; empty: there is none
        std::span<const std::byte> payload; // what is written
        std::uint64_t payload_checksum = 0;
        std::vector<Waiter> waiters;
    };

    bool has_room(std::uint64_t bytes) const;
    bool may_be_encoded(const Write &write) const;
    bool prepare(std::uint64_t number, Write &write);
    void encode(std::uint64_t number, Write &write, std::uint32_t dtype);
    void settle_encoded(Write &write);
    void submit(std::uint64_t number, Write &write);
    void settle(const Write &write, uakv_status status);
    void settle_written(const Write &write);

    Context &context_;
    CodecChooser chooser_;
    std::unordered_map<std::uint64_t, Write> writes_; // nodes stay where they are: jobs write to them
    std::unordered_map<BlockKey, std::uint64_t, BlockKeyHash> by_key_;
    std::uint64_t next_ = 1;
    std::uint64_t bytes_ = 0;
    bool refused_ = false;
    std::vector<Ended> ended_;
};

} // namespace uakv::flow
