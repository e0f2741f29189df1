// uakv-bench: one program, one table. What each row measures is told at the top of the file of its group.
#include "arguments.h"
#include "failure.h"
#include "groups.h"
#include "machine.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace uakv::bench {
namespace {

constexpr const char *usage = R"(usage: uakv-bench [GROUP]... [OPTION]...
Measures uakv on this machine against its goals and against memcpy, with daemons of its own on a private
socket. Takes a few minutes. Exits 0 when everything was measured, whether or not the goals are met, 1 when
a call failed or bytes were wrong, 2 for a wrong argument.

  --quick           fewer samples and less memory: under a minute, and figures that mean less
  --only NAMES      only these groups, separated by commas; the same as to name them in front:
                      retrieve   retrieve and release of resident blocks, from one process and from two
                      store      copies into the cache and out of it, in GB/s and against memcpy
                      reserve    reserve and commit in place, with the daemon awake and asleep
                      lookup     match_prefix over 512 keys; memory of the index per block
                      async      64 calls on their way against one after another
                      hostile    p99 of one client while another asks too much of the daemon
                      footprint  memory and cpu time of an idle daemon
                      disk       the disk tier beside fio; only when it is named, for it needs fio, some
                                 GiB of disk, and a quarter of an hour
                      startup    how soon a million blocks on disk are known; only when it is named
                      codec      what the codecs save and cost, beside memcpy, plain LZ4 and Blosc
  --disk DIR        where the groups disk and startup keep their files, on the file system that is to be measured;
                      $TMPDIR or /tmp
  --memory SIZE     of the largest daemon, such as 5GiB (the default; 1GiB with --quick); at least 1GiB.
                      Blocks that do not fit are left out, and the row says how many there were
  --json FILE       also writes the rows there: [{"name", "value", "unit", "goal", "met", "spread"}, ...]
  --daemon PATH     the uakvd to start
  --tensors DIR     KV tensors for the group codec: NAME.json, NAME.bf16.bin, NAME.fp16.bin; without them it makes
                      some up
  --help            this text

A value is the median over the runs of its row (7; 5 with --quick), its spread their interquartile range in the
same unit. Latencies are per operation and contain one reading of the clock.
)";

struct Group {
    std::string_view name;
    void (*run)(const Settings &, Report &);
    bool wanted = true;
};

using Groups = std::array<Group, 10>;

struct Options {
    Settings settings;
    std::string json_path;
    bool help = false;
};

Complaint choose_groups(std::string_view names, Groups &groups) {
    for (Group &group : groups) {
        group.wanted = false;
    }
    for (std::string_view rest = names;;) {
        const std::string_view name = rest.substr(0, rest.find(','));
        bool known = false;
        for (Group &group : groups) {
            known = known || group.name == name;
            group.wanted = group.wanted || group.name == name;
        }
        if (!known) {
            return "--only: there is no group \"" + std::string(name) +
                   "\"; there are retrieve, store, reserve, lookup, async, hostile, footprint, codec, disk and startup";
        }
        if (name.size() == rest.size()) {
            return std::nullopt;
        }
        rest.remove_prefix(name.size() + 1);
    }
}

Complaint choose_memory(const std::string &value, Settings &settings) {
    const auto size = parse_size(value);
    if (!size || *size < GiB) {
        return "--memory is \"" + value + "\"; expected at least 1GiB, such as 5GiB or 6000MiB";
    }
    settings.memory_bytes = *size;
    return std::nullopt;
}

// The groups that are named before the first option.
Complaint parse_options(int count, char **arguments, Options &options, Groups &groups) {
    std::string named;
    for (; count > 1 && arguments[1][0] != '-'; --count, ++arguments) {
        named += (named.empty() ? "" : ",") + std::string(arguments[1]);
    }
    if (!named.empty()) {
        if (auto complaint = choose_groups(named, groups)) {
            return complaint;
        }
    }
    return parse_arguments(
        count, arguments,
        {flag_argument("--quick", options.settings.quick),
         flag_argument("--help", options.help),
         text_argument("--json", options.json_path),
         text_argument("--daemon", options.settings.daemon_path),
         text_argument("--disk", options.settings.disk_path),
         text_argument("--tensors", options.settings.tensors_path),
         {"--only", true, [&](const std::string &value) { return choose_groups(value, groups); }},
         {"--memory", true, [&](const std::string &value) { return choose_memory(value, options.settings); }}});
}

// A smaller machine gets smaller daemons, but the 32 MiB blocks need 1 GiB.
std::uint64_t default_memory_bytes(bool quick) {
    const std::uint64_t wanted = quick ? GiB : 5 * GiB;
    return std::max(GiB, std::min(wanted, memory_available_bytes() / 2 / GiB * GiB));
}

void write_json(const Options &options, const Report &report) {
    if (!options.json_path.empty() && !report.write_json(options.json_path)) {
        throw Failure("cannot write " + options.json_path + ": " + std::strerror(errno));
    }
}

void run(const Options &options, const Groups &groups) {
    if (access(options.settings.daemon_path.c_str(), X_OK) != 0) {
        throw Failure("cannot execute the daemon " + options.settings.daemon_path + ": " + std::strerror(errno) +
                      "; say where it is with --daemon PATH");
    }
    Report report;
    write_json(options, report); // better to fail now than in a few minutes
    print_machine(report);
    report.fact("spread", "the interquartile range over " + std::to_string(options.settings.runs()) +
                              " runs, of which the value is the median");
    for (const Group &group : groups) {
        if (group.wanted) {
            group.run(options.settings, report);
        }
    }
    report.print_totals();
    write_json(options, report);
}

} // namespace
} // namespace uakv::bench

int main(int count, char **arguments) {
    using namespace uakv::bench;
    Groups groups{{{"retrieve", bench_retrieve},
                   {"store", bench_store},
                   {"reserve", bench_reserve},
                   {"lookup", bench_lookup},
                   {"async", bench_async},
                   {"hostile", bench_hostile},
                   {"footprint", bench_footprint},
                   {"codec", bench_codec},
                   {"disk", bench_disk, false},
                   {"startup", bench_startup, false}}};
    Options options;
    options.settings.daemon_path = UAKV_BENCH_DAEMON;
    const char *temporary = std::getenv("TMPDIR");
    options.settings.disk_path = temporary != nullptr ? temporary : "/tmp";
    options.settings.tensors_path = UAKV_BENCH_TENSORS;
    if (const auto complaint = parse_options(count, arguments, options, groups)) {
        std::fprintf(stderr, "uakv-bench: %s; --help lists all options\n", complaint->c_str());
        return 2;
    }
    if (options.help) {
        std::fputs(usage, stdout);
        return 0;
    }
    if (options.settings.memory_bytes == 0) {
        options.settings.memory_bytes = default_memory_bytes(options.settings.quick);
    }
    try {
        run(options, groups);
    } catch (const std::exception &failure) {
        std::fflush(stdout);
        std::fprintf(stderr, "uakv-bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
