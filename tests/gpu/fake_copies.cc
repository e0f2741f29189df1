// The stand-in driver's copies and launches.
#include "support/child.h"
#include "tests/gpu/loaded.h"

#include <atomic>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <vector>

namespace uakv::test {
namespace {

using namespace cuda;

constexpr std::size_t bytes = std::size_t{2} << 20;

DevicePtr device_memory(const Driver &driver) {
    const AllocationProp properties = exportable_memory();
    MemHandle handle = 0;
    CHECK_DONE(driver.call().mem_create(&handle, bytes, &properties, 0));
    const DevicePtr pointer = map_memory(driver, handle, bytes);
    CHECK_DONE(driver.call().mem_release(handle));
    return pointer;
}

char *host_memory(std::size_t size) {
    void *memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return static_cast<char *>(memory);
}

Stream held_stream(const Driver &driver) {
    Stream stream = nullptr;
    CHECK_DONE(driver.call().stream_create(&stream, stream_non_blocking));
    fakecuda::controls().hold(stream);
    return stream;
}

// Registered memory is read and written when the copy's turn comes; memory that is not is read at the call.
void when_it_is_read() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const DevicePtr pointer = device_memory(driver);
        char *registered = host_memory(4096);
        char *pageable = host_memory(4096);
        CHECK_DONE(call.mem_host_register(registered, 4096, 0));
        std::strcpy(registered, "early");
        std::strcpy(pageable, "early");
        const Stream stream = held_stream(driver);
        CHECK_DONE(call.memcpy_htod_async(pointer, registered, 6, stream));
        CHECK_DONE(call.memcpy_htod_async(pointer + 100, pageable, 6, stream));
        std::strcpy(registered, "later");
        std::strcpy(pageable, "later");
        fakecuda::controls().let_go(stream);
        CHECK_DONE(call.stream_synchronize(stream));
        const auto *there = static_cast<const char *>(fakecuda::controls().host_address(pointer, 106));
        CHECK(std::strcmp(there, "later") == 0);
        CHECK(std::strcmp(there + 100, "early") == 0);
        // Neither does a copy to registered memory wait.
        fakecuda::controls().hold(stream);
        CHECK_DONE(call.memcpy_dtoh_async(registered, pointer + 100, 6, stream));
        CHECK(std::strcmp(registered, "later") == 0);
        CHECK_EQ(fakecuda::controls().step(stream, 1), 1);
        CHECK(std::strcmp(registered, "early") == 0);
        fakecuda::controls().let_go(stream);
        std::memset(pageable, 0, 6);
        CHECK_DONE(call.memcpy_dtoh_async(pageable, pointer, 6, stream)); // this one does
        CHECK(std::strcmp(pageable, "later") == 0);
    });
}

// No copy may cross the end of a registered piece, even into the next one.
void pieces() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const DevicePtr pointer = device_memory(driver);
        char *memory = host_memory(12288);
        CHECK_DONE(call.mem_host_register(memory, 4096, 0));
        CHECK_DONE(call.mem_host_register(memory + 4096, 4096, 0));
        CHECK_DONE(call.memcpy_htod_async(pointer, memory, 4096, stream_default));
        CHECK_CUDA(call.memcpy_htod_async(pointer, memory, 4097, stream_default), error_invalid_value);
        CHECK_CUDA(call.memcpy_htod_async(pointer, memory + 8000, 500, stream_default), error_invalid_value);
        CHECK_DONE(call.memcpy_htod_async(pointer, memory + 8192, 500, stream_default));
        CHECK_DONE(call.stream_synchronize(stream_default));
    });
}

// What was there at the call and is not any more when its turn comes breaks the context.
void unmapped_meanwhile() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const DevicePtr pointer = device_memory(driver);
        const Stream stream = held_stream(driver);
        CHECK_DONE(call.memset_d8_async(pointer, 7, bytes, stream));
        CHECK_EQ(fakecuda::controls().step(stream, 1), 1);
        CHECK(*static_cast<const char *>(fakecuda::controls().host_address(pointer + bytes - 1, 1)) == 7);
        CHECK_CUDA(call.memset_d8_async(pointer, 7, bytes + 1, stream), error_invalid_value);
        CHECK_DONE(call.memset_d8_async(pointer, 8, bytes, stream));
        unmap_memory(driver, pointer, bytes);
        fakecuda::controls().let_go(stream);
        CHECK_CUDA(call.stream_synchronize(stream), error_illegal_address);
    });
}

void batches() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const DevicePtr pointer = device_memory(driver);
        CHECK_DONE(call.memcpy_htod(pointer, "first and second", 17));
        Stream stream = nullptr;
        CHECK_DONE(call.stream_create(&stream, 0));
        DevicePtr to[] = {pointer + 1000, pointer + 2000};
        DevicePtr from[] = {pointer, pointer + 10};
        std::size_t sizes[] = {5, 7};
        MemcpyAttributes attributes = {source_order_stream, {}, {}, 0};
        std::size_t of = 0;
        CHECK_CUDA(call.memcpy_batch_async(to, from, sizes, 2, &attributes, &of, 1, stream_default),
                   error_invalid_value);
        CHECK_DONE(call.memcpy_batch_async(to, from, sizes, 2, &attributes, &of, 1, stream));
        CHECK_DONE(call.stream_synchronize(stream));
        const auto *there = static_cast<const char *>(fakecuda::controls().host_address(pointer, bytes));
        CHECK(std::memcmp(there + 1000, "first", 5) == 0);
        CHECK(std::memcmp(there + 2000, "second", 7) == 0);
        from[1] = pointer + bytes;
        std::size_t failed = 0;
        CHECK_CUDA(call.memcpy_batch_async_12080(to, from, sizes, 2, &attributes, &of, 1, &failed, stream),
                   error_invalid_value);
        CHECK_EQ(failed, 1);
        from[1] = pointer;
        attributes.src_access_order = 0;
        CHECK_CUDA(call.memcpy_batch_async(to, from, sizes, 2, &attributes, &of, 1, stream), error_invalid_value);
        attributes.src_access_order = source_order_any;
        fakecuda::controls().set_capture(stream, capture_active);
        CHECK_CUDA(call.memcpy_batch_async(to, from, sizes, 2, &attributes, &of, 1, stream), error_capture_unsupported);
        int status = -1;
        CHECK_DONE(call.stream_is_capturing(stream, &status));
        CHECK_EQ(status, capture_active); // the refusal does not end the capture
    });
}

constexpr const char *ptx = ".version 6.0\n.target sm_70\n.address_size 64\n.visible .entry fakecuda_add(\n)\n";

struct Loaded {
    Module module = nullptr;
    Function add = nullptr;
};

Loaded load_kernel(const Driver &driver) {
    Loaded loaded;
    CHECK_DONE(driver.call().module_load_data(&loaded.module, ptx));
    CHECK_DONE(driver.call().module_get_function(&loaded.add, loaded.module, "fakecuda_add"));
    return loaded;
}

Status launch(const Driver &driver, Function add, DevicePtr to, DevicePtr from, std::uint64_t count, Stream stream,
              unsigned threads = 32) {
    std::uint8_t added = 3;
    void *parameters[] = {&to, &from, &count, &added};
    return driver.call().launch_kernel(add, 1, 1, 1, threads, 1, 1, 0, stream, parameters, nullptr);
}

// Parameters are taken at the launch; the kernel runs at its turn.
void launched() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        const DevicePtr pointer = device_memory(driver);
        const Loaded loaded = load_kernel(driver);
        CHECK_DONE(call.memcpy_htod(pointer, "abc", 4));
        const Stream stream = held_stream(driver);
        CHECK_DONE(launch(driver, loaded.add, pointer + 64, pointer, 3, stream));
        CHECK_DONE(call.memcpy_async(pointer + 128, pointer + 64, 3, stream));
        const auto *there = static_cast<const char *>(fakecuda::controls().host_address(pointer, bytes));
        CHECK(there[64] == 0);
        CHECK_EQ(fakecuda::controls().step(stream, 2), 2);
        CHECK(std::memcmp(there + 64, "def", 3) == 0);
        CHECK(std::memcmp(there + 128, "def", 3) == 0);
        CHECK_CUDA(launch(driver, loaded.add, pointer, pointer, 1, stream, 1025), error_invalid_value);
        CHECK_CUDA(launch(driver, loaded.add, pointer, pointer, 1, stream, 0), error_invalid_value);
        CHECK_DONE(call.module_unload(loaded.module));
        CHECK_CUDA(call.module_unload(loaded.module), error_invalid_handle);
        CHECK_CUDA(launch(driver, loaded.add, pointer, pointer, 1, stream), error_invalid_handle);
        CHECK_EQ(fakecuda::controls().counts().modules, 0);
    });
}

// A kernel that leaves what it may touch breaks its context: past the end, where it may only read, at a host address.
void out_of_bounds() {
    enum class Way { past_the_end, read_only, host };
    for (const Way way : {Way::past_the_end, Way::read_only, Way::host}) {
        run_child([way] {
            const Driver &driver = load_fake();
            const Functions &call = driver.call();
            const Current current(driver);
            const DevicePtr pointer = device_memory(driver);
            const Loaded loaded = load_kernel(driver);
            const AccessDesc only_read = {{location_device, 0}, access_read};
            char here[8] = {};
            DevicePtr to = pointer + bytes - 7;
            if (way == Way::read_only) {
                CHECK_DONE(call.mem_set_access(pointer, bytes, &only_read, 1));
                to = pointer;
            } else if (way == Way::host) {
                to = reinterpret_cast<DevicePtr>(here);
            }
            CHECK_DONE(launch(driver, loaded.add, to, pointer, 8, stream_default));
            CHECK_CUDA(call.stream_synchronize(stream_default), error_illegal_address);
            Stream stream = nullptr;
            CHECK_CUDA(call.stream_create(&stream, 0), error_illegal_address);
        });
    }
}

void images() {
    run_child([] {
        const Driver &driver = load_fake("ptx=6.0");
        const Functions &call = driver.call();
        const Current current(driver);
        Module module = nullptr;
        Function function = nullptr;
        CHECK_CUDA(call.module_load_data(&module, "nothing"), error_invalid_image);
        CHECK_CUDA(call.module_load_data(&module, ".version 9.0\n.target sm_90\n"), error_unsupported_ptx_version);
        CHECK_DONE(call.module_load_data(&module, ptx));
        CHECK_CUDA(call.module_get_function(&function, module, "another"), error_not_found);
        Module other = nullptr;
        CHECK_DONE(call.module_load_data(&other, ".version 6.0\n.target sm_70\n"));
        CHECK_CUDA(call.module_get_function(&function, other, "fakecuda_add"), error_not_found); // not in this text
        alignas(8) const std::uint32_t fatbin[4] = {0xBA55ED50, 0, 0, 0};
        CHECK_DONE(call.module_load_data(&module, fatbin));
        CHECK_DONE(call.module_get_function(&function, module, "fakecuda_add"));
    });
}

// A gate holds the streams of a process that the test cannot reach into.
void gated() {
    const std::string gate = "/tmp/uakv-gate-" + std::to_string(::getpid());
    {
        std::FILE *made = std::fopen(gate.c_str(), "w");
        CHECK(made != nullptr);
        std::fclose(made);
    }
    const Shared<std::atomic<int>> reached;
    Child child([&] {
        const Driver &driver = load_fake(("gate=" + gate).c_str());
        const Current current(driver);
        CHECK_DONE(driver.call().launch_host_func(
            stream_default, [](void *data) { *static_cast<std::atomic<int> *>(data) = 2; }, &*reached));
        int before = 0;
        CHECK(reached->compare_exchange_strong(before, 1));
        CHECK_DONE(driver.call().stream_synchronize(stream_default));
    });
    child.await("the work is enqueued", [&] { return reached->load() == 1; });
    CHECK(std::remove(gate.c_str()) == 0);
    child.join();
    CHECK_EQ(reached->load(), 2);
}

constexpr Case cases[] = {
    {"when_it_is_read", when_it_is_read},
    {"pieces", pieces},
    {"unmapped_meanwhile", unmapped_meanwhile},
    {"batches", batches},
    {"launched", launched},
    {"out_of_bounds", out_of_bounds},
    {"images", images},
    {"gated", gated},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("fake_copies", uakv::test::cases);
}
