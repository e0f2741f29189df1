// The disk tier through the whole stack, beside fio on the same file system, in turns: blocks that are stored and
// flushed against a sequential write that is made durable, and cold blocks that are retrieved in random order, each
// once, against a random read. The same sizes and the same number of requests on their way. And what hits in memory
// cost while the disk is saturated.
#include "blocks.h"
#include "client.h"
#include "daemon.h"
#include "failure.h"
#include "fio.h"
#include "groups.h"
#include "processes.h"
#include "scratch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <numeric>

namespace uakv::bench {
namespace {

constexpr unsigned rounds_min = 5; // single pairs scatter widely; their geometric mean counts
constexpr double fio_goal = 0.95;
constexpr double saturated_goal = 1.1;

struct Case {
    std::uint64_t block_bytes;
    unsigned depth;
};
constexpr std::array cases = {Case{128 * KiB, 32}, Case{2 * MiB, 8}, Case{8 * MiB, 4}};

// The smallest in which a block of 8 MiB fits into a segment, and several are on their way.
constexpr std::uint64_t little_memory = 512 * MiB;

struct Place {
    const Settings &settings;
    const ScratchDirectory &scratch;
    const Fio fio;
    const Contents contents;
    const std::uint64_t bytes; // moved by each measurement

    std::string directory() const { return scratch.path() + "/uakv"; }
    std::string fio_file() const { return scratch.path() + "/fio"; }
};

std::string write_config(const Place &place) {
    const std::string path = place.scratch.path() + "/uakvd.yaml";
    std::ofstream(path) << "enable_persistence: true\npersistence_path: " << place.directory()
                        << "\ndisk_size: " << 4 * place.bytes / MiB
                        << "MiB\ndisk_free: 1GiB\nuse_compression: false\nstop_timeout: 30s\n";
    return path;
}

double bytes_per_second(std::uint64_t bytes, std::uint64_t begin_ns) {
    return static_cast<double>(bytes) * 1e9 / static_cast<double>(now_ns() - begin_ns);
}

// Into an empty directory. The daemon stays.
double write_blocks(const Place &place, const Daemon &daemon, Case what) {
    const Client client(daemon.socket_path());
    const Space space(client, what.block_bytes, UAKV_SPACE_DURABLE);
    const std::uint64_t count = place.bytes / what.block_bytes;
    std::vector<uakv_key> keys(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        keys[i] = key_of_block(0, i);
    }
    const std::uint64_t begin = now_ns();
    for (std::uint64_t i = 0; i < count; ++i) {
        require_ok(
            uakv_store(space.handle(), &keys[i], place.contents.of(i, what.block_bytes), what.block_bytes, nullptr),
            "uakv_store");
    }
    require_ok(uakv_flush(space.handle()), "uakv_flush");
    return bytes_per_second(place.bytes, begin);
}

void check(const uakv_view &view, const std::byte *expected, std::uint64_t block_bytes) {
    constexpr std::size_t edge = 64;
    const auto *data = static_cast<const std::byte *>(view.data);
    if (view.nbytes != block_bytes || std::memcmp(data, expected, edge) != 0 ||
        std::memcmp(data + block_bytes - edge, expected + block_bytes - edge, edge) != 0) {
        throw Failure("a block came back from disk with other bytes than were stored");
    }
}

// Retrieves the blocks in the given order, `depth` on their way; none of them is in memory when it is asked for.
void read_blocks(const Place &place, const Client &client, const Space &space, Case what,
                 std::span<const std::uint64_t> order) {
    std::array<uakv_completion, 64> done;
    std::size_t submitted = 0;
    std::size_t completed = 0;
    while (completed < order.size()) {
        for (; submitted < order.size() && submitted - completed < what.depth; ++submitted) {
            const uakv_key key = key_of_block(0, order[submitted]);
            if (uakv_retrieve_submit(space.handle(), &key, nullptr, order[submitted]) != UAKV_PENDING) {
                throw_status(UAKV_ERR_BUSY, "uakv_retrieve_submit");
            }
        }
        const std::size_t count = uakv_poll(client.handle(), done.data(), done.size(), 10'000);
        for (std::size_t i = 0; i < count; ++i) {
            require_ok(done[i].status, "uakv_retrieve_submit");
            check(done[i].result.view, place.contents.of(done[i].user_data, what.block_bytes), what.block_bytes);
            require_ok(uakv_release(&done[i].result.view), "uakv_release");
        }
        if (count == 0) {
            throw Failure("no completion came within 10 s");
        }
        completed += count;
    }
}

std::vector<std::uint64_t> random_order(std::uint64_t count, std::uint64_t seed) {
    std::vector<std::uint64_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    Random random(seed);
    for (std::uint64_t i = count; i > 1; --i) {
        std::swap(order[i - 1], order[random.below(i)]);
    }
    return order;
}

double read_all(const Place &place, const Daemon &daemon, Case what, unsigned round) {
    const Client client(daemon.socket_path());
    const Space space(client, what.block_bytes, UAKV_SPACE_DURABLE);
    const std::vector<std::uint64_t> order = random_order(place.bytes / what.block_bytes, round + 1);
    const std::uint64_t loads = client.statistics().loads;
    const std::uint64_t begin = now_ns();
    read_blocks(place, client, space, what, order);
    const double rate = bytes_per_second(place.bytes, begin);
    if (client.statistics().loads - loads < order.size()) {
        throw Failure("some of the blocks were in memory: that measures no disk");
    }
    return rate;
}

struct Rates {
    std::vector<double> ours;
    std::vector<double> fio;
    std::vector<double> ratio;

    void add(double our, double their) {
        ours.push_back(our / 1e9);
        fio.push_back(their / 1e9);
        ratio.push_back(our / their);
    }
};

struct Measured {
    Rates write;
    Rates read;
};

// Who comes first changes from round to round.
void measure_round(const Place &place, Case what, unsigned round, const std::vector<std::string> &config,
                   Measured &measured) {
    const FioJob job{place.fio_file(), place.bytes, what.block_bytes, what.depth};
    double ours = 0;
    double theirs = 0;
    const auto write_ours = [&] {
        Daemon daemon(place.settings, place.settings.memory_for(place.bytes), Beside::other_cpus, config);
        ours = write_blocks(place, daemon, what);
        daemon.stop();
    };
    const auto read_ours = [&] {
        Daemon daemon(place.settings, little_memory, Beside::other_cpus, config);
        ours = read_all(place, daemon, what, round);
        daemon.stop();
    };
    const auto in_turn = [&](const auto &our_part, const auto &their_part) {
        if (round % 2 == 0) {
            our_part();
            their_part();
        } else {
            their_part();
            our_part();
        }
    };
    place.scratch.empty();
    write_config(place);
    in_turn(write_ours, [&] { theirs = place.fio.write(job); });
    measured.write.add(ours, theirs);
    in_turn(read_ours, [&] { theirs = place.fio.read_random(job); });
    measured.read.add(ours, theirs);
}

double geometric_mean(const std::vector<double> &values) {
    double sum = 0;
    for (const double value : values) {
        sum += std::log(value);
    }
    return std::exp(sum / static_cast<double>(values.size()));
}

void report_rates(Report &report, const std::string &name, const Rates &rates) {
    report.add({name, "GB/s", summarize(rates.ours), {}});
    report.add({name + ", fio", "GB/s", summarize(rates.fio), {}});
    report.add({name + " / fio", "ratio", summarize(rates.ratio), {}});
}

// The victim's blocks are pinned; a second process brings cold blocks in, as fast as they come.
void measure_saturated(const Place &place, const std::vector<std::string> &config, Report &report) {
    constexpr std::uint64_t hit_blocks = 256;
    constexpr std::uint64_t hit_bytes = 64 * KiB;
    constexpr Case cold{2 * MiB, 8};
    place.scratch.empty();
    write_config(place);
    {
        Daemon daemon(place.settings, place.settings.memory_for(place.bytes), Beside::other_cpus, config);
        write_blocks(place, daemon, cold);
        daemon.stop();
    }
    Daemon daemon(place.settings, little_memory, Beside::other_cpus, config);
    const Client client(daemon.socket_path());
    const Space space(client, hit_bytes);
    std::vector<uakv_key> keys;
    for (std::uint64_t i = 0; i < hit_blocks; ++i) {
        keys.push_back(key_of_block(9, i));
        require_ok(uakv_store(space.handle(), &keys[i], place.contents.of(i, hit_bytes), hit_bytes, nullptr),
                   "uakv_store");
    }
    require_ok(uakv_pin(space.handle(), keys.data(), keys.size(), UAKV_PIN_FOREVER), "uakv_pin");
    std::vector<std::uint32_t> samples(place.settings.quick ? 200'000 : 1'000'000);
    Random random(1);
    const auto hits = [&](double share) {
        for (std::uint32_t &sample : samples) {
            const uakv_key &key = keys[random.below(hit_blocks)];
            uakv_view view;
            const std::uint64_t begin = now_ns();
            require_ok(uakv_retrieve(space.handle(), &key, nullptr, &view), "uakv_retrieve");
            require_ok(uakv_release(&view), "uakv_release");
            sample = sample_of(begin, now_ns());
        }
        return percentile(samples, share);
    };
    std::array<std::vector<double>, 2> p50;
    std::array<std::vector<double>, 2> p99;
    std::vector<double> ratio;
    hits(0.5);
    for (unsigned run = 0; run < place.settings.runs(); ++run) {
        p50[0].push_back(hits(0.5));
        p99[0].push_back(percentile(samples, 0.99));
        SharedArray<std::atomic<unsigned>> phase(1); // 1: begun, 2: stop
        run_beside(
            [&] {
                const Client reader(daemon.socket_path());
                const Space blocks(reader, cold.block_bytes, UAKV_SPACE_DURABLE);
                const auto order = random_order(place.bytes / cold.block_bytes, run);
                for (std::size_t first = 0; phase[0] != 2; first = (first + 64) % (order.size() - 63)) {
                    read_blocks(place, reader, blocks, cold, std::span(order).subspan(first, 64));
                    unsigned idle = 0;
                    phase[0].compare_exchange_strong(idle, 1);
                }
            },
            [&] {
                while (phase[0] == 0) {
                }
                p50[1].push_back(hits(0.5));
                p99[1].push_back(percentile(samples, 0.99));
                phase[0] = 2;
            });
        ratio.push_back(p50[1].back() / p50[0].back());
    }
    report.add({"hit 64 KiB p50, disk idle", "ns", summarize(p50[0]), {}});
    report.add({"hit 64 KiB p50, disk saturated", "ns", summarize(p50[1]), {}});
    report.add({"hit 64 KiB p50, saturated / idle", "ratio", summarize(ratio), at_most(saturated_goal)});
    report.add({"hit 64 KiB p99, disk idle", "ns", summarize(p99[0]), {}});
    report.add({"hit 64 KiB p99, disk saturated", "ns", summarize(p99[1]), {}});
    daemon.stop();
}

} // namespace

void bench_disk(const Settings &settings, Report &report) {
    const ScratchDirectory scratch(settings.disk_path);
    const Place place{settings, scratch, {}, {}, settings.quick ? GiB / 2 : 2 * GiB};
    const std::vector<std::string> config = {"--config", scratch.path() + "/uakvd.yaml"};
    const unsigned rounds = settings.quick ? 2 : std::max(rounds_min, settings.runs());
    std::array<Measured, cases.size()> measured;
    for (unsigned round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < cases.size(); ++i) {
            measure_round(place, cases[i], round, config, measured[i]);
        }
    }
    std::vector<double> writes;
    std::vector<double> reads;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const std::string what = fmt::format("{}, {} on their way", size_text(cases[i].block_bytes), cases[i].depth);
        report_rates(report, "disk write " + what, measured[i].write);
        report_rates(report, "disk read " + what, measured[i].read);
        writes.insert(writes.end(), measured[i].write.ratio.begin(), measured[i].write.ratio.end());
        reads.insert(reads.end(), measured[i].read.ratio.begin(), measured[i].read.ratio.end());
    }
    std::vector<double> all = writes;
    all.insert(all.end(), reads.begin(), reads.end());
    report.add({"disk write / fio, geometric mean", "ratio", {geometric_mean(writes), 0}, {}});
    report.add({"disk read / fio, geometric mean", "ratio", {geometric_mean(reads), 0}, {}});
    report.add({"disk / fio, geometric mean", "ratio", {geometric_mean(all), 0}, at_least(fio_goal)});
    measure_saturated(place, config, report);
}

} // namespace uakv::bench
