// Retrieve and release of blocks that are resident: the path that must cost the same at any size, and that
// no other process can slow down.
#include "blocks.h"
#include "client.h"
#include "daemon.h"
#include "groups.h"
#include "machine.h"
#include "processes.h"

#include <fmt/format.h>
#include <utility>

namespace uakv::bench {
namespace {

struct Case {
    std::uint64_t block_bytes;
    std::uint64_t blocks;
    double goal_ns;
};

struct Measurement {
    const Case &what;
    const std::string &socket_path;
    const Contents &contents;
    unsigned processes;
    unsigned runs;
    std::uint64_t operations; // of each process in each run
};

// Keys in random order, laid out in the order of their use: what a caller has just computed.
void draw_keys(Random &random, std::uint64_t blocks, std::vector<uakv_key> &keys) {
    for (uakv_key &key : keys) {
        key = key_of_block(0, random.below(blocks));
    }
}

void time_operations(const Space &space, const std::vector<uakv_key> &keys, std::span<std::uint32_t> samples) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
        uakv_view view;
        const std::uint64_t begin = now_ns();
        const uakv_status retrieved = uakv_retrieve(space.handle(), &keys[i], nullptr, &view);
        require_ok(retrieved, "uakv_retrieve");
        const uakv_status released = uakv_release(&view);
        samples[i] = sample_of(begin, now_ns());
        require_ok(released, "uakv_release");
    }
}

// What one client process does. Its samples of run r lie at (r * processes + me) * operations.
void measure_as_client(const Measurement &m, unsigned me, Gate &gate, SharedArray<std::uint32_t> &samples) {
    const Client client(m.socket_path);
    const Space space(client, m.what.block_bytes);
    verify_blocks(space, m.contents, m.what.blocks, m.what.block_bytes);
    Random random(me + 1);
    std::vector<uakv_key> keys(m.operations);
    const std::uint64_t warm_up = m.operations / 10;
    for (unsigned run = 0; run < m.runs; ++run) {
        draw_keys(random, m.what.blocks, keys);
        const auto mine = samples.span((run * m.processes + me) * m.operations, m.operations);
        time_operations(space, keys, mine.first(warm_up));
        draw_keys(random, m.what.blocks, keys);
        gate.pass();
        time_operations(space, keys, mine);
    }
}

void measure(const Measurement &m, Report &report) {
    SharedArray<std::uint32_t> samples(m.runs * m.processes * m.operations);
    Gate gate(m.processes);
    run_processes(m.processes, [&](unsigned me) { measure_as_client(m, me, gate, samples); });
    std::vector<double> p50;
    std::vector<double> p99;
    for (unsigned run = 0; run < m.runs; ++run) {
        const auto all = samples.span(run * m.processes * m.operations, m.processes * m.operations);
        p50.push_back(percentile(all, 0.5));
        p99.push_back(percentile(all, 0.99));
    }
    const std::string name = fmt::format("retrieve+release {} x {}, {} process{}", size_text(m.what.block_bytes),
                                         count_text(m.what.blocks), m.processes, m.processes == 1 ? "" : "es");
    report.add({name + ", p50", "ns", summarize(p50), at_most(m.what.goal_ns)});
    report.add({name + ", p99", "ns", summarize(p99), {}});
}

} // namespace

void bench_retrieve(const Settings &settings, Report &report) {
    const Contents contents;
    for (const auto &[bytes, wanted, goal] : {Case{64 * KiB, 1'000, 400}, Case{2 * MiB, 1'000, 400},
                                              Case{32 * MiB, 128, 400}, Case{4 * KiB, 1'000'000, 1'000}}) {
        const Case what{bytes, settings.blocks_that_fit(wanted, bytes), goal};
        // A block must fit into a segment, and a segment is a 32nd of the memory or up to half of that.
        const std::uint64_t memory = settings.memory_for(std::max(what.blocks * bytes, 25 * bytes));
        Daemon daemon(settings, memory);
        {
            const Client client(daemon.socket_path());
            const Space space(client, bytes);
            load_blocks(client, space, contents, what.blocks, bytes);
        }
        for (const unsigned processes : {1U, 2U}) {
            const std::uint64_t operations = settings.quick ? 20'000 : 100'000;
            measure({what, daemon.socket_path(), contents, processes, settings.runs(), operations}, report);
        }
        daemon.stop();
    }
}

} // namespace uakv::bench
