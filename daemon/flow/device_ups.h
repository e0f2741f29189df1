// Blocks on their way from the host into the arena: from the host's memory, or first from its disk by the host's mover.
// Who asks for one that is under way joins. The block is held on the host while it is copied, and its slot in the arena
// is granted to the daemon. One that is forgotten meanwhile is not published: who waits for it has it looked for again.
#pragma once

#include "daemon/flow/block_key.h"
#include "daemon/flow/device_context.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace uakv::flow {

class DeviceUps {
public:
    // `tags` is added to the numbers of what the host's mover is asked for.
    DeviceUps(DeviceContext &context, std::uint64_t seed, Mover::Tag tags)
        : context_(context), by_key_(0, BlockKeyHash{seed}), tags_(tags) {}
    ~DeviceUps();
    DeviceUps(const DeviceUps &) = delete;
    DeviceUps &operator=(const DeviceUps &) = delete;

    void begin(const DeviceMover::Load &load);
    bool cancel(DeviceMover::Tag tag); // false: nobody waits with this tag

    // Nobody waits for it. False: it is nowhere, is here already, or there is no room.
    bool prefetch(const BlockKey &block);

    bool owns(BlockCopier::Tag copy) const { return by_copy_.count(copy) != 0; }
    void copied(BlockCopier::Tag copy, uakv_status status);
    void host_answered(Mover::Tag tag, uakv_status status);

    void forgotten(const BlockKey &block);
    void forgotten(SpaceId space); // all of it

    // When it wants to be called again at the latest, in ns from now.
    std::uint64_t turn(std::uint64_t now_ns);

    bool any() const { return !ups_.empty(); }
    std::uint64_t under_way() const { return by_copy_.size(); }

private:
    using Number = std::uint64_t;
    struct Waiter {
        DeviceMover::Tag tag = 0;
        std::uint64_t deadline_ns = 0;
    };
    enum class Stage : std::uint8_t {
        waiting, // for room
        loading, // the host's mover is at it
        copying
    };
    struct Up {
        BlockKey block; // in the arena
        SpaceId host_space = 0;
        Stage stage = Stage::waiting;
        bool forgotten = false;
        std::uint64_t since_ns = 0;
        std::uint64_t deadline_ns = 0; // what the host's mover was told last
        EntryId from = 0;              // on the host, held while copying
        BlockDescription description;  // while copying
        SlotRef slot;                  // in the arena, while copying
        BlockCopier::Tag copy = 0;
        std::vector<Waiter> waiters;
    };
    enum class Started : std::uint8_t {
        yes,
        later,   // room will come
        no_room, // all of the arena is in use
        ended    // it was answered
    };

    Number insert(const BlockKey &block, SpaceId host_space);
    void wait(Number number, const Waiter &waiter);
    Number take_off(DeviceMover::Tag tag);
    Started start(Number number);
    Started load_from_disk(Number number, Up &up);
    void start_or_wait(Number number);
    uakv_status publish(Up &up);
    void stop_copying(Up &up);
    void look_again(Number number);
    void finish(Number number, uakv_status status);
    void expire(std::uint64_t now_ns);
    void start_waiting(std::uint64_t now_ns);
    std::uint64_t last_deadline(const Up &up) const;

    DeviceContext &context_;
    std::unordered_map<Number, Up> ups_; // nodes stay where they are
    std::unordered_map<BlockKey, Number, BlockKeyHash> by_key_;
    std::unordered_map<BlockCopier::Tag, Number> by_copy_;
    std::unordered_map<DeviceMover::Tag, Number> by_tag_;
    std::set<std::tuple<std::uint64_t, DeviceMover::Tag>> deadlines_;
    std::deque<Number> waiting_; // for room, in the order in which they came
    std::uint64_t try_ns_ = 0;   // when those are tried again
    std::uint64_t bytes_ = 0;    // under way
    Mover::Tag tags_;
    Number next_ = 1;
};

} // namespace uakv::flow
