#include "scaling.h"

#include "bench/blocks.h"
#include "bench/client.h"
#include "bench/daemon.h"
#include "bench/failure.h"
#include "bench/processes.h"
#include "bench/timing.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

void hit(const Space &space, const uakv_key &key) {
    uakv_view view;
    require_ok(uakv_retrieve(space.handle(), &key, nullptr, &view), "uakv_retrieve");
    require_ok(uakv_release(&view), "uakv_release");
}

std::vector<uakv_key> draw_keys(std::uint64_t seed, std::uint64_t blocks, std::size_t count) {
    Random random(seed);
    std::vector<uakv_key> keys(count);
    std::generate(keys.begin(), keys.end(), [&] { return key_of_block(0, random.below(blocks)); });
    return keys;
}

// Rounds per second of one process, until the time is over; the clock is read once in 64 of them.
template <typename Round> double repeat_for(std::uint64_t duration_ns, Round round) {
    std::uint64_t rounds = 0;
    const std::uint64_t begin = now_ns();
    std::uint64_t end = begin;
    while (end - begin < duration_ns) {
        for (std::size_t i = 0; i < 64; ++i, ++rounds) {
            round(rounds);
        }
        end = now_ns();
    }
    return static_cast<double>(rounds) * 1e9 / static_cast<double>(end - begin);
}

constexpr std::uint64_t process_block_bytes = 64 * KiB;
constexpr std::uint64_t process_blocks = 1'000;

// Of all processes together, for each run. prepare(me, measure) makes what one of them needs, and measures a round.
template <typename Prepare>
std::vector<double> rates_of(const Settings &settings, unsigned processes, Prepare prepare) {
    const std::uint64_t duration_ns = settings.quick ? 50'000'000 : 300'000'000;
    SharedArray<double> rates(static_cast<std::size_t>(processes) * settings.runs());
    Gate gate(processes);
    run_processes(processes, [&](unsigned me) {
        prepare(me, [&](auto round) {
            repeat_for(duration_ns / 10, round);
            for (unsigned run = 0; run < settings.runs(); ++run) {
                gate.pass();
                rates[run * processes + me] = repeat_for(duration_ns, round);
                gate.pass();
            }
        });
    });
    std::vector<double> totals;
    for (unsigned run = 0; run < settings.runs(); ++run) {
        double total = 0;
        for (const double rate : rates.span(run * processes, processes)) {
            total += rate;
        }
        totals.push_back(total);
    }
    return totals;
}

std::vector<double> hits_per_second(const Settings &settings, const std::string &socket_path, unsigned processes) {
    return rates_of(settings, processes, [&](unsigned me, auto measure) {
        const Client client(socket_path);
        const Space space(client, process_block_bytes);
        const auto keys = draw_keys(me + 1, process_blocks, 4096);
        measure([&](std::uint64_t round) { hit(space, keys[round % keys.size()]); });
    });
}

// What the machine itself gains by more processes: about the work of a hit (locked instructions, loads), on memory that
// nobody shares. Processors that are two halves of one core gain little.
std::vector<double> private_work_per_second(const Settings &settings, unsigned processes) {
    return rates_of(settings, processes, [](unsigned, auto measure) {
        std::vector<std::atomic<std::uint64_t>> words(4096);
        measure([&](std::uint64_t round) {
            std::uint64_t sum = 0;
            for (std::uint64_t i = 0; i < 64; ++i) {
                sum += words[(round * 67 + i) % words.size()].load(std::memory_order_relaxed);
            }
            for (std::uint64_t i = 0; i < 6; ++i) {
                words[(round + i * 8) % words.size()].fetch_add(sum, std::memory_order_relaxed);
            }
        });
    });
}

void time_hits(const Settings &settings, const Space &space, std::uint64_t blocks, Report &report) {
    const std::size_t operations = settings.quick ? 20'000 : 100'000;
    std::vector<std::uint32_t> samples(operations);
    std::vector<double> p50;
    std::vector<double> p99;
    for (unsigned run = 0; run < settings.runs(); ++run) {
        const auto keys = draw_keys(run + 1, blocks, operations);
        for (std::size_t i = 0; i < operations; ++i) {
            const std::uint64_t begin = now_ns();
            hit(space, keys[i]);
            samples[i] = sample_of(begin, now_ns());
        }
        p50.push_back(percentile(samples, 0.5));
        p99.push_back(percentile(samples, 0.99));
    }
    const std::string name = fmt::format("hit among {} blocks of 4 KiB", count_text(blocks));
    report.add({name + ", p50", "ns", summarize(p50), {}});
    report.add({name + ", p99", "ns", summarize(p99), {}});
}

} // namespace

void bench_process_scaling(const Settings &settings, Report &report) {
    const Contents contents;
    Daemon daemon(settings, settings.memory_for(process_blocks * process_block_bytes), Beside::all_cpus);
    {
        const Client client(daemon.socket_path());
        const Space space(client, process_block_bytes);
        load_blocks(client, space, contents, process_blocks, process_block_bytes);
    }
    const std::vector<double> alone = hits_per_second(settings, daemon.socket_path(), 1);
    const std::vector<double> own_alone = private_work_per_second(settings, 1);
    report.add({"hits in a second, 1 process", "1/s", summarize(alone), {}});
    for (const unsigned processes : {2U, 4U}) {
        std::vector<double> hits = hits_per_second(settings, daemon.socket_path(), processes);
        report.add({fmt::format("hits in a second, {} processes", processes), "1/s", summarize(hits), {}});
        std::vector<double> own = private_work_per_second(settings, processes);
        std::vector<double> ratios(hits.size());
        for (std::size_t run = 0; run < hits.size(); ++run) {
            hits[run] /= alone[run];
            own[run] /= own_alone[run];
            ratios[run] = hits[run] / own[run];
        }
        report.add(
            {fmt::format("hits in a second, {} processes / 1 process", processes), "ratio", summarize(hits), {}});
        report.add(
            {fmt::format("work on own memory, {} processes / 1 process", processes), "ratio", summarize(own), {}});
        // Linear: hits gain by more processes what work gains that shares nothing.
        report.add({fmt::format("the first of these / the second, {} processes", processes), "ratio", summarize(ratios),
                    at_least(0.9)});
    }
    daemon.stop();
}

void bench_block_scaling(const Settings &settings, Report &report) {
    constexpr std::uint64_t block_bytes = 4 * KiB;
    const Contents contents;
    const std::uint64_t most = settings.blocks_that_fit(1'000'000, block_bytes);
    Daemon daemon(settings, settings.memory_for(most * block_bytes));
    {
        const Client client(daemon.socket_path());
        const Space space(client, block_bytes);
        for (const std::uint64_t wanted : {10U, 100U, 1'000U, 10'000U, 100'000U, 1'000'000U}) {
            const std::uint64_t blocks = std::min(wanted, most);
            load_blocks(client, space, contents, blocks, block_bytes); // those that are there already stay
            verify_blocks(space, contents, blocks, block_bytes);
            time_hits(settings, space, blocks, report);
            if (blocks < wanted) {
                break;
            }
        }
    }
    daemon.stop();
}

void bench_instructions(const Settings &settings, const std::string &hits_program, Report &report) {
    const std::string valgrind = find_program("valgrind");
    if (valgrind.empty()) {
        std::printf("instructions of a hit: valgrind is not installed\n");
        return;
    }
    constexpr std::uint64_t hits = 10'000;
    const Contents contents;
    Daemon daemon(settings, settings.memory_for(process_blocks * process_block_bytes));
    {
        const Client client(daemon.socket_path());
        const Space space(client, process_block_bytes);
        load_blocks(client, space, contents, process_blocks, process_block_bytes);
    }
    Server counted(valgrind,
                   {"valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                    "--toggle-collect=uakv_bench_hits", hits_program, daemon.socket_path(),
                    std::to_string(process_blocks), std::to_string(process_block_bytes), std::to_string(hits)},
                   cpus_of_daemon(Beside::all_cpus));
    counted.wait();
    const std::string log = counted.log_text();
    const std::string label = "Collected : ";
    const std::size_t at = log.find(label);
    const double collected = at == std::string::npos ? 0 : std::strtod(log.c_str() + at + label.size(), nullptr);
    if (collected < static_cast<double>(hits)) {
        throw Failure("callgrind counted nothing; its log:\n" + log);
    }
    report.add({"instructions of a hit (retrieve+release), callgrind",
                "count",
                {collected / static_cast<double>(hits), 0},
                at_most(400)});
    daemon.stop();
}

} // namespace uakv::bench
