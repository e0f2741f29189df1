// Reserve and commit in place: what it costs to publish a block, apart from computing it. A sample is the
// time of both calls; between them the whole block is written, as an engine would, and that is not counted.
// Commit reads the block once, for its checksum.
#include "blocks.h"
#include "client.h"
#include "daemon.h"
#include "groups.h"

#include <cstring>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

constexpr std::uint64_t pause_ns = 5'000'000; // long enough for any daemon that spins before it sleeps to sleep

// One run: each of these keys is reserved, filled and committed; then all are verified and removed.
void time_run(const Space &space, const Contents &contents, const std::vector<uakv_key> &keys,
              std::uint64_t block_bytes, bool after_idle, std::vector<std::uint32_t> &samples) {
    samples.clear();
    for (std::uint64_t block = 0; block < keys.size(); ++block) {
        if (after_idle) {
            spin_for_ns(pause_ns);
        }
        uakv_slot slot;
        const std::uint64_t begin = now_ns();
        const uakv_status reserved = uakv_reserve(space.handle(), &keys[block], block_bytes, nullptr, &slot);
        const std::uint64_t filling = now_ns();
        require_ok(reserved, "uakv_reserve");
        std::memcpy(slot.data, contents.of(block, block_bytes), block_bytes);
        const std::uint64_t filled = now_ns();
        const uakv_status committed = uakv_commit(&slot);
        samples.push_back(sample_of(begin + (filled - filling), now_ns()));
        require_ok(committed, "uakv_commit");
    }
    for (std::uint64_t block = 0; block < keys.size(); ++block) {
        verify_block(space, keys[block], contents.of(block, block_bytes), block_bytes);
    }
    remove_blocks(space, keys);
}

void measure(const Settings &settings, const Contents &contents, std::uint64_t block_bytes, std::uint64_t operations,
             bool after_idle, Report &report) {
    Daemon daemon(settings, settings.memory_for(operations * block_bytes));
    const Client client(daemon.socket_path());
    const Space space(client, block_bytes);
    std::vector<uakv_key> keys(operations);
    std::vector<std::uint32_t> samples;
    samples.reserve(operations);
    std::vector<double> p50;
    std::vector<double> p99;
    constexpr unsigned warm_up = 2; // after these, all slots are mapped
    for (unsigned run = 0; run < warm_up + settings.runs(); ++run) {
        for (std::uint64_t number = 0; number < operations; ++number) {
            keys[number] = key_of_block(run, number);
        }
        time_run(space, contents, keys, block_bytes, after_idle && run >= warm_up, samples);
        if (run >= warm_up) {
            p50.push_back(percentile(samples, 0.5));
            p99.push_back(percentile(samples, 0.99));
        }
    }
    const std::string name =
        fmt::format("reserve+commit {}, daemon {}", size_text(block_bytes), after_idle ? "asleep" : "awake");
    report.add({name + ", p50", "ns", summarize(p50), after_idle ? std::nullopt : std::optional(at_most(5'000))});
    report.add({name + ", p99", "ns", summarize(p99), {}});
    daemon.stop();
}

} // namespace

void bench_reserve(const Settings &settings, Report &report) {
    const Contents contents;
    const std::uint64_t operations = settings.quick ? 2'000 : 10'000;
    measure(settings, contents, 4 * KiB, operations, false, report);
    measure(settings, contents, 64 * KiB, operations, false, report);
    measure(settings, contents, 4 * KiB, settings.quick ? 50 : 200, true, report);
}

} // namespace uakv::bench
