// The CUDA driver, loaded when it is first asked for: the one place that knows of libcuda. No program of ours links
// against it, so one build runs on machines with and without a GPU.
//
// Invariant: a Driver exists only after cuInit has succeeded and every required function was found with the parameters
// that driver_functions.def says; what is optional is there or null. Used by the daemon's GPU tier and by the client
// library; each brackets its own calls with contexts.
#pragma once

#include "ipc/cuda/cuda_types.h"
#include "ipc/result.h"

#include <string>
#include <string_view>

namespace uakv::cuda {

struct Functions {
#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters) Status(*field) parameters = nullptr;
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION
};

class Driver {
public:
    static constexpr const char *default_path = "libcuda.so.1";
    static constexpr const char *path_variable = "UAKV_CUDA_DRIVER";
    static constexpr int version_min = 12000;

    // Loads and initialises the driver, once for each path in a process; a failure is remembered, too. Thread-safe.
    // Null or empty: what UAKV_CUDA_DRIVER names (not in a set-uid program), otherwise libcuda.so.1. A driver stays
    // loaded for as long as the process lives: it has threads and exit handlers of its own.
    //
    // UAKV_ERR_GPU: no library, what a toolkit has for linking in its place, too old, a required function missing, no
    // device, or cuInit failed; the detail says which, and what to do.
    static Result<const Driver *> get(const char *path = nullptr);

    Driver(const Driver &) = delete;
    Driver &operator=(const Driver &) = delete;

    const Functions &call() const { return functions_; }
    int version() const { return version_; } // 12040 is 12.4
    const std::string &path() const { return path_; }

    // "CUDA_ERROR_OUT_OF_MEMORY (2)"
    std::string describe(Status status) const;

    // What to give to a caller after `call` ("cuMemCreate") failed; see status.h.
    Error error(std::string_view call, Status status) const;

    // The context, and with it every later call of this process on the device, is lost.
    static bool is_sticky(Status status);

private:
    Driver() = default;
    static Result<const Driver *> load(const char *path);

    Functions functions_;
    std::string path_;
    int version_ = 0;
};

} // namespace uakv::cuda
