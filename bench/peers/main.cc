// uakv-peers: the same work on uakv and on what one would take instead, in one run. workload.h says what the work is.
#include "bench/arguments.h"
#include "bench/failure.h"
#include "bench/groups.h"
#include "bench/server.h"
#include "picture.h"
#include "scaling.h"
#include "table.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv::bench {
namespace {

constexpr const char *usage = R"(usage: uakv-peers [OPTION]...
Does the same work on uakv, LMDB, Redis, memcached and plain shared memory, with servers of its own on private
sockets, and counts what a hit of uakv costs. Takes many minutes. Exits 0 when everything was measured,
whether or not the goals are met, 1 when something failed or bytes were wrong, 2 for a wrong argument.

  --quick           fewer sizes, processes and runs: a minute or two, and figures that mean less
  --only NAMES      only these parts, separated by commas:
                      peers      the table
                      scaling    hits of uakv with more processes and with more blocks
                      hit        instructions of a hit, counted by valgrind
  --memory SIZE     that each peer may take, such as 1GiB (the default; 256MiB with --quick); at least 256MiB
  --json FILE       writes the rows there: [{"name", "value", "unit", "goal", "met", "spread"}, ...]
  --svg FILE        draws the table's most telling part there
  --daemon PATH     the uakvd to start
  --redis PATH      redis-server, or redis-check-rdb, which is the same program (found on PATH)
  --memcached PATH  memcached (found on PATH)
  --help            this text

A value is the median over five runs (three with --quick), its spread their interquartile range. In the table the
second line says how many times better uakv is; below 1 the other is. What is not installed is left out.
)";

struct Options {
    bool quick = false;
    bool help = false;
    bool peers = true;
    bool scaling = true;
    bool hit = true;
    std::uint64_t memory_bytes = 0;
    std::string json_path;
    std::string svg_path;
    Programs programs;

    unsigned runs() const { return quick ? 3 : 5; }
};

Complaint choose_parts(std::string_view names, Options &options) {
    options.peers = options.scaling = options.hit = false;
    for (std::string_view rest = names;;) {
        const std::string_view name = rest.substr(0, rest.find(','));
        bool *part = name == "peers"     ? &options.peers
                     : name == "scaling" ? &options.scaling
                     : name == "hit"     ? &options.hit
                                         : nullptr;
        if (part == nullptr) {
            return "--only: there is no part \"" + std::string(name) + "\"; there are peers, scaling and hit";
        }
        *part = true;
        if (name.size() == rest.size()) {
            return std::nullopt;
        }
        rest.remove_prefix(name.size() + 1);
    }
}

Complaint choose_memory(const std::string &value, Options &options) {
    const auto size = parse_size(value);
    if (!size || *size < 256 * MiB) {
        return "--memory is \"" + value + "\"; expected at least 256MiB, such as 1GiB or 1500MiB";
    }
    options.memory_bytes = *size;
    return std::nullopt;
}

Complaint parse_options(int count, char **arguments, Options &options) {
    return parse_arguments(
        count, arguments,
        {flag_argument("--quick", options.quick),
         flag_argument("--help", options.help),
         text_argument("--json", options.json_path),
         text_argument("--svg", options.svg_path),
         text_argument("--daemon", options.programs.uakvd),
         text_argument("--redis", options.programs.redis),
         text_argument("--memcached", options.programs.memcached),
         {"--only", true, [&](const std::string &value) { return choose_parts(value, options); }},
         {"--memory", true, [&](const std::string &value) { return choose_memory(value, options); }}});
}

// A program that was named, or else the first of those that are on PATH.
void find_unless_named(std::string &program, std::initializer_list<const char *> names) {
    for (const char *name : names) {
        program = program.empty() ? find_program(name) : program;
    }
}

std::vector<PeerKind> kinds_that_are_here(const Programs &programs, Report &report) {
    std::vector<PeerKind> here;
    for (PeerKind &kind :
         std::vector<PeerKind>{plain_memory_peer(), uakv_peer(), lmdb_peer(), redis_by_hand_peer(programs),
                               redis_peer(programs), memcached_peer(programs)}) {
        report.fact(kind.name, kind.missing.empty() ? kind.words : "not measured: " + kind.missing);
        if (kind.missing.empty()) {
            here.push_back(std::move(kind));
        }
    }
    return here;
}

void add_goal(Report &report, const std::string &name, const std::vector<double> &ratios, Goal goal) {
    if (!ratios.empty()) { // otherwise that peer is not here
        report.add({name, "ratio", summarize(ratios), goal});
    }
}

// What uakv promises about its peers, of the cases with one process.
void add_goals(const Table &table, const CaseOutcomes &one, Report &report) {
    const std::string retrieve = case_text(Work::in_hand, one.what);
    const std::string store = case_text(Work::store, one.what);
    for (const char *peer : {"Redis", "memcached"}) {
        if (one.what.block_bytes == 2 * MiB) {
            add_goal(report, fmt::format("{}: {} / uakv", retrieve, peer), table.advantage(one, Work::in_hand, peer),
                     at_least(100));
        }
        add_goal(report, fmt::format("{}: uakv / {}", store, peer), table.advantage(one, Work::store, peer),
                 at_least(3));
    }
    std::vector<double> against_lmdb = table.advantage(one, Work::in_hand, "LMDB");
    for (double &ratio : against_lmdb) {
        ratio = 1 / ratio;
    }
    add_goal(report, fmt::format("{}: uakv / LMDB", retrieve), against_lmdb, at_most(1));
}

void bench_peers(const Options &options, Report &report) {
    const std::string load = load_text(); // before our own
    const std::vector<PeerKind> kinds = kinds_that_are_here(options.programs, report);
    const WorkPlan plan{options.runs(), options.quick ? 30'000'000U : 150'000'000U, options.memory_bytes};
    const std::vector<unsigned> processes = options.quick ? std::vector{1U, 2U} : std::vector{1U, 2U, 4U};
    std::vector<std::uint64_t> sizes{64 * KiB, 512 * KiB, 2 * MiB, 8 * MiB};
    if (options.quick) {
        sizes = {64 * KiB, 2 * MiB};
    }
    const Contents contents;
    Table table(report, kinds);
    std::vector<CaseOutcomes> alone;
    for (const std::uint64_t size : sizes) {
        for (const unsigned count : processes) {
            const WorkCase what{size, count};
            const CaseOutcomes one{what, do_work(plan, what, kinds, options.programs, contents)};
            table.add(one);
            if (count == 1) {
                alone.push_back(one);
            }
        }
    }
    for (const CaseOutcomes &one : alone) {
        add_goals(table, one, report);
    }
    if (!options.svg_path.empty()) {
        write_picture(options.svg_path, table, kinds, alone, load);
    }
}

void write_json(const Options &options, const Report &report) {
    if (!options.json_path.empty() && !report.write_json(options.json_path)) {
        throw Failure("cannot write " + options.json_path + ": " + std::strerror(errno));
    }
}

void run(const Options &options) {
    if (access(options.programs.uakvd.c_str(), X_OK) != 0) {
        throw Failure("cannot execute the daemon " + options.programs.uakvd + ": " + std::strerror(errno) +
                      "; say where it is with --daemon PATH");
    }
    Report report;
    write_json(options, report); // better to fail now than in a few minutes
    print_machine(report);
    report.fact("memory", fmt::format("each peer may take {} and holds half of it where hits are measured",
                                      size_text(options.memory_bytes)));
    report.fact("spread",
                fmt::format("the interquartile range over {} runs, of which the value is the median", options.runs()));
    if (options.peers) {
        bench_peers(options, report);
    }
    Settings settings;
    settings.quick = options.quick;
    settings.daemon_path = options.programs.uakvd;
    settings.memory_bytes =
        std::max(GiB, std::min(options.quick ? GiB : 5 * GiB, memory_available_bytes() / 2 / GiB * GiB));
    if (options.scaling) {
        bench_process_scaling(settings, report);
        bench_block_scaling(settings, report);
    }
    if (options.hit) {
        bench_instructions(settings, UAKV_BENCH_HITS, report);
    }
    report.print_totals();
    write_json(options, report);
}

} // namespace
} // namespace uakv::bench

int main(int count, char **arguments) {
    using namespace uakv::bench;
    Options options;
    options.programs.uakvd = UAKV_BENCH_DAEMON;
    if (const auto complaint = parse_options(count, arguments, options)) {
        std::fprintf(stderr, "uakv-peers: %s; --help lists all options\n", complaint->c_str());
        return 2;
    }
    if (options.help) {
        std::fputs(usage, stdout);
        return 0;
    }
    if (options.memory_bytes == 0) {
        options.memory_bytes = options.quick ? 256 * MiB : GiB;
    }
    find_unless_named(options.programs.redis, {"redis-server", "redis-check-rdb"});
    find_unless_named(options.programs.memcached, {"memcached"});
    try {
        run(options);
    } catch (const std::exception &failure) {
        std::fflush(stdout);
        std::fprintf(stderr, "uakv-peers: %s\n", failure.what());
        return 1;
    }
    return 0;
}
