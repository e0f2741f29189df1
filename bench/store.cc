// Copies into the cache and out of it, against memcpy of the same bytes into and out of plain shared memory.
//
// Both take turns every 64 MiB, each going first as often as the other, so that what else happens on the
// machine meets both, and what one leaves in the caches helps neither more.
#include "blocks.h"
#include "client.h"
#include "daemon.h"
#include "failure.h"
#include "groups.h"
#include "plain_memory.h"

#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <utility>

namespace uakv::bench {
namespace {

constexpr std::uint64_t turn_bytes = 64 * MiB;

struct Rates {
    std::vector<double> ours;
    std::vector<double> plain;
    std::vector<double> ratio;

    void add(std::uint64_t bytes, std::uint64_t ours_ns, std::uint64_t plain_ns) {
        const auto total = static_cast<double>(bytes); // bytes per ns are GB/s
        ours.push_back(total / static_cast<double>(ours_ns));
        plain.push_back(total / static_cast<double>(plain_ns));
        ratio.push_back(ours.back() / plain.back());
    }
};

// Times both over blocks 0 to count - 1.
using Copy = std::function<void(std::uint64_t block)>;
void take_turns(std::uint64_t count, std::uint64_t block_bytes, const Copy &ours, const Copy &plain, Rates &rates) {
    const std::uint64_t turn = turn_bytes / block_bytes;
    std::uint64_t ours_ns = 0;
    std::uint64_t plain_ns = 0;
    const auto timed = [turn](const Copy &copy, std::uint64_t first, std::uint64_t &total_ns) {
        const std::uint64_t begin = now_ns();
        for (std::uint64_t block = first; block < first + turn; ++block) {
            copy(block);
        }
        total_ns += now_ns() - begin;
    };
    for (std::uint64_t first = 0; first < count; first += turn) {
        const bool ours_first = first / turn % 2 == 0;
        if (ours_first) {
            timed(ours, first, ours_ns);
        }
        timed(plain, first, plain_ns);
        if (!ours_first) {
            timed(ours, first, ours_ns);
        }
    }
    rates.add(count * block_bytes, ours_ns, plain_ns);
}

void report_rates(Report &report, const std::string &name, const Rates &rates, std::optional<Goal> goal) {
    report.add({name, "GB/s", summarize(rates.ours), {}});
    report.add({name + ": memcpy instead", "GB/s", summarize(rates.plain), {}});
    report.add({name + " / memcpy", "ratio", summarize(rates.ratio), goal});
}

// Each run stores new keys, verifies and removes them; the slots of one run serve the next, so that from the
// second run on each page of them is mapped.
void measure_store(const Settings &settings, const Contents &contents, std::uint64_t total_bytes,
                   std::uint64_t block_bytes, std::optional<Goal> goal, Report &report) {
    Daemon daemon(settings, std::max(settings.memory_for(total_bytes), GiB));
    const Client client(daemon.socket_path());
    const Space space(client, block_bytes);
    const PlainMemory plain(total_bytes);
    const std::uint64_t count = total_bytes / block_bytes;
    constexpr unsigned warm_up = 2;
    Rates rates;
    std::vector<uakv_key> keys(count);
    for (unsigned run = 0; run < warm_up + settings.runs(); ++run) {
        for (std::uint64_t block = 0; block < count; ++block) {
            keys[block] = key_of_block(run, block);
        }
        const auto store = [&](std::uint64_t block) {
            require_ok(uakv_store(space.handle(), &keys[block], contents.of(block, block_bytes), block_bytes, nullptr),
                       "uakv_store");
        };
        const auto copy = [&](std::uint64_t block) {
            std::memcpy(plain.data() + block * block_bytes, contents.of(block, block_bytes), block_bytes);
        };
        Rates unused;
        take_turns(count, block_bytes, store, copy, run < warm_up ? unused : rates);
        for (std::uint64_t block = 0; block < count; ++block) {
            verify_block(space, keys[block], contents.of(block, block_bytes), block_bytes);
        }
        remove_blocks(space, keys);
    }
    report_rates(report, fmt::format("store {}", size_text(block_bytes)), rates, goal);
    daemon.stop();
}

void measure_retrieve_into(const Settings &settings, const Contents &contents, std::uint64_t total_bytes,
                           std::uint64_t block_bytes, Report &report) {
    Daemon daemon(settings, std::max(settings.memory_for(total_bytes), GiB));
    const Client client(daemon.socket_path());
    const Space space(client, block_bytes);
    const PlainMemory plain(total_bytes);
    const std::uint64_t count = total_bytes / block_bytes;
    load_blocks(client, space, contents, count, block_bytes);
    std::vector<uakv_key> keys(count);
    std::vector<std::byte> target(block_bytes);
    const auto retrieve_into = [&](std::uint64_t block) {
        require_ok(uakv_retrieve_into(space.handle(), &keys[block], target.data(), block_bytes, nullptr, nullptr),
                   "uakv_retrieve_into");
    };
    for (std::uint64_t block = 0; block < count; ++block) {
        keys[block] = key_of_block(0, block);
        const std::byte *expected = contents.of(block, block_bytes);
        std::memcpy(plain.data() + block * block_bytes, expected, block_bytes);
        retrieve_into(block);
        if (std::memcmp(target.data(), expected, block_bytes) != 0) {
            throw Failure("uakv_retrieve_into copied other bytes than were stored");
        }
    }
    Rates rates;
    for (unsigned run = 0; run < settings.runs(); ++run) {
        const auto copy = [&](std::uint64_t block) {
            std::memcpy(target.data(), plain.data() + block * block_bytes, block_bytes);
            // Without a reader of the target the compiler may drop the copy.
            __asm__ volatile("" : : "r"(target.data()) : "memory");
        };
        take_turns(count, block_bytes, retrieve_into, copy, rates);
    }
    report_rates(report, fmt::format("retrieve_into {}", size_text(block_bytes)), rates, {});
    daemon.stop();
}

} // namespace

void bench_store(const Settings &settings, Report &report) {
    const Contents contents;
    const std::uint64_t total_bytes = settings.quick ? 128 * MiB : 512 * MiB;
    measure_store(settings, contents, total_bytes, 64 * KiB, {}, report);
    measure_store(settings, contents, total_bytes, 2 * MiB, at_least(0.9), report);
    measure_store(settings, contents, total_bytes, 32 * MiB, {}, report);
    measure_retrieve_into(settings, contents, total_bytes, 2 * MiB, report);
}

} // namespace uakv::bench
