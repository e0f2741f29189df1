// Reserve and commit in place: what it costs to publish a block, apart from computing it. Of the block only
// one word at each end is written between the two calls.
#include "blocks.h"
#include "daemon.h"
#include "failure.h"
#include "groups.h"

#include <cstring>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

constexpr std::uint64_t pause_ns = 5'000'000; // long enough for any daemon that spins before it sleeps to sleep

void mark(void *data, std::size_t bytes, std::uint64_t number) {
    auto *first = static_cast<std::byte *>(data);
    std::memcpy(first, &number, sizeof number);
    std::memcpy(first + bytes - sizeof number, &number, sizeof number);
}

void verify_mark(const Space &space, const uakv_key &key, std::uint64_t block_bytes, std::uint64_t number) {
    uakv_view view{};
    require_ok(uakv_retrieve(space.handle(), &key, nullptr, &view), "uakv_retrieve");
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    const auto *data = static_cast<const std::byte *>(view.data);
    std::memcpy(&first, data, sizeof first);
    std::memcpy(&last, data + view.nbytes - sizeof last, sizeof last);
    const bool right = view.nbytes == block_bytes && first == number && last == number;
    require_ok(uakv_release(&view), "uakv_release");
    if (!right) {
        throw Failure("a block that was filled in place came back with other bytes");
    }
}

// One run: each of these keys is reserved, marked with its number, committed, then read back and removed.
void time_run(const Space &space, const std::vector<uakv_key> &keys, std::uint64_t block_bytes, bool after_idle,
              std::vector<std::uint32_t> &samples) {
    samples.clear();
    for (std::uint64_t number = 0; number < keys.size(); ++number) {
        if (after_idle) {
            spin_for_ns(pause_ns);
        }
        uakv_slot slot;
        const std::uint64_t begin = now_ns();
        require_ok(uakv_reserve(space.handle(), &keys[number], block_bytes, nullptr, &slot), "uakv_reserve");
        mark(slot.data, block_bytes, number);
        require_ok(uakv_commit(&slot), "uakv_commit");
        samples.push_back(sample_of(begin, now_ns()));
    }
    for (std::uint64_t number = 0; number < keys.size(); ++number) {
        verify_mark(space, keys[number], block_bytes, number);
    }
    remove_blocks(space, keys);
}

void measure(const Settings &settings, std::uint64_t block_bytes, std::uint64_t operations, bool after_idle,
             Report &report) {
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
        time_run(space, keys, block_bytes, after_idle && run >= warm_up, samples);
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
    const std::uint64_t operations = settings.quick ? 2'000 : 10'000;
    measure(settings, 4 * KiB, operations, false, report);
    measure(settings, 64 * KiB, operations, false, report);
    measure(settings, 4 * KiB, settings.quick ? 50 : 200, true, report);
}

} // namespace uakv::bench
