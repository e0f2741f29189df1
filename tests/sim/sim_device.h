// A disk in memory that does what disks do, by seed: completes in any order and late, tears and reorders at a crash
// what was not synced, rots, loses and misdirects writes, fails, fills up, and gives less than was asked for. The same
// seed and the same calls give the same disk. Each fault is counted.
//
// It is strict where BlockDevice is: what the tier must never do is an assert here. A sync makes durable what was done
// when it was begun, and nothing else. Memory of a write must stay as it is until the write is done, and nobody else
// may write to the memory of a read.
#pragma once

#include "daemon/io/block_device.h"
#include "ipc/clock.h"
#include "sim/sim_image.h"
#include "support/pattern.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace uakv::test {

// The time of a simulation. wait() moves it on to the next completion, or a millisecond; the test does so otherwise.
struct SimClock {
    std::uint64_t now_ns = ns_per_s;
};

enum class SimCall : std::uint8_t { create, write, read, sync, remove };
constexpr std::size_t sim_calls = 5;

// What a crash does with what was not synced.
enum class SimCrash : std::uint8_t {
    mixed,    // for each file one of those below
    lose,     // nothing of it is there
    keep,     // all of it is there
    pages,    // of each write, some pages
    sectors,  // of each page, some sectors: torn
    reordered // sectors, and an older write may lie over a newer one
};

struct SimOptions {
    std::uint64_t size_bytes = 1ULL << 30; // of the file system
    std::uint64_t foreign_bytes = 0;       // of these, used by others
    std::uint64_t latency_ns_min = 0;      // of each call
    std::uint64_t latency_ns_max = 0;
    std::uint64_t bytes_per_second = 0; // 0: as fast as one likes
    bool in_order = false;              // completions come in the order of submission, all that are due
    SimCrash crash = SimCrash::mixed;

    // How often of 10,000 times.
    std::array<std::uint32_t, sim_calls> errors{}; // EIO, by SimCall; a write may be there in part
    std::uint32_t short_reads = 0;
    std::uint32_t short_writes = 0;
    std::uint32_t rotten_writes = 0; // a bit of it is another one on the disk
    std::uint32_t lost_writes = 0;
    std::uint32_t misdirected_writes = 0;
};

struct SimCounts {
    std::array<std::uint64_t, sim_calls> calls{}; // submitted
    std::array<std::uint64_t, sim_calls> errors{};
    std::uint64_t no_space = 0;
    std::uint64_t free_bytes_low = UINT64_MAX; // after any creation
    std::uint64_t short_reads = 0;
    std::uint64_t short_writes = 0;
    std::uint64_t rotten = 0;
    std::uint64_t lost = 0;
    std::uint64_t misdirected = 0;
    std::uint64_t torn_pages = 0; // at crash(): pages of which only some sectors are there
    std::uint64_t lost_pages = 0; // at crash(): written, not synced, and gone
    std::uint64_t bytes_written = 0;
    std::uint64_t bytes_read = 0;

    std::uint64_t submitted() const;
};

class SimDevice final : public BlockDevice {
public:
    SimDevice(SimClock &clock, std::uint64_t seed, const SimOptions &options = {}, SimImage image = {});
    ~SimDevice() override = default; // with calls under way: as if the process had died
    SimDevice(const SimDevice &) = delete;
    SimDevice &operator=(const SimDevice &) = delete;

    // ---- BlockDevice --------------------------------------------------------------------------------------

    Result<std::vector<FileInfo>> list() override;
    void register_memory(std::span<std::byte> memory) override;
    void create(FileName name, std::uint64_t bytes, Ticket ticket) override;
    void write(FileName name, std::uint64_t offset, std::span<const Piece> pieces, Ticket ticket) override;
    void read(FileName name, std::uint64_t offset, std::span<std::byte> target, Ticket ticket) override;
    void sync(FileName name, Ticket ticket) override;
    void remove(FileName name, Ticket ticket) override;
    void submit() override;
    void poll(std::vector<Done> &done) override;
    void wait() override;
    const Fd *event() const override { return nullptr; }
    std::uint64_t free_bytes() override;
    std::uint64_t size_bytes() override { return options_.size_bytes; }
    const char *name() const override { return "simulated"; }

    // ---- the test's side ----------------------------------------------------------------------------------

    SimOptions &options() { return options_; } // may change at any time
    const SimCounts &counts() const { return counts_; }

    // The n-th call of this kind from now on (0: the next) fails with this errno.
    void fail(SimCall call, std::uint64_t n, int error);

    // The power fails at the n-th submitted call from now on (0: the next), before the disk sees it. From then on every
    // call gives EIO, so whoever uses the device comes to an end by itself.
    void crash_after(std::uint64_t submissions) { crash_at_ = counts_.submitted() + submissions; }
    bool crashed() const { return crashed_.has_value(); }

    // What survives the crash, which happens now if it has not yet.
    const SimImage &crash();

    // Flips a bit in a page that was written: in any, or in this one. False when there is none.
    bool rot();
    bool rot(FileName name, std::uint64_t offset);

    // As it would be read now.
    SimImage image() const;
    const std::vector<SimDamage> &damages() const { return damages_; }

    std::uint64_t bytes() const; // of all files, with those that are being made or removed
    std::uint64_t bytes_peak() const { return bytes_peak_; }
    std::size_t under_way() const { return operations_.size(); }

private:
    struct Unsynced { // a page that was written
        std::uint64_t done_number = 0;
        std::uint64_t page = 0;
        SimPageRef content;
        bool stuck = false; // a sync failed on it, and no later one tries it again
    };
    struct File {
        std::uint64_t bytes = 0;
        bool made = false; // create() is done
        std::vector<SimPageRef> current;
        std::vector<SimPageRef> durable;
        std::vector<Unsynced> unsynced;
    };
    struct Operation {
        SimCall call{};
        FileName file;
        Ticket ticket = 0;
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
        std::vector<Piece> pieces{};       // write: the memory, to see that it stayed as it was
        std::vector<SimPageRef> content{}; // write: its pages when it was begun
        std::span<std::byte> target{};     // read
        std::uint64_t covers = 0;          // sync: what was done until then
        std::uint64_t due_ns = 0;
        bool submitted = false;
        int error = 0; // decided at submission
    };

    void begin(Operation operation);
    void check_memory(const Operation &operation) const;
    void check_range(const Operation &operation) const;
    Done finish(Operation &operation);
    Done finish_write(Operation &operation, File &file);
    Done finish_read(Operation &operation, File &file);
    void finish_sync(const Operation &operation, File &file);
    void store(FileName name, std::uint64_t offset, const Operation &operation, std::uint64_t bytes);
    void misdirect(const Operation &operation);
    SimImage survivors();
    void crash_file(std::vector<Unsynced> &unsynced, std::vector<SimPageRef> &pages);
    void crash_creation(FileName name, SimImage &image);
    int drawn_error(SimCall call);
    bool drawn(std::uint32_t of_10000) { return of_10000 > 0 && random_.below(10'000) < of_10000; }
    std::uint64_t next_due() const;

    SimClock &clock_;
    Random random_;
    SimOptions options_;
    SimCounts counts_;
    std::map<FileName, File> files_;
    std::vector<Operation> operations_;
    std::vector<SimDamage> damages_;
    std::optional<SimImage> crashed_;
    std::uint64_t crash_at_ = UINT64_MAX;
    std::uint64_t done_number_ = 0;
    std::uint64_t busy_until_ns_ = 0;
    std::uint64_t bytes_peak_ = 0;
    struct Armed {
        std::uint64_t at = 0; // counts_.calls of its kind
        int error = 0;
    };
    std::array<std::vector<Armed>, sim_calls> armed_;
};

} // namespace uakv::test
