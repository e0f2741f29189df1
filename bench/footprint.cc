// What the daemon takes while nobody wants anything of it.
#include "client.h"
#include "daemon.h"
#include "groups.h"

namespace uakv::bench {

void bench_footprint(const Settings &settings, Report &report) {
    Daemon daemon(settings, GiB);
    {
        const Client client(daemon.socket_path());
        std::vector<double> memory_mib;
        std::vector<double> cpu_ms;
        constexpr std::uint64_t second_ns = 1'000'000'000;
        sleep_for_ns(second_ns / 4); // until what the last connect began has ended
        for (unsigned run = 0; run < settings.runs(); ++run) {
            const std::uint64_t before_ns = daemon.cpu_ns();
            sleep_for_ns(second_ns);
            cpu_ms.push_back(static_cast<double>(daemon.cpu_ns() - before_ns) / 1e6);
            memory_mib.push_back(static_cast<double>(daemon.private_bytes()) / MiB);
        }
        report.add({"idle daemon, memory beside the cache", "MiB", summarize(memory_mib), at_most(30)});
        report.add({"idle daemon, cpu time in a second", "ms", summarize(cpu_ms), at_most(1)});
    }
    daemon.stop();
}

} // namespace uakv::bench
