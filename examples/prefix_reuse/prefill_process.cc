#include "prefill_process.h"

#include "block_cache.h"
#include "generation.h"
#include "transformer.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace prefix_reuse {
namespace {

static_assert(std::is_trivially_copyable_v<PrefillReport>, "it goes through a pipe");

// Computes the next block in the memory of the cache, or finds that it is there already. From then on it is read from
// the cache: what was committed is not ours any more. To commit what was computed from views that are still held is
// right where the tenant has no lease_max_age; elsewhere they are released first.
void prefill_block(Transformer &transformer, PagedKv &kv, BlockCache &cache, std::span<const std::uint32_t> prompt,
                   std::span<const uakv_key> keys, PrefillReport &report) {
    const std::size_t block = kv.blocks();
    const std::size_t first = block * kv.shape().tokens;
    bool stored = false;
    if (float *slot = cache.reserve(keys[block], block > 0 ? &keys[block - 1] : nullptr)) {
        kv.append_lent(slot);
        for (std::size_t position = first; position < first + kv.shape().tokens; ++position)
            transformer.forward(prompt[position], position, kv);
        report.tokens_computed += kv.shape().tokens;
        stored = cache.commit();
    }
    ++(stored ? report.blocks_stored : report.blocks_existed);

    const float *view = cache.view(keys[block]);
    if (view == nullptr)
        throw std::runtime_error("a block was evicted as soon as it was stored: give the daemon more memory");
    if (kv.blocks() == block)
        kv.append_view(view);
    else
        kv.replace_last_by_view(view);
}

// The cache is made outside, and so outlives this function: process A is killed with all its views open.
PrefillReport prefill(const Model &model, PagedKv &kv, BlockCache &cache, std::span<const std::uint32_t> prompt) {
    const Clock::time_point start = Clock::now();
    PrefillReport report{};
    report.pid = getpid();
    Transformer transformer(model);
    const std::vector<uakv_key> keys = keys_of(prompt, kv.shape().tokens);
    while (kv.blocks() < keys.size())
        prefill_block(transformer, kv, cache, prompt, keys, report);

    // What fills no whole block stays private.
    const std::size_t rest = keys.size() * kv.shape().tokens;
    if (rest < prompt.size())
        kv.append_own();
    for (std::size_t position = rest; position < prompt.size(); ++position, ++report.tokens_computed)
        transformer.forward(prompt[position], position, kv);
    report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return report;
}

[[noreturn]] void run_process_a(const Model &model, const BlockShape &shape, std::span<const std::uint32_t> prompt,
                                const char *socket_path, int ready_fd) {
    try {
        BlockCache cache(socket_path, model, shape);
        PagedKv kv(shape);
        const PrefillReport report = prefill(model, kv, cache, prompt);
        if (write(ready_fd, &report, sizeof report) == static_cast<ssize_t>(sizeof report))
            for (;;)
                pause(); // for the signal that ends it
        std::perror("process A: the pipe to its parent");
    } catch (const std::exception &error) {
        std::fprintf(stderr, "process A: %s\n", error.what());
    }
    _exit(1);
}

// Reads the report, or nothing when the process ended before it wrote one.
bool wait_until_ready(int ready_fd, PrefillReport &report) {
    ssize_t got = 0;
    do
        got = read(ready_fd, &report, sizeof report); // it fits into the pipe's atomic writes: all or nothing
    while (got < 0 && errno == EINTR);
    return got == static_cast<ssize_t>(sizeof report);
}

int reap(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            throw std::runtime_error("process A cannot be waited for");
    return status;
}

} // namespace

PrefillReport prefill_in_a_process_and_kill_it(const Model &model, const BlockShape &shape,
                                               std::span<const std::uint32_t> prompt, const char *socket_path) {
    std::array<int, 2> pipe_ends{};
    if (pipe(pipe_ends.data()) != 0)
        throw std::runtime_error("no pipe for process A");
    std::fflush(nullptr); // what is buffered belongs to this process alone
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0)
        throw std::runtime_error("process A cannot be forked");
    if (pid == 0) {
        close(pipe_ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); // nobody else would end it
        if (getppid() != parent)
            _exit(1);
        run_process_a(model, shape, prompt, socket_path, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    PrefillReport report{};
    const bool ready = wait_until_ready(pipe_ends[0], report);
    close(pipe_ends[0]);
    kill(pid, SIGKILL);
    const int status = reap(pid);
    if (!ready)
        throw std::runtime_error("process A ended before its blocks were stored");
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        throw std::runtime_error("process A was not ended by SIGKILL");
    return report;
}

} // namespace prefix_reuse
