// Asynchronous calls, 64 on their way, against the waiting ones: stores and requests a second. Both take turns in one
// run. Where the daemon has a processor of its own, a waiting call costs little more than its copy; where it has to
// share the client's, each waiting call is two changes of process, and many on their way share them.
#include "blocks.h"
#include "client.h"
#include "daemon.h"
#include "failure.h"
#include "groups.h"

#include <array>
#include <fmt/format.h>
#include <functional>

namespace uakv::bench {
namespace {

constexpr std::uint64_t on_their_way = 64;
constexpr std::uint64_t turn = 512;

// Does something to block `index`; the second has just been begun when it returns.
struct Operation {
    const char *name;
    std::function<void(std::uint64_t index)> wait;
    std::function<uakv_status(std::uint64_t index)> submit;
};

std::uint64_t time_waiting(const Operation &operation, std::uint64_t first) {
    const std::uint64_t begin = now_ns();
    for (std::uint64_t i = first; i < first + turn; ++i) {
        operation.wait(i);
    }
    return now_ns() - begin;
}

std::uint64_t time_async(const Client &client, const Operation &operation, std::uint64_t first) {
    std::array<uakv_completion, on_their_way> done;
    const std::uint64_t begin = now_ns();
    std::uint64_t submitted = 0;
    std::uint64_t completed = 0;
    while (completed < turn) {
        for (; submitted < turn && submitted - completed < on_their_way; ++submitted) {
            if (operation.submit(first + submitted) != UAKV_PENDING) {
                throw_status(UAKV_ERR_BUSY, operation.name);
            }
        }
        const std::size_t count = uakv_poll(client.handle(), done.data(), done.size(), 10'000);
        if (count == 0) {
            throw Failure("no completion came within 10 s");
        }
        for (std::size_t i = 0; i < count; ++i) {
            require_ok(done[i].status, operation.name);
        }
        completed += count;
    }
    return now_ns() - begin;
}

struct Rates {
    std::vector<double> waiting;
    std::vector<double> async;
    std::vector<double> ratio;
};

void take_turns(const Client &client, const Operation &operation, std::uint64_t count, Rates &rates) {
    std::uint64_t waiting_ns = 0;
    std::uint64_t async_ns = 0;
    for (std::uint64_t first = 0; first < count; first += 2 * turn) {
        waiting_ns += time_waiting(operation, first);
        async_ns += time_async(client, operation, first + turn);
    }
    const double half = static_cast<double>(count) / 2 * 1e3; // operations per ns, as thousands a second
    rates.waiting.push_back(half * 1e3 / static_cast<double>(waiting_ns));
    rates.async.push_back(half * 1e3 / static_cast<double>(async_ns));
    rates.ratio.push_back(rates.async.back() / rates.waiting.back());
}

void report_rates(Report &report, const std::string &name, const Rates &rates) {
    report.add({name + ", waiting", "k/s", summarize(rates.waiting), {}});
    report.add({name + fmt::format(", {} on their way", on_their_way), "k/s", summarize(rates.async), {}});
    report.add({name + ", async / waiting", "ratio", summarize(rates.ratio), {}});
}

void measure(const Settings &settings, const Contents &contents, std::uint64_t block_bytes, Beside beside,
             Report &report) {
    const std::uint64_t count = settings.quick ? 4 * turn : 8 * turn;
    Daemon daemon(settings, settings.memory_for(count * block_bytes), beside);
    const Client client(daemon.socket_path());
    const Space space(client, block_bytes);
    std::vector<uakv_key> keys(count);
    const Operation store{
        "store",
        [&](std::uint64_t i) {
            require_ok(uakv_store(space.handle(), &keys[i], contents.of(i, block_bytes), block_bytes, nullptr),
                       "store");
        },
        [&](std::uint64_t i) {
            return uakv_store_submit(space.handle(), &keys[i], contents.of(i, block_bytes), block_bytes, nullptr, i);
        }};
    const Operation remove{
        "remove", [&](std::uint64_t i) { require_ok(uakv_remove(space.handle(), &keys[i], 1, nullptr), "remove"); },
        [&](std::uint64_t i) { return uakv_remove_submit(space.handle(), &keys[i], 1, i); }};
    Rates stores;
    Rates removes;
    constexpr unsigned warm_up = 2;
    for (unsigned run = 0; run < warm_up + settings.runs(); ++run) {
        for (std::uint64_t i = 0; i < count; ++i) {
            keys[i] = key_of_block(run, i);
        }
        Rates unused;
        take_turns(client, store, count, run < warm_up ? unused : stores);
        for (std::uint64_t i = 0; i < count; i += 16) {
            verify_block(space, keys[i], contents.of(i, block_bytes), block_bytes);
        }
        take_turns(client, remove, count, run < warm_up ? unused : removes);
    }
    const std::string where = beside == Beside::same_cpu ? ", daemon on the same cpu" : "";
    report_rates(report, fmt::format("store {}{}", size_text(block_bytes), where), stores);
    report_rates(report, fmt::format("remove{}", where), removes);
    daemon.stop();
}

} // namespace

void bench_async(const Settings &settings, Report &report) {
    const Contents contents;
    measure(settings, contents, 64 * KiB, Beside::other_cpus, report);
    measure(settings, contents, 64 * KiB, Beside::same_cpu, report);
}

} // namespace uakv::bench
