// Blocks on their way into memory: from disk, or from a frame in memory to the block itself. Who asks for one that is
// under way joins. What becomes of the block meanwhile decides in the end: it is published only if its entry is still
// what it was when it was begun.
#pragma once

#include "daemon/flow/block_key.h"
#include "daemon/flow/context.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace uakv::flow {

class Fetches {
public:
    Fetches(Context &context, std::uint64_t seed) : context_(context), by_key_(0, BlockKeyHash{seed}) {}

    void begin(const Mover::Load &load);
    bool cancel(Mover::Tag tag); // false: nobody waits with this tag

    // Nobody waits for it. With `only_into_free`: not where another block would have to leave. False: there are too
    // many on their way, or no room: try again.
    bool prefetch(const BlockKey &block, bool only_into_free);

    void read(disk::DiskTier::Tag tag, uakv_status status);

    // When it wants to be called again at the latest, in ns from now.
    std::uint64_t turn(std::uint64_t now_ns);

    bool any() const { return !fetches_.empty(); }
    std::uint64_t count() const { return fetches_.size(); }

private:
    struct Waiter {
        Mover::Tag tag = 0;
        std::uint64_t deadline_ns = 0;
        bool as_stored = false;
    };
    struct Fetch {
        BlockKey block;
        EntryId from = 0; // cold, or encoded and held
        Generation generation = 0;
        bool resident = false;  // `from` is in memory
        bool as_stored = false; // the frame is what is wanted
        std::uint64_t length = 0;
        std::uint64_t checksum = 0;
        std::uint64_t stored_bytes = 0;
        Codec codec = Codec::none;
        std::uint32_t uses = 0;
        std::uint64_t since_ns = 0;
        bool under_way = false; // it has its slot and its buffer
        bool held = false;      // `from` is
        bool good = false;      // what the worker found
        std::uint64_t slot_bytes = 0;
        std::optional<SlotRef> slot;
        std::span<std::byte> buffer;
        std::vector<Waiter> waiters;
    };
    using Number = std::uint64_t;

    enum class Started : std::uint8_t {
        yes,
        later,  // a slot or a buffer will come
        no_room // all of memory is in use
    };

    bool describe(const BlockKey &block, EntryId entry, Fetch &fetch) const;
    Number insert(Fetch fetch);
    void wait(Number number, const Waiter &waiter);
    Number take_off(Mover::Tag tag);
    Started start(Number number, Fetch &fetch);
    void start_waiting(std::uint64_t now_ns);
    void expire(std::uint64_t now_ns);
    void decode(Number number, Fetch &fetch, std::span<const std::byte> frame);
    void decoded(Number number);
    void publish(Number number, std::uint64_t stored_bytes);
    bool is_wanted_still(const Fetch &fetch) const;
    void look_again(Number number);
    void begin_anew(Number number, const std::vector<Waiter> &waiters, uakv_status status);
    void drop_damaged(const Fetch &fetch);
    void give_up_memory(Fetch &fetch);
    void finish(Number number, uakv_status status);
    void answer(const Waiter &waiter, uakv_status status);

    Context &context_;
    std::unordered_map<Number, Fetch> fetches_; // nodes stay where they are
    std::unordered_map<BlockKey, Number, BlockKeyHash> by_key_;
    std::unordered_map<Mover::Tag, Number> by_tag_;
    std::set<std::tuple<std::uint64_t, Mover::Tag>> deadlines_;
    std::deque<Number> waiting_; // for a slot or a buffer, in the order in which they came
    std::uint64_t try_ns_ = 0;   // when those are tried again
    std::uint64_t bytes_under_way_ = 0;
    Number next_ = 1;
};

} // namespace uakv::flow
