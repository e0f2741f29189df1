#include "machine.h"

#include "groups.h"

#include <cstddef>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <sys/utsname.h>
#include <uakv.h>
#include <vector>

namespace uakv::bench {
namespace {

// The text after the first "name...:" of a file in /proc, or nothing.
std::string field_of(const char *path, const std::string &name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, name.size(), name) == 0) {
            const std::size_t start = line.find_first_not_of(" \t", line.find(':') + 1);
            return start == std::string::npos ? "" : line.substr(start);
        }
    }
    return "";
}

std::uint64_t kilobytes_of(const std::string &name) {
    return std::strtoull(field_of("/proc/meminfo", name).c_str(), nullptr, 10) * KiB;
}

// Taken once, before anything is pinned.
const std::vector<std::size_t> &allowed_cpus() {
    static const std::vector<std::size_t> cpus = [] {
        cpu_set_t set;
        CPU_ZERO(&set);
        sched_getaffinity(0, sizeof set, &set);
        std::vector<std::size_t> found;
        for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &set)) {
                found.push_back(cpu);
            }
        }
        return found;
    }();
    return cpus;
}

std::size_t cpu_of_client(unsigned index) {
    const auto &cpus = allowed_cpus();
    return cpus[cpus.size() - 1 - index % cpus.size()];
}

std::string pinning_text() {
    if (allowed_cpus().size() < 2) {
        return "none: there is one cpu, and clients and daemon share it";
    }
    return fmt::format("client 1 on cpu {}, client 2 on cpu {}, the daemon on any cpu but {}", cpu_of_client(0),
                       cpu_of_client(1), cpu_of_client(0));
}

} // namespace

void print_machine(Report &report) {
    utsname system{};
    uname(&system);
    const std::string model = field_of("/proc/cpuinfo", "model name");
    report.fact("uakv", fmt::format("{}, a {} build", uakv_version_string(), UAKV_BENCH_BUILD));
    report.fact("machine", fmt::format("{}, {} cpus, {} {}, {:.1f} GiB of memory",
                                       model.empty() ? system.machine : model, allowed_cpus().size(), system.sysname,
                                       system.release, static_cast<double>(kilobytes_of("MemTotal")) / GiB));
    report.fact("load", load_text() + ", before the bench began");
    report.fact("pinning", pinning_text());
    pin_client(0);
    report.fact("clock", fmt::format("CLOCK_MONOTONIC; two readings in a row differ by {:.0f} ns, which every "
                                     "latency contains",
                                     clock_overhead_ns()));
}

std::string load_text() {
    double load = 0;
    getloadavg(&load, 1);
    return fmt::format("load average {:.1f} on {} cpus", load, allowed_cpus().size());
}

std::uint64_t memory_available_bytes() {
    return kilobytes_of("MemAvailable");
}

void pin_client(unsigned index) {
    if (allowed_cpus().size() < 2) {
        return;
    }
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu_of_client(index), &set);
    sched_setaffinity(0, sizeof set, &set);
}

cpu_set_t cpus_of_daemon(Beside beside) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::size_t cpu : allowed_cpus()) {
        const bool here = (cpu == cpu_of_client(0)) == (beside == Beside::same_cpu);
        if (allowed_cpus().size() < 2 || beside == Beside::all_cpus || here) {
            CPU_SET(cpu, &set);
        }
    }
    return set;
}

} // namespace uakv::bench
