// A disk tier on a simulated disk, with simulated time: what is asked of it, what it answers, and what must hold at
// each moment. One life lasts from open() to a crash or a close; the disk and the model go on to the next life.
//
// All of it follows from the seed: the same seed makes the same calls at the same times, up to the crash.
#pragma once

#include "daemon/tiers/disk/disk_tier.h"
#include "sim/sim_device.h"
#include "sim/tier_model.h"
#include "sim/universe.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace uakv::test {

// What a run met, summed up over many: a campaign says by it that nothing it is for was left out.
struct SimTally {
    std::uint64_t lives = 0;
    std::uint64_t crashes = 0;
    std::uint64_t calls = 0; // of the device
    std::uint64_t written = 0;
    std::uint64_t refused = 0;
    std::uint64_t read = 0;
    std::uint64_t missed = 0;
    std::uint64_t corrupt = 0;
    std::uint64_t read_errors = 0;
    std::uint64_t dropped = 0;
    std::uint64_t erased = 0;
    std::uint64_t tombstones = 0; // erasures of what was known
    std::uint64_t flushed = 0;
    std::uint64_t flush_errors = 0;
    std::uint64_t relocated_bytes = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t from_checkpoint = 0;
    std::uint64_t found = 0; // blocks that were there after a crash
    std::uint64_t torn_pages = 0;
    std::uint64_t lost_pages = 0;
    std::uint64_t torn_logs = 0; // starts that found the end of the log torn
    std::uint64_t removed_files = 0;
    // What the device did beside crashes.
    std::uint64_t create_faults = 0;
    std::uint64_t write_faults = 0;
    std::uint64_t read_faults = 0;
    std::uint64_t sync_faults = 0;
    std::uint64_t remove_faults = 0;
    std::uint64_t no_space = 0;
    std::uint64_t short_reads = 0;
    std::uint64_t short_writes = 0;
    std::uint64_t rotten = 0;
    std::uint64_t lost_writes = 0;
    std::uint64_t misdirected = 0;

    std::uint64_t faults() const;
    void add(const SimTally &other);
    std::string text() const;
};

struct WorldOptions {
    std::uint64_t seed = 1;
    SimOptions device;
    disk::DiskOptions tier;
    bool trace = false; // tell each step, to stderr
};

// What a world left: the next one may begin there, many times.
struct WorldStart {
    SimImage image;
    TierModel model;
    std::uint64_t now_ns = 0;
};

class TierWorld {
public:
    explicit TierWorld(const WorldOptions &options, const WorldStart *start = nullptr);
    ~TierWorld();
    TierWorld(const TierWorld &) = delete;
    TierWorld &operator=(const TierWorld &) = delete;

    // ---- what is asked of the tier -----------------------------------------------------------------------

    void write(SimKey key, std::uint64_t lifetime_ms = 0, bool wanted = false); // 0: for ever
    void read(SimKey key);
    void erase(SimKey key);
    void clear(std::uint32_t space);
    void use(SimKey key);
    void flush();
    void verify();

    // ---- time --------------------------------------------------------------------------------------------

    void turn();
    void pass(std::uint64_t ns);
    void device_waits(); // to its next completion
    // Until all is answered; fails the test where that takes too long.
    void settle();

    // ---- lives -------------------------------------------------------------------------------------------

    // A clean end, and the next life.
    void restart();
    // What survives a crash, now or when it was armed; the next life, and a look at every key.
    void crash_and_recover();
    // A clean end, and no next life here.
    WorldStart leave();
    bool crashed() const { return device_->crashed(); }
    // In the next life, at this call of the device.
    void crash_in_recovery(std::uint64_t calls) { crash_in_recovery_ = calls; }

    // ---- faults ------------------------------------------------------------------------------------------

    SimDevice &device() { return *device_; }
    // Flips a bit in the payload of a block, if any is there.
    void rot_a_block();
    void anything_goes() { model_.anything_goes(); }

    Random &random() { return random_; }
    const TierModel &model() const { return model_; }
    SimTally tally() const;
    std::uint64_t wall_ms() const { return moment().wall_ms; }

private:
    using Tag = disk::DiskTier::Tag;
    using Event = disk::DiskTier::Event;
    struct Pending {
        Event::Kind kind{};
        SimKey key = 0;
        TierModel::States states = 0; // read: all that the key was while it was under way
        bool may_miss = false;        // read: the breaker was open meanwhile
        std::uint64_t turns = 0;
        std::uint64_t since_ns = 0;
    };

    disk::Moment moment() const;
    void open();
    bool close();
    void end_life();
    void next_life(const SimImage &image);
    void check_every_key();
    std::optional<SimKey> key_of(disk::SpaceNumber space, const uakv_key &key) const;
    std::optional<disk::SpaceNumber> number_of(std::uint32_t space) const;
    Tag ask(Event::Kind kind, SimKey key);
    void take(const Event &event);
    void take_written(const Pending &pending, uakv_status status);
    void take_read(const Pending &pending, Tag tag, uakv_status status);
    void take_dropped(const Event &event);
    void widen_reads();
    void check_limits();
    void trace(const std::string &line) const;
    [[noreturn]] void fail(const std::string &what) const;

    WorldOptions options_;
    Random random_;
    SimClock clock_;
    bool closing_ = false;
    TierModel model_;
    std::unique_ptr<SimDevice> device_;
    std::unique_ptr<Workers> workers_;
    std::unique_ptr<disk::DiskTier> tier_;
    std::map<Tag, Pending> pending_;
    std::map<Tag, PageBuffer> targets_;
    std::vector<Event> events_;
    std::vector<SimKey> dropped_;    // since they were looked at last
    std::uint64_t next_call_ns_ = 0; // after the last turn, what turn() asked for
    Tag next_tag_ = 1;
    std::optional<std::uint64_t> crash_in_recovery_;
    SimTally tally_;
};

} // namespace uakv::test
