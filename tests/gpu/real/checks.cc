#include "gpu/real/checks.h"

#include "ipc/clock.h"
#include "ipc/unix_socket.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace uakv::gpu_checks {

void fail_with(const std::string &why) {
    throw Failed{why};
}

// ---- report ---------------------------------------------------------------------------------------------------

namespace {

std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return out + "\"";
}

} // namespace

void Report::figure(const std::string &what, double value, const char *unit) {
    char text[64];
    std::snprintf(text, sizeof text, "%.4g", value);
    rows_.push_back({what, stand_in_ ? "null" : text, unit});
}

void Report::fact(const std::string &what, const std::string &value) {
    rows_.push_back({what, quoted(value), ""});
}

std::string Report::json(const char *name, const char *outcome, const std::string &why) const {
    std::string out = "{\"check\": " + quoted(name) + ", \"outcome\": " + quoted(outcome) +
                      ", \"why\": " + quoted(why) + ", \"stand_in\": " + (stand_in_ ? "true" : "false") +
                      ", \"rows\": [";
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        const Row &row = rows_[i];
        out += (i == 0 ? "{\"what\": " : ", {\"what\": ") + quoted(row.what) + ", \"value\": " + row.value +
               ", \"unit\": " + quoted(row.unit) + "}";
    }
    return out + "]}";
}

double now_seconds() {
    return static_cast<double>(now_ns()) / 1e9;
}

// ---- device ---------------------------------------------------------------------------------------------------

const cuda::Driver &driver() {
    auto loaded = cuda::Driver::get();
    if (!loaded.ok()) {
        throw Skipped{loaded.error().detail};
    }
    return *loaded.value();
}

Gpu::Gpu() : driver(gpu_checks::driver()), call(driver.call()) {
    check(call.device_primary_ctx_retain(&context, 0), "cuDevicePrimaryCtxRetain");
    check(call.ctx_push_current(context), "cuCtxPushCurrent");
    check(call.stream_create(&stream, cuda::stream_non_blocking), "cuStreamCreate");
}

Gpu::~Gpu() {
    static_cast<void>(call.stream_synchronize(stream));
    static_cast<void>(call.stream_destroy(stream));
    cuda::Context popped = nullptr;
    static_cast<void>(call.ctx_pop_current(&popped));
    static_cast<void>(call.device_primary_ctx_release(0));
}

void Gpu::check(cuda::Status status, const char *what) const {
    require(status == cuda::success, std::string(what) + ": " + driver.describe(status));
}

double Gpu::seconds_of(unsigned rounds, const std::function<void()> &work) const {
    work(); // once before, for what is only done once
    finish();
    const double begin = now_seconds();
    for (unsigned i = 0; i < rounds; ++i) {
        work();
    }
    finish();
    return (now_seconds() - begin) / rounds;
}

// ---- memory ---------------------------------------------------------------------------------------------------

namespace {

cuda::AllocationProp properties() {
    cuda::AllocationProp wanted{};
    wanted.type = cuda::allocation_pinned;
    wanted.requested_handle_types = cuda::handle_posix_descriptor;
    wanted.location = {cuda::location_device, 0};
    return wanted;
}

void check_status(cuda::Status status, const char *what) {
    require(status == cuda::success, std::string(what) + ": " + driver().describe(status));
}

} // namespace

std::size_t granularity() {
    const cuda::AllocationProp wanted = properties();
    std::size_t bytes = 0;
    check_status(driver().call().mem_get_allocation_granularity(&bytes, &wanted, cuda::granularity_minimum),
                 "cuMemGetAllocationGranularity");
    return bytes;
}

Shared Shared::make(std::size_t bytes) {
    const cuda::AllocationProp wanted = properties();
    cuda::MemHandle handle = 0;
    check_status(driver().call().mem_create(&handle, bytes, &wanted, 0), "cuMemCreate");
    return {handle, bytes};
}

Shared Shared::import(const Fd &fd, std::size_t bytes) {
    cuda::MemHandle handle = 0;
    auto *as_pointer = reinterpret_cast<void *>(static_cast<std::intptr_t>(fd.get()));
    check_status(driver().call().mem_import_from_shareable_handle(&handle, as_pointer, cuda::handle_posix_descriptor),
                 "cuMemImportFromShareableHandle");
    return {handle, bytes};
}

Shared::Shared(Shared &&other) noexcept
    : handle_(std::exchange(other.handle_, 0)), bytes_(other.bytes_), pointer_(std::exchange(other.pointer_, 0)) {}

Shared::~Shared() {
    const cuda::Functions &call = driver().call();
    if (pointer_ != 0) {
        static_cast<void>(call.mem_unmap(pointer_, bytes_));
        static_cast<void>(call.mem_address_free(pointer_, bytes_));
    }
    if (handle_ != 0) {
        static_cast<void>(call.mem_release(handle_));
    }
}

Fd Shared::share() const {
    int fd = -1;
    check_status(driver().call().mem_export_to_shareable_handle(&fd, handle_, cuda::handle_posix_descriptor, 0),
                 "cuMemExportToShareableHandle");
    return Fd(fd);
}

cuda::DevicePtr Shared::map(int access) {
    const cuda::Functions &call = driver().call();
    cuda::DevicePtr place = 0;
    check_status(call.mem_address_reserve(&place, bytes_, 0, 0, 0), "cuMemAddressReserve");
    const cuda::Status mapped = call.mem_map(place, bytes_, 0, handle_, 0);
    if (mapped != cuda::success) {
        static_cast<void>(call.mem_address_free(place, bytes_));
        check_status(mapped, "cuMemMap");
    }
    pointer_ = place;
    const cuda::AccessDesc wanted{{cuda::location_device, 0}, access};
    check_status(call.mem_set_access(place, bytes_, &wanted, 1), "cuMemSetAccess");
    return place;
}

// ---- processes ------------------------------------------------------------------------------------------------

Child::Child(const std::function<void(const Fd &socket)> &body) {
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair failed");
    Fd mine(ends[0]), other(ends[1]);
    pid_ = ::fork();
    require(pid_ >= 0, "fork failed");
    if (pid_ == 0) {
        mine = Fd();
        try {
            body(other);
            ::_exit(0);
        } catch (const Failed &failed) {
            std::fprintf(stderr, "child: %s\n", failed.why.c_str());
        } catch (const Skipped &skipped) {
            std::fprintf(stderr, "child: %s\n", skipped.why.c_str());
        }
        ::_exit(1);
    }
    socket_ = std::move(mine);
}

Child::~Child() {
    kill();
}

void Child::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }
}

bool Child::is_running() {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) {
        pid_ = -1;
    }
    return pid_ > 0;
}

bool Child::join() {
    if (pid_ > 0) {
        ::waitpid(std::exchange(pid_, -1), &status_, 0);
    }
    return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

void send_word(const Fd &socket, std::uint64_t word, int fd) {
    const auto sent = send_message(socket, std::as_bytes(std::span(&word, 1)),
                                   fd < 0 ? std::span<const int>{} : std::span<const int>(&fd, 1));
    require(sent.ok(), sent.ok() ? "" : sent.error().detail);
}

std::uint64_t receive_word(const Fd &socket, Fd *fd) {
    constexpr std::uint64_t patience_ns = 60'000'000'000;
    require(wait_readable(socket, now_ns() + patience_ns), "the other process said nothing for a minute");
    auto received = take(receive_message(socket, fd != nullptr ? AcceptFds::yes : AcceptFds::no));
    require(received.state == Received::State::message && received.length == sizeof(std::uint64_t),
            "the other process has ended");
    if (fd != nullptr) {
        require(received.fds.size() == 1, "no descriptor came along");
        *fd = std::move(received.fds[0]);
    }
    std::uint64_t word = 0;
    std::memcpy(&word, received.bytes.data(), sizeof word);
    return word;
}

// ---- patterns -------------------------------------------------------------------------------------------------

namespace {

std::vector<std::uint64_t> pattern(std::size_t bytes, std::uint64_t seed) {
    std::vector<std::uint64_t> words(bytes / sizeof(std::uint64_t));
    for (std::uint64_t &word : words) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        word = seed ^ seed >> 29;
    }
    return words;
}

} // namespace

void put_pattern(const Gpu &gpu, cuda::DevicePtr pointer, std::size_t bytes, std::uint64_t seed) {
    const auto words = pattern(bytes, seed);
    GPU_CHECK(gpu, memcpy_htod_async(pointer, words.data(), bytes, gpu.stream));
    gpu.finish();
}

bool has_pattern(const Gpu &gpu, cuda::DevicePtr pointer, std::size_t bytes, std::uint64_t seed) {
    std::vector<std::uint64_t> words(bytes / sizeof(std::uint64_t));
    GPU_CHECK(gpu, memcpy_dtoh_async(words.data(), pointer, bytes, gpu.stream));
    gpu.finish();
    return words == pattern(bytes, seed);
}

} // namespace uakv::gpu_checks
