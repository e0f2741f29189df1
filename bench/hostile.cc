// What one client can do to another's latency by asking too much of the daemon: the p99 of a victim's hits and of its
// stores while an attacker floods its ring, opens and drops connections, or rings without end. Against quiet, and
// against a process that only spins where the attacker would be (on the cpu of client 2): on a machine with fewer
// processors than there are processes here, that is what the kernel's sharing of processors costs, and only the rest is
// the daemon's.
#include "attackers.h"
#include "blocks.h"
#include "client.h"
#include "daemon.h"
#include "groups.h"
#include "processes.h"

#include <array>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

constexpr std::uint64_t block_bytes = 64 * KiB;
constexpr std::uint64_t hit_blocks = 256;
constexpr std::uint64_t store_blocks = 1'024;
constexpr double goal = 5; // times the p99 without an attack

struct Kind {
    Nuisance nuisance;
    const char *name;
};
constexpr std::array kinds = {
    Kind{Nuisance::spins, "beside a process that spins"}, Kind{Nuisance::floods, "one floods its ring"},
    Kind{Nuisance::connects, "one opens and drops connections"}, Kind{Nuisance::rings, "one rings without end"}};

struct Phase {
    std::atomic<bool> begun;
    std::atomic<bool> stop;
};

// The p99 of each kind, one value for each run.
struct Latencies {
    std::array<std::vector<double>, 1 + kinds.size()> hit; // the first: nobody else
    std::array<std::vector<double>, 1 + kinds.size()> store;
};

class Victim {
public:
    Victim(const std::string &socket_path, const Contents &contents, std::uint64_t operations)
        : client_(socket_path), space_(client_, block_bytes), contents_(contents), samples_(operations) {
        load_blocks(client_, space_, contents_, hit_blocks, block_bytes);
        verify_blocks(space_, contents_, hit_blocks, block_bytes);
    }

    double hit_p99() {
        for (std::uint32_t &sample : samples_) {
            const uakv_key key = key_of_block(0, random_.below(hit_blocks));
            uakv_view view;
            const std::uint64_t begin = now_ns();
            require_ok(uakv_retrieve(space_.handle(), &key, nullptr, &view), "uakv_retrieve");
            require_ok(uakv_release(&view), "uakv_release");
            sample = sample_of(begin, now_ns());
        }
        return percentile(samples_, 0.99);
    }
    // The daemon's memory holds them all; they are removed, untimed, for the next time.
    double store_p99() {
        std::vector<uakv_key> keys;
        std::vector<std::uint32_t> samples;
        while (keys.size() < store_blocks) {
            keys.push_back(key_of_block(1, keys.size()));
            const std::byte *data = contents_.of(keys.size(), block_bytes);
            const std::uint64_t begin = now_ns();
            require_ok(uakv_store(space_.handle(), &keys.back(), data, block_bytes, nullptr), "uakv_store");
            samples.push_back(sample_of(begin, now_ns()));
        }
        remove_blocks(space_, keys);
        return percentile(samples, 0.99);
    }

private:
    Client client_;
    Space space_;
    const Contents &contents_;
    std::vector<std::uint32_t> samples_;
    Random random_{1};
};

void measure_run(const std::string &socket_path, Victim &victim, Latencies &latencies) {
    latencies.hit[0].push_back(victim.hit_p99());
    latencies.store[0].push_back(victim.store_p99());
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        SharedArray<Phase> phase(1);
        std::array<double, 2> p99{};
        run_beside([&] { be_a_nuisance(kinds[i].nuisance, socket_path, phase[0].begun, phase[0].stop); },
                   [&] {
                       while (!phase[0].begun) {
                       }
                       p99 = {victim.hit_p99(), victim.store_p99()};
                       phase[0].stop = true;
                   });
        latencies.hit[1 + i].push_back(p99[0]);
        latencies.store[1 + i].push_back(p99[1]);
    }
}

std::vector<double> ratios_of(const std::vector<double> &attacked, const std::vector<double> &other) {
    std::vector<double> ratios;
    for (std::size_t run = 0; run < other.size(); ++run) {
        ratios.push_back(attacked[run] / other[run]);
    }
    return ratios;
}

void report_rows(Report &report, const std::string &what,
                 const std::array<std::vector<double>, 1 + kinds.size()> &p99) {
    report.add({what + " p99, quiet", "ns", summarize(p99[0]), {}});
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        const std::string name = fmt::format("{} p99, {}", what, kinds[i].name);
        report.add({name, "ns", summarize(p99[1 + i]), {}});
        if (kinds[i].nuisance != Nuisance::spins) {
            report.add({name + " / quiet", "ratio", summarize(ratios_of(p99[1 + i], p99[0])), at_most(goal)});
            report.add({name + " / spins", "ratio", summarize(ratios_of(p99[1 + i], p99[1])), {}});
        }
    }
}

} // namespace

void bench_hostile(const Settings &settings, Report &report) {
    const Contents contents;
    Daemon daemon(settings, settings.memory_for(4 * store_blocks * block_bytes));
    Latencies latencies;
    {
        Victim victim(daemon.socket_path(), contents, settings.quick ? 100'000 : 400'000);
        Latencies warm_up;
        measure_run(daemon.socket_path(), victim, warm_up);
        for (unsigned run = 0; run < settings.runs(); ++run) {
            measure_run(daemon.socket_path(), victim, latencies);
        }
    }
    report_rows(report, "hit 64 KiB", latencies.hit);
    report_rows(report, "store 64 KiB", latencies.store);
    daemon.stop();
}

} // namespace uakv::bench
