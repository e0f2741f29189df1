// Commits that are ordered by streams, through a daemon: a reader in another process must never find a block whose
// bytes are not all there. And what a hit costs.
#include "gpu/real/checks.h"

#include "abi/uakv_cuda.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

namespace uakv::gpu_checks {
namespace {

constexpr std::size_t block_bytes = 256 << 10;
constexpr unsigned streams = 4;

// Between writer and reader: the newest round that was enqueued, and whether more will come.
struct Progress {
    std::atomic<std::uint64_t> enqueued{0};
    std::atomic<bool> ended{false};
};

void require_status(uakv_status status, const char *what) {
    if (status == UAKV_OK) {
        return;
    }
    char detail[512] = "";
    uakv_last_error(nullptr, detail, sizeof detail);
    if (status == UAKV_ERR_GPU) {
        throw Skipped{std::string(what) + ": " + detail};
    }
    fail_with(std::string(what) + " gave " + uakv_status_name(status) + ": " + detail);
}

struct Client {
    Client() {
        require_status(uakv_connect(nullptr, &client), "uakv_connect");
        require_status(uakv_space_open(client, "commits", nullptr, &space), "uakv_space_open");
    }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    ~Client() { uakv_disconnect(client); }
    uakv_client *client = nullptr;
    uakv_space *space = nullptr;
};

uakv_key key_of(std::uint64_t round) {
    return uakv_key_of(&round, sizeof round);
}

// Every byte of a block is that of its round, written in pieces so that it takes a while.
int byte_of(std::uint64_t round) {
    return static_cast<int>(round % 255 + 1);
}

void store(const Client &client, const Gpu &gpu, cuda::Stream stream, std::uint64_t round) {
    uakv_slot slot;
    const uakv_key key = key_of(round);
    require_status(uakv_reserve_cuda(client.space, &key, block_bytes, 0, nullptr, &slot), "uakv_reserve_cuda");
    const auto data = reinterpret_cast<cuda::DevicePtr>(slot.data);
    const auto byte = static_cast<unsigned char>(byte_of(round));
    for (std::size_t at = 0; at < block_bytes; at += block_bytes / 4) {
        GPU_CHECK(gpu, memset_d8_async(data + at, byte, block_bytes / 4, stream));
    }
    require_status(uakv_commit_on_stream(&slot, stream), "uakv_commit_on_stream");
}

void await_published(const Client &client, std::uint64_t round) {
    const uakv_key key = key_of(round);
    uakv_status status = UAKV_MISS;
    for (const double end = now_seconds() + 20; status == UAKV_MISS && now_seconds() < end;) {
        uakv_view view;
        status = uakv_retrieve_cuda(client.space, &key, 0, nullptr, &view);
        if (status == UAKV_OK) {
            require_status(uakv_release(&view), "uakv_release");
        }
    }
    require_status(status, "the newest block is not published; uakv_retrieve_cuda");
}

void write(Progress &progress, std::uint64_t rounds, double seconds) {
    const Gpu gpu;
    const Client client;
    cuda::Stream used[streams];
    for (cuda::Stream &stream : used) {
        GPU_CHECK(gpu, stream_create(&stream, cuda::stream_non_blocking));
    }
    const double end = now_seconds() + seconds;
    for (std::uint64_t round = 1; round <= rounds && now_seconds() < end; ++round) {
        store(client, gpu, used[round % streams], round);
        progress.enqueued.store(round);
    }
    for (cuda::Stream stream : used) {
        GPU_CHECK(gpu, stream_synchronize(stream));
    }
    await_published(client, progress.enqueued.load()); // the daemon drops what a process leaves unpublished
    progress.ended.store(true);
}

struct Seen {
    std::uint64_t looked = 0, found = 0;
};

// Looks for the newest blocks again and again, and reads each that it finds.
Seen read(const Gpu &gpu, const Client &client, const Progress &progress) {
    Seen seen;
    std::vector<std::uint8_t> bytes(block_bytes);
    uakv_retrieve_options options{};
    options.struct_size = sizeof options;
    options.flags = UAKV_RESIDENT_ONLY;
    for (bool last = false; !last;) {
        last = progress.ended.load();
        const std::uint64_t newest = progress.enqueued.load();
        for (std::uint64_t round = newest; round > 0 && round + streams > newest; --round) {
            uakv_view view;
            const uakv_key key = key_of(round);
            ++seen.looked;
            const uakv_status status = uakv_retrieve_cuda(client.space, &key, 0, &options, &view);
            if (status == UAKV_MISS) {
                continue;
            }
            require_status(status, "uakv_retrieve_cuda");
            const auto data = reinterpret_cast<cuda::DevicePtr>(view.data);
            GPU_CHECK(gpu, memcpy_dtoh_async(bytes.data(), data, block_bytes, gpu.stream));
            gpu.finish();
            require(std::all_of(bytes.begin(), bytes.end(), [&](int byte) { return byte == byte_of(round); }),
                    "round " + std::to_string(round) + ": a block was found whose bytes are not all there");
            require_status(uakv_release(&view), "uakv_release");
            ++seen.found;
        }
    }
    return seen;
}

void hits(Report &report, const Client &client, std::uint64_t round) {
    std::vector<double> nanoseconds;
    const uakv_key key = key_of(round);
    for (int i = 0; i < (report.stand_in() ? 10 : 100'000); ++i) {
        uakv_view view;
        const double begin = now_seconds();
        const uakv_status status = uakv_retrieve_cuda(client.space, &key, 0, nullptr, &view);
        const double end = now_seconds();
        require_status(status, "uakv_retrieve_cuda");
        require_status(uakv_release(&view), "uakv_release");
        nanoseconds.push_back((end - begin) * 1e9);
    }
    std::sort(nanoseconds.begin(), nanoseconds.end());
    report.figure("uakv_retrieve_cuda, hit, half of them within", nanoseconds[nanoseconds.size() / 2], "ns");
    report.figure("uakv_retrieve_cuda, hit, 99 of 100 within", nanoseconds[nanoseconds.size() * 99 / 100], "ns");
}

void commits(Report &report) {
    if (std::getenv("UAKV_SOCKET") == nullptr) {
        throw Skipped{"no daemon was started: run.py wants --daemon"};
    }
    void *shared = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(shared != MAP_FAILED, "mmap failed");
    Progress &progress = *new (shared) Progress;
    const bool small = report.stand_in();
    Child writer([&](const Fd &) { write(progress, small ? 100 : 200'000, 30); });
    try {
        const Gpu gpu;
        const Client client;
        while (progress.enqueued.load() == 0 && !progress.ended.load() && writer.is_running()) {
        }
        const Seen seen = writer.is_running() ? read(gpu, client, progress) : Seen{};
        require(writer.join(), "the writer failed: see its message");
        report.fact("rounds", std::to_string(progress.enqueued.load()));
        report.fact("blocks found and read",
                    std::to_string(seen.found) + " in " + std::to_string(seen.looked) + " looks");
        require(seen.found > 0, "no block was ever found");
        hits(report, client, progress.enqueued.load());
    } catch (...) {
        writer.kill();
        throw;
    }
}

} // namespace

const std::vector<Check> commit_checks = {
    {"commits", "no reader sees a block before its stream has written it", commits},
};

} // namespace uakv::gpu_checks
