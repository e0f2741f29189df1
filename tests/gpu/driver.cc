// Loading the driver: every function of the table is taken away and made to fail, and every way in which a machine can
// be without a driver that we can use gives its own sentence. A process loads a driver once, so each case has its own.
#include "ipc/cuda/driver.h"
#include "support/child.h"
#include "support/fakecuda/fakecuda.h"
#include "tests/gpu/loaded.h"

#include <cstdlib>
#include <functional>
#include <set>
#include <thread>
#include <vector>

namespace uakv::test {
namespace {

using cuda::Driver;
using cuda::Functions;

struct Row {
    const char *field, *name;
    int version;
    bool is_required;
    bool (*is_there)(const Functions &functions);
    cuda::Status (*call)(const Functions &functions); // with zeros, for a call that fails before it looks at them
};

template <typename... Parameters> cuda::Status call_with_zeros(cuda::Status (*function)(Parameters...)) {
    return function(Parameters{}...);
}

enum Need { optional, required };

constexpr Row rows[] = {
#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters)                                                     \
    {#field,                                                                                                           \
     #name,                                                                                                            \
     version,                                                                                                          \
     need == required,                                                                                                 \
     [](const Functions &functions) { return functions.field != nullptr; },                                            \
     [](const Functions &functions) { return call_with_zeros(functions.field); }},
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION
};
static_assert(sizeof(Functions) == std::size(rows) * sizeof(void (*)()), "the table has nothing that is not tested");

// In a process of its own, with the stand-in as UAKV_FAKECUDA says.
void with_options(const std::string &options, const std::function<void(Result<const Driver *>)> &check) {
    run_child([&] {
        CHECK(::setenv("UAKV_FAKECUDA", options.c_str(), 1) == 0);
        check(Driver::get(fakecuda::library));
    });
}

bool holds(const std::string &text, const std::string &words) {
    return text.find(words) != std::string::npos;
}

void refused(Result<const Driver *> driver, std::initializer_list<const char *> words) {
    CHECK(!driver.ok());
    CHECK_STATUS(driver.error().status, UAKV_ERR_GPU);
    for (const char *each : words) {
        CHECK_MESSAGE(holds(driver.error().detail, each), driver.error().detail + ": does not say " + each);
    }
}

void refuses(const std::string &options, std::initializer_list<const char *> words) {
    with_options(options, [&](Result<const Driver *> driver) { refused(std::move(driver), words); });
}

void whole() {
    with_options("", [](Result<const Driver *> driver) {
        CHECK_MESSAGE(driver.ok(), driver.ok() ? "" : driver.error().detail);
        for (const Row &row : rows) {
            CHECK_MESSAGE(row.is_there(driver.value()->call()), std::string("missing: ") + row.field);
        }
        CHECK_EQ(driver.value()->version(), 13000);
        CHECK(driver.value()->path() == fakecuda::library);
    });
}

// What is not there and required is named; what is optional is null, and nothing else is.
void each_is_missing() {
    for (const char *way : {"missing", "unknown"}) {
        for (const Row &row : rows) {
            with_options(std::string(way) + "=" + row.field, [&](Result<const Driver *> driver) {
                if (row.is_required) {
                    refused(std::move(driver), {row.name, "gpu_driver"});
                    return;
                }
                CHECK_MESSAGE(driver.ok(), std::string("refused without ") + row.field);
                for (const Row &other : rows) {
                    const bool expected = other.field != row.field;
                    CHECK_MESSAGE(other.is_there(driver.value()->call()) == expected,
                                  std::string("without ") + row.field + ": " + other.field);
                }
            });
        }
    }
}

// Each field leads to its function: that one is counted, its failure comes through, and the error names it.
void each_fails() {
    run_child([] {
        const Driver &driver = load_fake();
        for (const Row &row : rows) {
            const std::uint64_t before = fakecuda::controls().calls(row.field);
            fakecuda::controls().fail(row.field, 1, false, cuda::error_not_supported);
            CHECK_MESSAGE(row.call(driver.call()) == cuda::error_not_supported, row.field);
            CHECK_MESSAGE(fakecuda::controls().calls(row.field) == before + 1, row.field);
            const Error error = driver.error(row.name, cuda::error_not_supported);
            CHECK_STATUS(error.status, UAKV_ERR_UNSUPPORTED);
            CHECK_MESSAGE(error.detail.starts_with(std::string(row.name) + " failed: "), error.detail);
        }
    });
}

void init_fails() {
    refuses("devices=0", {"cuInit", "CUDA_ERROR_NO_DEVICE (100)", "CUDA_VISIBLE_DEVICES"});
    refuses("fail=cuInit:1:3", {"cuInit", "(3)", "fork"});
    refuses("fail=cuInit:1:802", {"cuInit", "(802)", "fabric manager"});
    refuses("fail=cuInit:1:803", {"cuInit", "(803)", "kernel module"});
    refuses("fail=cuInit:1:804", {"cuInit", "(804)", "compatibility package"});
    refuses("fail=cuInit:1:999", {"cuInit", "(999)", "nvidia_uvm"});
    refuses("fail=cuInit:1:46", {"cuInit", "(46)", "nvidia-smi"});
    refuses("fail=cuInit:1:100,fail=cuGetErrorName:1:1", {"CUDA error (100)"});
}

void version_fails() {
    refuses("fail=cuDriverGetVersion:1:1", {"cuDriverGetVersion", "version"});
    refuses("missing=cuDriverGetVersion", {"cuDriverGetVersion"});
}

void for_linking() {
    refuses("for_linking=1", {"for linking", "no driver", "install"});
}

void old() {
    refuses("driver=11080", {"too old", "CUDA 11.8", "12.0"});
    refuses("driver=2000", {"cuDriverGetVersion"});
}

// Which form of the batch of copies a driver has: the wrong one would be called with the wrong parameters.
void two_batches() {
    struct Expected {
        const char *options;
        bool first, second;
    };
    for (const Expected &each : {Expected{"driver=12000", false, false}, Expected{"driver=12070", false, false},
                                 Expected{"driver=12080", true, false}, Expected{"driver=12090", true, false},
                                 Expected{"driver=13000", true, true}, Expected{"driver=13010", true, true}}) {
        with_options(each.options, [&](Result<const Driver *> driver) {
            CHECK_MESSAGE(driver.ok(), driver.ok() ? "" : driver.error().detail);
            const Functions &call = driver.value()->call();
            CHECK_EQ(call.memcpy_batch_async_12080 != nullptr, each.first);
            CHECK_EQ(call.memcpy_batch_async != nullptr, each.second);
            const auto count = [](const char *field) { return fakecuda::controls().calls(field); };
            if (each.first) {
                (void)call_with_zeros(call.memcpy_batch_async_12080);
                CHECK_EQ(count("memcpy_batch_async_12080"), 1);
            }
            if (each.second) {
                (void)call_with_zeros(call.memcpy_batch_async);
                CHECK_EQ(count("memcpy_batch_async"), 1);
            }
        });
    }
}

void no_library() {
    run_child([] {
        refused(Driver::get("/nowhere/libcuda.so.1"), {"/nowhere/libcuda.so.1", "install", "gpu_driver"});
        refused(Driver::get("libm.so.6"), {"libm.so.6", "cuGetProcAddress_v2", "12.0"});
    });
}

// An explicit path, the variable, the usual name: in this order.
void paths() {
    run_child([] {
        CHECK(::setenv(Driver::path_variable, "/nowhere/driver", 1) == 0);
        refused(Driver::get(), {"/nowhere/driver"});
        refused(Driver::get(""), {"/nowhere/driver"});
        CHECK(Driver::get(fakecuda::library).ok());
    });
    run_child([] {
        CHECK(::setenv(Driver::path_variable, fakecuda::library, 1) == 0);
        auto driver = Driver::get();
        CHECK(driver.ok());
        CHECK(driver.value()->path() == fakecuda::library);
    });
    run_child([] {
        CHECK(::unsetenv(Driver::path_variable) == 0);
        auto driver = Driver::get(); // some machines have one
        CHECK(driver.ok() ? driver.value()->path() == "libcuda.so.1" : holds(driver.error().detail, "libcuda.so.1"));
    });
}

void remembered() {
    with_options("fail=cuInit:1:999", [](Result<const Driver *> first) {
        CHECK(!first.ok());
        auto again = Driver::get(fakecuda::library); // which would succeed now
        CHECK(!again.ok());
        CHECK(again.error().detail == first.error().detail);
        CHECK_EQ(fakecuda::controls().calls("cuInit"), 1);
    });
}

void once_for_all_threads() {
    run_child([] {
        std::vector<const Driver *> found(8);
        std::vector<std::thread> threads;
        for (auto &each : found) {
            threads.emplace_back([&each] {
                auto driver = Driver::get(fakecuda::library);
                each = driver.ok() ? driver.value() : nullptr;
            });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        CHECK(found.front() != nullptr);
        CHECK_EQ(std::set<const Driver *>(found.begin(), found.end()).size(), 1);
        CHECK_EQ(fakecuda::controls().calls("cuInit"), 1);
    });
}

void forked() {
    run_child([] {
        const Driver &driver = load_fake();
        run_child([&] {
            int count = 0;
            CHECK_CUDA(driver.call().device_get_count(&count), cuda::error_not_initialized);
            CHECK_STATUS(driver.error("cuDeviceGetCount", cuda::error_not_initialized).status, UAKV_ERR_GPU);
        });
        int count = 0;
        CHECK_DONE(driver.call().device_get_count(&count));
        CHECK_EQ(count, 1);
    });
}

constexpr Case cases[] = {
    {"whole", whole},
    {"each_is_missing", each_is_missing},
    {"each_fails", each_fails},
    {"init_fails", init_fails},
    {"version_fails", version_fails},
    {"for_linking", for_linking},
    {"old", old},
    {"two_batches", two_batches},
    {"no_library", no_library},
    {"paths", paths},
    {"remembered", remembered},
    {"once_for_all_threads", once_for_all_threads},
    {"forked", forked},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("driver", uakv::test::cases);
}
