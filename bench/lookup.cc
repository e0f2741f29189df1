// What an engine asks before it computes: how much of this prompt is there? And what the index that answers
// it costs in memory, measured with the same million blocks.
#include "blocks.h"
#include "client.h"
#include "daemon.h"
#include "failure.h"
#include "groups.h"

#include <algorithm>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

constexpr std::uint64_t block_bytes = 4 * KiB;
constexpr std::uint64_t prefix_keys = 512;

void time_match(const Space &space, const uakv_key *keys, std::uint32_t &sample) {
    std::size_t matched = 0;
    const std::uint64_t begin = now_ns();
    const uakv_status status = uakv_match_prefix(space.handle(), keys, prefix_keys, &matched, nullptr);
    sample = sample_of(begin, now_ns());
    require_ok(status, "uakv_match_prefix");
    if (matched != prefix_keys) {
        throw Failure(fmt::format("uakv_match_prefix found {} of {} stored keys", matched, prefix_keys));
    }
}

// `prefixes` different prompts, asked for in turn: one stays in the caches of the cpu, many do not.
void measure_match(const Settings &settings, const Space &space, std::uint64_t blocks, std::uint64_t prefixes,
                   Report &report) {
    Random random(prefixes);
    const std::uint64_t calls = settings.quick ? 200 : 1'000;
    std::vector<uakv_key> keys(prefixes * prefix_keys);
    std::vector<std::uint32_t> samples(calls);
    std::vector<double> p50_us;
    for (unsigned run = 0; run < settings.runs(); ++run) {
        std::generate(keys.begin(), keys.end(), [&] { return key_of_block(0, random.below(blocks)); });
        std::uint32_t unused = 0;
        time_match(space, keys.data(), unused);
        for (std::uint64_t call = 0; call < calls; ++call) {
            time_match(space, &keys[call % prefixes * prefix_keys], samples[call]);
        }
        p50_us.push_back(percentile(samples, 0.5) / 1'000);
    }
    report.add({fmt::format("match_prefix 512 keys of {} blocks, {}, p50", count_text(blocks),
                            prefixes == 1 ? "the same" : "random"),
                "us", summarize(p50_us), at_most(50)});
}

} // namespace

void bench_lookup(const Settings &settings, Report &report) {
    const Contents contents;
    const std::uint64_t blocks = settings.blocks_that_fit(1'000'000, block_bytes);
    Daemon daemon(settings, settings.memory_for(blocks * block_bytes));
    {
        const Client client(daemon.socket_path());
        const Space space(client, block_bytes);
        load_blocks(client, space, contents, blocks, block_bytes);
        verify_blocks(space, contents, blocks, block_bytes);
        measure_match(settings, space, blocks, 1, report);
        measure_match(settings, space, blocks, settings.quick ? 200 : 1'000, report);
        const auto count = static_cast<double>(blocks);
        const double index = static_cast<double>(client.statistics().bytes_index) / count;
        report.add(
            {fmt::format("index memory per block, {} blocks", count_text(blocks)), "bytes", {index, 0}, at_most(256)});
        const double records = static_cast<double>(daemon.private_bytes()) / count;
        report.add({fmt::format("daemon's private memory per block, {} blocks", count_text(blocks)),
                    "bytes",
                    {records, 0},
                    {}});
    }
    daemon.stop();
}

} // namespace uakv::bench
