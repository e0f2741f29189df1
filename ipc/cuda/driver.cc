#include "ipc/cuda/driver.h"
#include "ipc/cuda/status.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>

namespace uakv::cuda {
namespace {

// cuGetProcAddress_v2. The name is as old as CUDA 12.0, and so is the driver that has it.
using GetProcAddress = Status (*)(const char *name, void **function, int version, std::uint64_t flags, int *found);
constexpr std::uint64_t legacy_stream = 1; // CU_GET_PROC_ADDRESS_LEGACY_STREAM: stream 0 is what it is for cudart

constexpr const char *install = "install or update the NVIDIA driver, or name its library with gpu_driver or "
                                "UAKV_CUDA_DRIVER";

// The driver's own versions: 12040 is 12.4.
constexpr int major(int version) {
    return version / 1000;
}
constexpr int minor(int version) {
    return version % 1000 / 10;
}

enum class Need { required, optional };

// What has to be known to find functions in one library.
struct Lookup {
    GetProcAddress ask = nullptr;
    const char *path = nullptr;
    int driver_version = 0; // 0: not known yet
};

// Null where the driver does not have the function with these parameters. A driver that is asked for a version newer
// than its own answers with the newest that it knows, which may have other parameters: it is not asked.
Result<void *> find(const Lookup &lookup, const char *name, int version, Need need) {
    void *function = nullptr;
    int found = 0;
    Status status = success;
    if (lookup.driver_version == 0 || version <= lookup.driver_version) {
        status = lookup.ask(name, &function, version, legacy_stream, &found);
    }
    if (status == error_stub_library) {
        return error(UAKV_ERR_GPU,
                     "%s is what a CUDA toolkit has for linking, in its folder stubs, and no driver: %s; see that this "
                     "folder is in no library path",
                     lookup.path, install);
    }
    if (status != success || found != 0) {
        function = nullptr;
    }
    if (function == nullptr && need == Need::required) {
        return error(UAKV_ERR_GPU,
                     "the CUDA driver %s (CUDA %d.%d) has no %s as CUDA %d.%d has it (result %d, found %d): %s",
                     lookup.path, major(lookup.driver_version), minor(lookup.driver_version), name, major(version),
                     minor(version), status, found, install);
    }
    return function;
}

// What cuInit says when it fails, and what to do about it.
Error init_error(const char *path, Status status, const std::string &name) {
    const char *what = advice(Kind::unavailable);
    switch (status) {
    case error_no_device:
        what = "there is no CUDA device that this process may use: see nvidia-smi, CUDA_VISIBLE_DEVICES and, in a "
               "container, whether the device is passed into it";
        break;
    case error_not_initialized:
        what = "CUDA does not survive a fork: start a program of its own instead";
        break;
    case error_system_not_ready:
        what = "the system is not ready: on machines with NVSwitch the fabric manager has to run";
        break;
    case error_system_driver_mismatch:
        what = "the library and the kernel module are of different versions: load the module again, or restart";
        break;
    case error_compat_not_supported_on_device:
        what = "the compatibility package of the driver does not support this device: take it out of the library path";
        break;
    case error_unknown:
        what = "often the module nvidia_uvm is not loaded, or the device nodes may not be opened: see nvidia-smi and "
               "the kernel's log";
        break;
    default:
        break;
    }
    return error(UAKV_ERR_GPU, "the CUDA driver %s does not start: cuInit: %s: %s", path, name.c_str(), what);
}

} // namespace

Result<const Driver *> Driver::load(const char *path) {
    void *library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char *reason = ::dlerror();
        return uakv::error(UAKV_ERR_GPU, "no CUDA driver: %s: %s", reason == nullptr ? path : reason, install);
    }
    Lookup lookup;
    lookup.path = path;
    lookup.ask = reinterpret_cast<GetProcAddress>(::dlsym(library, "cuGetProcAddress_v2"));
    if (lookup.ask == nullptr) {
        return uakv::error(UAKV_ERR_GPU,
                           "%s is no CUDA driver of CUDA %d.%d or later: it has no cuGetProcAddress_v2: %s", path,
                           major(version_min), minor(version_min), install);
    }
    std::unique_ptr<Driver> driver(new Driver);
    driver->path_ = path;
    auto version = find(lookup, "cuDriverGetVersion", 2020, Need::required);
    if (!version.ok()) {
        return version.take_error();
    }
    const auto get_version = reinterpret_cast<decltype(Functions::driver_get_version)>(version.value());
    if (const Status status = get_version(&driver->version_); status != success) {
        return uakv::error(UAKV_ERR_GPU,
                           "the CUDA driver %s does not tell its version: cuDriverGetVersion gives %d: %s", path,
                           status, install);
    }
    if (driver->version_ < version_min) {
        return uakv::error(UAKV_ERR_GPU, "the CUDA driver %s is too old: it is of CUDA %d.%d, and %d.%d is needed: %s",
                           path, major(driver->version_), minor(driver->version_), major(version_min),
                           minor(version_min), install);
    }
    lookup.driver_version = driver->version_;
#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters)                                                     \
    {                                                                                                                  \
        auto found = find(lookup, #name, version, Need::need);                                                         \
        if (!found.ok()) {                                                                                             \
            return found.take_error();                                                                                 \
        }                                                                                                              \
        driver->functions_.field = reinterpret_cast<decltype(Functions::field)>(found.value());                        \
    }
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION
    if (const Status status = driver->functions_.init(0); status != success) {
        return init_error(path, status, driver->describe(status));
    }
    return const_cast<const Driver *>(driver.release());
}

Result<const Driver *> Driver::get(const char *path) {
    if (path == nullptr || *path == '\0') {
        path = ::secure_getenv(path_variable);
    }
    if (path == nullptr || *path == '\0') {
        path = default_path;
    }
    // Never destroyed: whoever runs while the process ends may still ask.
    static std::mutex &mutex = *new std::mutex;
    static auto &known = *new std::map<std::string, Result<const Driver *>>;
    const std::lock_guard lock(mutex);
    auto place = known.find(path);
    if (place == known.end()) {
        place = known.emplace(path, load(path)).first;
    }
    return place->second;
}

std::string Driver::describe(Status status) const {
    const char *name = nullptr;
    if (functions_.get_error_name(status, &name) != success || name == nullptr) {
        name = "CUDA error";
    }
    return std::string(name) + " (" + std::to_string(status) + ")";
}

Error Driver::error(std::string_view call, Status status) const {
    const Kind kind = kind_of(status);
    // Whoever comes here with a success has asked for an error where there is none.
    const uakv_status ours = status_of(kind) == UAKV_OK ? UAKV_ERR_INTERNAL : status_of(kind);
    std::string detail = std::string(call) + " failed: " + describe(status);
    if (*advice(kind) != '\0') {
        detail += std::string(": ") + advice(kind);
    }
    return Error{ours, std::move(detail)};
}

bool Driver::is_sticky(Status status) {
    return kind_of(status) == Kind::device_lost;
}

} // namespace uakv::cuda
