// The store of a tenant: what can be done with blocks, in the daemon's one thread.
#pragma once

#include "daemon/store/adoption.h"
#include "daemon/store/below.h"
#include "daemon/store/cold_blocks.h"
#include "daemon/store/evictor.h"
#include "daemon/store/keeping.h"
#include "daemon/store/lease_clock.h"
#include "daemon/store/pins.h"
#include "daemon/store/segment_maker.h"
#include "daemon/store/soundness.h"
#include "daemon/store/spaces.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace uakv {

struct StoreOptions {
    std::string name{};                      // what is kept of it is kept under this
    std::string title{};                     // in the log; empty: "tenant NAME"
    std::shared_ptr<SegmentSource> source{}; // null: the machine's memory
    std::uint64_t segment_bytes = 0;         // a power of two; 0: as fits the memory
    Keeper *keeper = nullptr;                // null: the store ends with its daemon. Otherwise it outlives the store
    std::uint64_t memory_bytes = 0;          // for blocks
    std::uint64_t pinned_bytes_max = 0;
    bool evict = true;                 // false: full means UAKV_ERR_NO_SPACE
    double gc_threshold = 63.0 / 64;   // part of a size class in use from which on it is freed ahead of need; 1: never
    std::uint32_t cold_blocks_max = 0; // that are on disk alone
    LeaseTables::Kind sessions = LeaseTables::Kind::host; // what its clients share with the daemon
};

// What is known of a block that is stored.
struct BlockReport {
    uakv_key key{};
    std::optional<uakv_key> parent;
    std::uint64_t bytes = 0;
    SegmentId segment = 0;
    std::uint64_t expires_ms = UINT64_MAX; // boot_ms(); UINT64_MAX: does not
    bool pinned = false;
    std::uint32_t leases = 0;       // views that clients hold on it
    bool cold = false;              // not in memory: `segment` means nothing
    bool on_disk = false;           // on disk too, or alone
    std::uint64_t stored_bytes = 0; // in memory as a frame of so many bytes; 0: as it is
    std::uint32_t uses = 0;         // lately; up to 255
};

class Store {
public:
    // The memory comes in the background. With a keeper, nothing of this name may be kept already: see adopt().
    static Result<std::unique_ptr<Store>> create(const StoreOptions &options);

    // Goes on with what the daemon before has left, while clients read it. `clients` are those of sessions_left() that
    // are there still: their leases count from here on (leases() has their tables), and their slots are theirs.
    // UAKV_MISS: nothing is left. Any other error: it cannot be used, and the log says why and what that costs; then,
    // too, nothing of this name is kept any more, and create() begins anew.
    static Result<std::unique_ptr<Store>> adopt(const StoreOptions &options, KeptFds &kept,
                                                std::span<const FormerClient> clients);

    // The sessions that the daemon before had; none when nothing is left. An error: adopt() will not succeed.
    static Result<std::vector<std::uint32_t>> sessions_left(const KeptFds &kept, const std::string &name);

    ~Store();
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;

    // Takes what may change of the options: not where its memory is, how much, nor how it is kept. Blocks that are
    // pinned stay so.
    void reconfigure(const StoreOptions &options);

    // ---- slots -------------------------------------------------------------------------------------------

    enum class GrantOutcome {
        granted,
        later, // a segment is on its way
        none,  // all blocks of this size are in use, and no memory is to be had
    };
    struct Grant {
        GrantOutcome outcome = GrantOutcome::none;
        SlotRef slot;
    };

    // A slot for a block of `length` bytes, evicting where need be: for the client of this session, or the daemon
    // itself (0).
    Grant grant(std::uint64_t length, std::uint32_t client = 0);

    // A slot for a client that will probably want one: only while there are plenty.
    std::optional<SlotRef> grant_ahead(SizeClass size_class, std::uint32_t client = 0);

    void give_back(SlotRef slot) { slots_.give_back(slot); }

    // A slot that one client was granted is another's now.
    void pass_on(SlotRef slot, std::uint32_t client) { slots_.pass_on(slot, client); }
    const Slots &slots() const { return slots_; }

    // ---- blocks ------------------------------------------------------------------------------------------

    struct CommitRequest {
        SpaceId space = 0;
        uakv_key key{};
        std::optional<uakv_key> parent;
        std::uint64_t length = 0;
        std::uint64_t checksum = 0;
        std::uint32_t ttl_ms = 0;
    };

    // Publishes a granted slot. UAKV_OK: it is a block now, also where the disk alone had it before. UAKV_EXISTS (it is
    // in memory) and UAKV_ERR_NO_SPACE (no memory for an entry): it is still granted.
    uakv_status commit(SlotRef slot, const CommitRequest &request);

    // False when there was no such block.
    bool remove(SpaceId space, const uakv_key &key);

    // Keeps the block from being evicted for ttl_ms, or UAKV_PIN_FOREVER; the last call counts. 0: no longer. UAKV_OK,
    // UAKV_MISS (it is not in memory), or UAKV_ERR_NO_SPACE when the slots of pinned blocks would be more than
    // pinned_bytes_max.
    uakv_status pin(SpaceId space, const uakv_key &key, std::uint32_t ttl_ms);

    // Removes the blocks of a space, `steps` entries at a time: begin with cursor 0, and go on until it returns true.
    // What is stored meanwhile may stay. Adds to `removed`. Where there is a tier below, between begin_clear() and
    // end_clear(), for blocks on disk go first and at once.
    void begin_clear(SpaceId space);
    void end_clear(SpaceId space);
    bool clear_some(SpaceId space, EntryId &cursor, std::uint32_t steps, std::uint64_t &removed);

    // A client says that the block is corrupt: it is dropped if that is so. Never one that is on disk alone, nor one
    // that the daemon cannot look at.
    bool drop_if_corrupt(SpaceId space, const uakv_key &key);

    // A client hit the entry. Any number below entry_capacity().
    void touch(EntryId entry);

    // ---- the tier below ----------------------------------------------------------------------------------

    // Tells and asks `below` from now on; null: nobody. It outlives the store, or is taken back before it goes.
    void set_below(Below *below);

    // A live entry of the key, whose lifetime is not over; or whether it is or not.
    std::optional<EntryId> find(SpaceId space, const uakv_key &key) const;
    std::optional<EntryId> find_even_expired(SpaceId space, const uakv_key &key) const;
    bool is_cold(EntryId entry) const { return index_.is_cold(entry); }
    std::uint32_t cold_blocks_max() const { return index_.entry_capacity() - index_.cold_begin(); }
    bool is_live(EntryId entry, Generation generation) const {
        return index_.entry(entry).generation == generation && uakv::is_live(generation);
    }

    // Whether the daemon can look at the blocks; not those on a GPU. All that follows is for addressable ones.
    bool is_addressable() const { return addressable_; }

    // The bytes of a slot that is granted, and those of a block in memory, as they are there: perhaps a frame.
    std::span<std::byte> bytes_of(SlotRef slot);
    std::span<const std::byte> bytes_of(EntryId entry) const;

    // A block that the disk alone has; the key is not in the index. UAKV_ERR_NO_SPACE: it cannot be found then.
    Result<EntryId> publish_cold(const BlockDescription &block);

    // The granted slot holds the block of the entry now, which is cold, or encoded and in memory: it takes its place.
    // `stored_bytes`: the slot holds a frame of so many bytes; 0: the block itself. UAKV_ERR_NO_SPACE: it is still
    // granted, and nothing has changed.
    Result<EntryId> publish_loaded(SlotRef slot, EntryId from, std::uint64_t stored_bytes, std::uint32_t uses);

    // The disk has let go of a cold block. Tells nobody below.
    void drop_cold(EntryId entry, Departure why);

    // A frame in memory that cannot be decoded: the block is gone, from the disk too.
    void drop_damaged(EntryId entry) { forget(entry, Departure::corrupt); }

    // Whether the disk has a block that is in memory.
    void set_on_disk(EntryId entry, bool on_disk) { index_.set_on_disk(entry, on_disk); }

    // Its slot stays as it is, even when the block leaves meanwhile, until as many let_go(). For blocks in memory.
    void hold(EntryId entry) { evictor_.hold(entry); }
    void let_go(EntryId entry) { evictor_.let_go(entry); }
    bool is_held(EntryId entry) const { return evictor_.is_held(entry); }

    // How often the block in memory was used, up to 255; after that it is told in rounds.
    std::uint32_t uses(EntryId entry) const { return entry < uses_.size() ? uses_[entry] : 0; }

    const Policy &policy() const { return *policy_; }
    SizeClass size_class_of_block(EntryId entry) const;

    // No memory is to come, and less than `part` of what there is for this class is free: blocks leave soon.
    bool is_pressed(SizeClass size_class, double part) const;

    // A block of `length` bytes has room without another having to leave.
    bool has_free_room(std::uint64_t length) const;

    // ---- what outlives the daemon ------------------------------------------------------------------------

    // Before a client is told that it has a session of this number. False: the table is full, and the client had
    // better not come.
    bool note_session(std::uint32_t number) { return state_.note_session(number); }

    // After its end, when none of its slots is its own.
    void forget_session(std::uint32_t number) { state_.forget_session(number); }

    // The slots that a client had when the store was adopted. They are granted to it until they are given back, passed
    // on or committed.
    std::vector<SlotRef> slots_of_former(std::uint32_t number) const;

    // Gives back the slots that the daemon before was reading into: once its disk is still for certain.
    void release_abandoned();

    // The daemon has served for a while: it was not the state that was the end of those before.
    void healthy() { state_.note_healthy(); }

    // A stored block of the space is lost, and no flush has told of it yet; take_loss() is that flush. And: some are on
    // their way to the disk and nowhere else, and would be lost if the daemon ended now.
    void note_loss(SpaceId space) { state_.note_loss(space); }
    bool take_loss(SpaceId space) { return state_.take_loss(space); }
    void note_leaving(SpaceId space, bool any) { state_.note_leaving(space, any); }

    // The tenant is gone for good: the next daemon finds nothing of it.
    void end_keeping() { keeping_.end(); }

    // ---- upkeep ------------------------------------------------------------------------------------------

    // Frees slots ahead of need, drains a segment that is being taken over, settles what was retired. True
    // when there is more to do at once.
    bool maintain();

    // Drops the blocks whose lifetime is over, and ends pins; the next is due at next_expiry_ms (boot_ms).
    void expire();
    std::uint64_t next_expiry_ms() const { return std::min(expiry_.next_ms(), pins_.next_end_ms()); }

    // Looks again after blocks that left while somebody read them. Now and then, while there are some.
    void revisit_limbo() { evictor_.settle(); }
    bool has_limbo() const { return evictor_.limbo() > 0; }

    // Readable when segments have been made; take_segments() puts them to use.
    const Fd &segment_event() const { return maker_->event(); }
    void take_segments();
    std::uint32_t segments() const { return static_cast<std::uint32_t>(segments_.size()); }
    std::span<std::byte> segment_memory(SegmentId segment);

    // The machine has no memory for the next one.
    bool short_of_memory() const { return segments_.size() < segment_count_ && !maker_->promising(); }

    // More memory for blocks may come soon.
    bool memory_is_coming() const { return maker_->promising(); }

    // False: what is stored stays until it is removed or its lifetime is over.
    bool evicts() const { return evict_; }

    // ---- what clients map --------------------------------------------------------------------------------

    LeaseTables &leases() { return leases_; }
    const LeaseTables &leases() const { return leases_; }
    Spaces &spaces() { return spaces_; }
    const IndexWriter &index() const { return index_; }
    std::uint64_t segment_bytes() const { return segment_bytes_; }
    std::uint64_t memory_bytes() const { return segment_count_ * segment_bytes_; } // once all of it is there

    // The descriptor of a segment; null when there is no such segment.
    const Fd *segment_fd(SegmentId segment, bool read_only) const;

    void count_refusal() { ++counters_.no_space; }

    // ---- what operators ask ------------------------------------------------------------------------------

    const Counters &counters() const { return counters_; }
    SpaceCounters space_counters(SpaceId space) const;

    // Fills in what the store knows.
    void describe(uakv_statistics &statistics) const;

    // Nothing when it is not stored, in memory or below.
    std::optional<BlockReport> describe_block(SpaceId space, const uakv_key &key) const;

    // Appends up to `limit` blocks of the space, from entry `cursor` on. Looks at a bounded number of entries: returns
    // where to go on, nothing at the end. There may be more even where none was found.
    std::optional<EntryId> list_blocks(SpaceId space, EntryId cursor, std::uint32_t limit,
                                       std::vector<BlockReport> &out) const;

    // How a key left, and since when (boot_ms) departures are remembered. It may be stored again since.
    std::optional<PastBlock> departed(SpaceId space, const uakv_key &key) const { return departures_.find(space, key); }
    std::uint64_t history_from_ms() const { return departures_.since_ms(); }

    // The blocks on which a client's lease words stand, stored or in limbo; each counts once. They are read one after
    // another while the client goes on: a block counts that is seen twice, so one that was let go of meanwhile does
    // not.
    std::uint64_t leased_bytes(const SessionLayout &session) const;

    // Moves the clock of leases on, if the present tick began `every_ns` ago or earlier. Only then can ages have grown.
    bool tick_leases(std::uint64_t now_ns, std::uint64_t every_ns);

    // A client's views that have been held for at least `age_ns_min`, and whose blocks could make room if they were
    // not: a block that is pinned, or kept because nothing is evicted, stays in any case.
    struct OldViews {
        std::uint64_t views = 0;
        std::uint64_t bytes = 0;  // of their blocks, each once
        std::uint64_t age_ns = 0; // of the oldest, at least
    };
    OldViews old_views(const SessionLayout &session, std::uint64_t now_ns, std::uint64_t age_ns_min) const;

private:
    // What a store is made of: new, or as it was left.
    struct Parts {
        State state;
        IndexWriter index;
        std::vector<MadeSegment> segments;
    };
    struct Shape {
        std::uint32_t segments = 0;
        std::uint64_t segment_bytes = 0;
        std::uint32_t cold_blocks_max = 0;
    };
    static StoreOptions completed(const StoreOptions &wanted);
    static Shape shape_of(const StoreOptions &options);
    static Result<Parts> take_parts(const Shape &shape, const StoreOptions &options, const KeptFds &kept,
                                    std::span<const FormerClient> clients);
    static Result<std::unique_ptr<Store>> adopt_parts(const StoreOptions &options, KeptFds &kept,
                                                      std::span<const FormerClient> clients);
    Store(Parts parts, std::unique_ptr<SegmentMaker> maker, const StoreOptions &options);
    std::uint64_t take_over(std::span<const FormerClient> clients);
    void take_over_blocks();
    // Blocks of a daemon before, as the policy sees them.
    struct Inherited {
        std::vector<std::uint64_t> by_age; // entries in the low halves, the one that was used last at the end
        std::vector<EntryId> parents;      // by entry
        std::vector<SegmentId> segments;   // by entry
        bool any_parent = false;
    };
    void insert_into_policy(const Inherited &blocks);

    // A slot of the next larger class that has segments, up to slot_bytes_max.
    std::optional<SlotRef> take_larger(SizeClass size_class, std::uint64_t slot_bytes_max, std::uint32_t client);
    std::uint32_t low_watermark(SizeClass size_class) const;
    std::uint32_t free_goal(SizeClass size_class) const;

    void forget(EntryId entry, Departure why);
    void entered(SlotRef slot, EntryId entry, const BlockDescription &block, std::uint32_t uses);

    std::vector<EntryId> leased_by(const SessionLayout &session) const;
    bool is_leased_by(EntryId entry, std::uint64_t word) const;
    bool would_make_room(EntryId entry) const;
    BlockReport report_of(EntryId entry) const;
    void count_leases(std::span<const EntryId> entries, std::span<BlockReport> reports) const;

    State state_;
    IndexWriter index_;
    std::unique_ptr<SegmentMaker> maker_;
    std::uint32_t segment_count_;
    std::uint64_t segment_bytes_;
    std::vector<MadeSegment> segments_;
    const bool addressable_;
    Keeping keeping_;
    Slots slots_;
    Spaces spaces_;
    LeaseTables leases_;
    LeaseClock lease_clock_;
    std::unique_ptr<Policy> policy_;
    Pins pins_;
    Expiry expiry_;
    Counters counters_;
    Departures departures_;
    ColdBlocks cold_;
    Evictor evictor_;
    Below *below_ = nullptr;
    std::vector<std::uint8_t> uses_; // of blocks in memory, by entry
    bool evict_ = true;
    double gc_threshold_ = 1;
    std::vector<SizeClass> pressed_; // classes of which slots were taken since the last upkeep
    std::unordered_map<std::uint32_t, std::vector<SlotRef>> of_formers_; // as of the adoption
    std::vector<SlotRef> abandoned_;
    Suspects suspects_;
};

} // namespace uakv
