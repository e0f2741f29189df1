// Checks that want a GPU: what each finds out goes into one line of JSON, which run.py puts into a table. They need
// nothing but the driver. With --driver they run on the stand-in, to show that they work; then no figure means
// anything, and none is written.
#pragma once

#include "ipc/cuda/driver.h"
#include "ipc/fd.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace uakv::gpu_checks {

// The machine lacks what the check needs.
struct Skipped {
    std::string why;
};
struct Failed {
    std::string why;
};

[[noreturn]] void fail_with(const std::string &why);
inline void require(bool condition, const std::string &what) {
    if (!condition) {
        fail_with(what);
    }
}
template <typename T> T take(Result<T> result) {
    require(result.ok(), result.ok() ? "" : result.error().detail);
    return std::move(result.value());
}

class Report {
public:
    explicit Report(bool stand_in) : stand_in_(stand_in) {}

    // A row of the table: what, how much, of what. A figure of the stand-in is left out.
    void figure(const std::string &what, double value, const char *unit);
    void fact(const std::string &what, const std::string &value);
    // Sizes and rounds are small on the stand-in.
    bool stand_in() const { return stand_in_; }
    std::string json(const char *name, const char *outcome, const std::string &why) const;

private:
    struct Row {
        std::string what, value, unit;
    };
    const bool stand_in_;
    std::vector<Row> rows_;
};

// The driver, a device with its primary context (current in this thread), and a stream.
class Gpu {
public:
    Gpu();
    Gpu(const Gpu &) = delete;
    Gpu &operator=(const Gpu &) = delete;
    ~Gpu();

    const cuda::Driver &driver;
    const cuda::Functions &call;
    cuda::Context context = nullptr;
    cuda::Stream stream = nullptr;

    void check(cuda::Status status, const char *what) const;
    void finish() const { check(call.stream_synchronize(stream), "cuStreamSynchronize"); }
    // Seconds that one round of `work` takes on the stream, from many.
    double seconds_of(unsigned rounds, const std::function<void()> &work) const;
};
const cuda::Driver &driver();
#define GPU_CHECK(gpu, call_) (gpu).check((gpu).call.call_, #call_)

// Memory of cuMemCreate, and a mapping of it. Needs a context only for map().
class Shared {
public:
    static Shared make(std::size_t bytes);
    static Shared import(const Fd &fd, std::size_t bytes);
    Shared(Shared &&other) noexcept;
    Shared &operator=(Shared &&) = delete;
    ~Shared();

    Fd share() const;
    cuda::DevicePtr map(int access);
    cuda::DevicePtr pointer() const { return pointer_; }

private:
    Shared(cuda::MemHandle handle, std::size_t bytes) : handle_(handle), bytes_(bytes) {}
    cuda::MemHandle handle_;
    std::size_t bytes_;
    cuda::DevicePtr pointer_ = 0;
};
std::size_t granularity();

// A child that runs `body` with its end of a socket, before any of it has touched CUDA.
class Child {
public:
    explicit Child(const std::function<void(const Fd &socket)> &body);
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;
    ~Child();
    const Fd &socket() const { return socket_; }
    void kill(); // SIGKILL, and waits
    bool is_running();
    // Waits until it has ended; false unless by itself with status 0.
    bool join();

private:
    pid_t pid_;
    int status_ = -1; // once it has ended
    Fd socket_;
};
// A word and perhaps a descriptor. Receiving waits 60 seconds.
void send_word(const Fd &socket, std::uint64_t word, int fd = -1);
std::uint64_t receive_word(const Fd &socket, Fd *fd = nullptr);

double now_seconds();

// What `bytes` on the device hold, from a seed; and whether they do.
void put_pattern(const Gpu &gpu, cuda::DevicePtr pointer, std::size_t bytes, std::uint64_t seed);
bool has_pattern(const Gpu &gpu, cuda::DevicePtr pointer, std::size_t bytes, std::uint64_t seed);

struct Check {
    const char *name;
    const char *says;
    void (*run)(Report &report);
};
extern const std::vector<Check> memory_checks; // memory.cc
extern const std::vector<Check> copy_checks;   // copies.cc
extern const std::vector<Check> commit_checks; // commits.cc; wants a daemon, by UAKV_SOCKET

} // namespace uakv::gpu_checks
