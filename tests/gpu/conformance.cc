// What we rely on of the driver, and nothing that only the stand-in has: one suite for both. Run with "real" it takes
// the machine's own driver, and is skipped where there is none.
#include "ipc/unix_socket.h"
#include "support/child.h"
#include "tests/gpu/loaded.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

using namespace cuda;

const char *path = fakecuda::library;

// Each process loads the driver for itself: it does not survive a fork.
const Driver &load() {
    auto driver = Driver::get(path);
    if (!driver.ok()) {
        if (path != fakecuda::library) {
            throw Skip(driver.error().detail);
        }
        CHECK_MESSAGE(false, driver.error().detail);
    }
    return *driver.value();
}

std::size_t segment_bytes(const Driver &driver) {
    const AllocationProp properties = exportable_memory();
    std::size_t bytes = 0;
    CHECK_DONE(driver.call().mem_get_allocation_granularity(&bytes, &properties, granularity_minimum));
    CHECK(bytes >= 4096 && (bytes & (bytes - 1)) == 0);
    return bytes;
}

MemHandle create(const Driver &driver, std::size_t bytes) {
    const AllocationProp properties = exportable_memory();
    MemHandle handle = 0;
    CHECK_DONE(driver.call().mem_create(&handle, bytes, &properties, 0));
    return handle;
}

Fd export_handle(const Driver &driver, MemHandle handle) {
    int fd = -1;
    CHECK_DONE(driver.call().mem_export_to_shareable_handle(&fd, handle, handle_posix_descriptor, 0));
    return Fd(fd);
}

Status import_fd(const Driver &driver, const Fd &fd, MemHandle *handle) {
    return driver.call().mem_import_from_shareable_handle(
        handle, reinterpret_cast<void *>(static_cast<std::intptr_t>(fd.get())), handle_posix_descriptor);
}

void devices() {
    run_child([] {
        const Driver &driver = load();
        const Functions &call = driver.call();
        int count = 0;
        CHECK_DONE(call.device_get_count(&count));
        CHECK(count >= 1);
        Device device = -1;
        CHECK_DONE(call.device_get(&device, 0));
        CHECK_CUDA(call.device_get(&device, count), error_invalid_device);
        Uuid uuid = {};
        CHECK_DONE(call.device_get_uuid(&uuid, 0));
        CHECK(std::any_of(uuid.bytes, uuid.bytes + 16, [](std::uint8_t byte) { return byte != 0; }));
        char text[64] = {};
        CHECK_DONE(call.device_get_name(text, sizeof text, 0));
        CHECK(text[0] != '\0');
        CHECK_DONE(call.device_get_pci_bus_id(text, sizeof text, 0));
        CHECK_MESSAGE(std::strchr(text, ':') != nullptr, text);
        std::size_t bytes = 0;
        CHECK_DONE(call.device_total_mem(&bytes, 0));
        CHECK(bytes > 0);
        CHECK(driver.describe(error_out_of_memory) == "CUDA_ERROR_OUT_OF_MEMORY (2)");
    });
}

void contexts() {
    run_child([] {
        const Driver &driver = load();
        const Functions &call = driver.call();
        Context context = nullptr;
        CHECK_DONE(call.ctx_get_current(&context));
        CHECK(context == nullptr);
        CHECK_CUDA(call.ctx_pop_current(&context), error_invalid_context);
        DevicePtr pointer = 0;
        CHECK_CUDA(call.mem_alloc(&pointer, 4096), error_invalid_context);
        const Current current(driver);
        Device device = -1;
        CHECK_DONE(call.ctx_get_device(&device));
        CHECK_EQ(device, 0);
        CHECK_DONE(call.stream_get_ctx(stream_default, &context));
        CHECK(context == current.context());
        std::size_t free = 0;
        std::size_t total = 0;
        CHECK_DONE(call.mem_get_info(&free, &total));
        CHECK(free <= total && total > 0);
        CHECK_DONE(call.mem_alloc(&pointer, 4096));
        CHECK_DONE(call.mem_free(pointer));
    });
}

// Memory is made, exported and imported without a context, and mapped with one; also in the process that made it.
void shared_memory() {
    run_child([] {
        const Driver &driver = load();
        const Functions &call = driver.call();
        const std::size_t bytes = segment_bytes(driver);
        const AllocationProp properties = exportable_memory();
        MemHandle handle = 0;
        CHECK_CUDA(call.mem_create(&handle, bytes + 4096, &properties, 0), error_invalid_value);
        handle = create(driver, bytes);
        const Fd fd = export_handle(driver, handle);
        MemHandle imported = 0;
        CHECK_DONE(import_fd(driver, fd, &imported));
        const Current current(driver);
        const DevicePtr first = map_memory(driver, handle, bytes);
        const DevicePtr second = map_memory(driver, imported, bytes, access_read);
        CHECK_DONE(call.mem_release(handle));
        CHECK_DONE(call.mem_release(imported));
        char read[8] = {};
        CHECK_DONE(call.memcpy_htod(first + bytes - 8, "written", 8));
        CHECK_DONE(call.memcpy_dtoh(read, second + bytes - 8, 8));
        CHECK(std::strcmp(read, "written") == 0);
        unmap_memory(driver, first, bytes);
        CHECK_DONE(call.memcpy_dtoh(read, second + bytes - 8, 8)); // one mapping is enough
        unmap_memory(driver, second, bytes);
    });
}

void no_memory_of_its_own() {
    run_child([] {
        const Driver &driver = load();
        const Fd other(::memfd_create("other", MFD_CLOEXEC));
        CHECK(::ftruncate(other.get(), static_cast<off_t>(segment_bytes(driver))) == 0);
        MemHandle handle = 0;
        CHECK(import_fd(driver, other, &handle) != success);
        CHECK(import_fd(driver, Fd(), &handle) != success);
    });
}

// An exporter that is killed leaves the memory, with what is in it, to who has a descriptor.
void exporter_killed() {
    int pair[2] = {};
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    const Fd ours(pair[0]);
    const Fd theirs(pair[1]);
    const Shared<std::atomic<bool>> is_sent;
    Child exporter([&] {
        const Driver &driver = load();
        const MemHandle handle = create(driver, segment_bytes(driver));
        const Current current(driver);
        const DevicePtr pointer = map_memory(driver, handle, segment_bytes(driver));
        CHECK_DONE(driver.call().memcpy_htod(pointer + 12345, "still here", 11));
        const Fd fd = export_handle(driver, handle);
        const std::byte message[1] = {};
        const int fds[] = {fd.get()};
        CHECK(send_message(theirs, message, fds).ok());
        *is_sent = true;
        ::pause();
    });
    try {
        exporter.await("the descriptor is sent", [&] { return is_sent->load(); });
    } catch (const Failure &) {
        run_child([] { (void)load(); }); // skips where there is no driver
        throw;
    }
    exporter.kill();
    run_child([&] {
        const Driver &driver = load();
        auto received = receive_message(ours, AcceptFds::yes);
        CHECK(received.ok());
        MemHandle handle = 0;
        CHECK_DONE(import_fd(driver, received.value().fds.at(0), &handle));
        const Current current(driver);
        const DevicePtr pointer = map_memory(driver, handle, segment_bytes(driver));
        char read[11] = {};
        CHECK_DONE(driver.call().memcpy_dtoh(read, pointer + 12345, sizeof read));
        CHECK(std::strcmp(read, "still here") == 0);
    });
}

// A page that host and device share, as clients and daemon do: words in the order of the stream.
void ordered_words() {
    run_child([] {
        const Driver &driver = load();
        const Functions &call = driver.call();
        const Current current(driver);
        const Fd file(::memfd_create("words", MFD_CLOEXEC));
        CHECK(::ftruncate(file.get(), 4096) == 0);
        void *memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        CHECK(memory != MAP_FAILED);
        CHECK_DONE(call.mem_host_register(memory, 4096, host_register_device_map));
        CHECK_CUDA(call.mem_host_register(memory, 4096, host_register_device_map),
                   error_host_memory_already_registered);
        DevicePtr pointer = 0;
        CHECK_DONE(call.mem_host_get_device_pointer(&pointer, memory, 0));
        Stream stream = nullptr;
        CHECK_DONE(call.stream_create(&stream, stream_non_blocking));
        int capture = -1;
        CHECK_DONE(call.stream_is_capturing(stream, &capture));
        CHECK_EQ(capture, capture_none);
        struct Seen {
            const std::atomic<std::uint64_t> *word;
            std::atomic<std::uint64_t> value;
        } seen = {static_cast<std::atomic<std::uint64_t> *>(memory), 0};
        CHECK(call.stream_write_value64 != nullptr && call.launch_host_func != nullptr);
        CHECK_DONE(call.stream_write_value64(stream, pointer, 41, write_value_default));
        CHECK_DONE(call.launch_host_func(
            stream, [](void *data) { static_cast<Seen *>(data)->value = static_cast<Seen *>(data)->word->load(); },
            &seen));
        CHECK_DONE(call.stream_write_value64(stream, pointer, 42, write_value_default));
        await("the word is written", [&] { return seen.word->load() == 42; });
        CHECK_DONE(call.stream_synchronize(stream));
        CHECK_DONE(call.stream_query(stream));
        CHECK_EQ(seen.value.load(), 41);
        CHECK_DONE(call.stream_destroy(stream));
        CHECK_DONE(call.mem_host_unregister(memory));
        CHECK_CUDA(call.mem_host_unregister(memory), error_host_memory_not_registered);
    });
}

void copies_and_events() {
    run_child([] {
        const Driver &driver = load();
        const Functions &call = driver.call();
        const Current current(driver);
        constexpr std::size_t bytes = 1 << 20;
        DevicePtr pointer = 0;
        CHECK_DONE(call.mem_alloc(&pointer, 2 * bytes));
        Stream stream = nullptr;
        Event event = nullptr;
        CHECK_DONE(call.stream_create(&stream, stream_non_blocking));
        CHECK_DONE(call.event_create(&event, event_disable_timing));
        std::vector<char> to_device(bytes, 'a');
        std::vector<char> from_device(bytes);
        CHECK_DONE(call.memset_d8_async(pointer + bytes, 'b', bytes, stream));
        CHECK_DONE(call.memcpy_htod_async(pointer, to_device.data(), bytes, stream));
        CHECK_DONE(call.memcpy_async(pointer + bytes, pointer, bytes / 2, stream));
        CHECK_DONE(call.memcpy_dtoh_async(from_device.data(), pointer + bytes, bytes, stream));
        CHECK_DONE(call.event_record(event, stream));
        CHECK_DONE(call.event_synchronize(event));
        CHECK_DONE(call.event_query(event));
        CHECK(std::count(from_device.begin(), from_device.begin() + bytes / 2, 'a') == bytes / 2);
        CHECK(std::count(from_device.begin() + bytes / 2, from_device.end(), 'b') == bytes / 2);
        CHECK_DONE(call.event_destroy(event));
        CHECK_DONE(call.stream_destroy(stream));
        CHECK_DONE(call.mem_free(pointer));
    });
}

// Many copies in one call, in whichever of its two forms this driver has it.
void batches() {
    run_child([] {
        const Driver &driver = load();
        const Functions &call = driver.call();
        if (call.memcpy_batch_async == nullptr && call.memcpy_batch_async_12080 == nullptr) {
            throw Skip("a driver before CUDA 12.8 has no batch of copies");
        }
        const Current current(driver);
        DevicePtr pointer = 0;
        CHECK_DONE(call.mem_alloc(&pointer, 8192));
        CHECK_DONE(call.memcpy_htod(pointer, "first and second", 17));
        Stream stream = nullptr;
        CHECK_DONE(call.stream_create(&stream, stream_non_blocking));
        DevicePtr to[] = {pointer + 4096, pointer + 4196};
        DevicePtr from[] = {pointer, pointer + 10};
        std::size_t sizes[] = {5, 7};
        MemcpyAttributes attributes = {source_order_stream, {}, {}, 0};
        std::size_t of = 0;
        const auto copy = [&](Stream where) {
            std::size_t failed = 0;
            return call.memcpy_batch_async != nullptr
                       ? call.memcpy_batch_async(to, from, sizes, 2, &attributes, &of, 1, where)
                       : call.memcpy_batch_async_12080(to, from, sizes, 2, &attributes, &of, 1, &failed, where);
        };
        CHECK_CUDA(copy(stream_default), error_invalid_value);
        CHECK_DONE(copy(stream));
        CHECK_DONE(call.stream_synchronize(stream));
        char read[107] = {};
        CHECK_DONE(call.memcpy_dtoh(read, pointer + 4096, sizeof read));
        CHECK(std::memcmp(read, "first", 5) == 0 && std::memcmp(read + 100, "second", 7) == 0);
        CHECK_DONE(call.stream_destroy(stream));
        CHECK_DONE(call.mem_free(pointer));
    });
}

void images() {
    run_child([] {
        const Driver &driver = load();
        const Functions &call = driver.call();
        const Current current(driver);
        Module module = nullptr;
        CHECK(call.module_load_data(&module, "no image at all") != success);
        constexpr const char *ptx = ".version 6.0\n.target sm_70\n.address_size 64\n";
        CHECK_DONE(call.module_load_data(&module, ptx));
        Function function = nullptr;
        CHECK_CUDA(call.module_get_function(&function, module, "nothing"), error_not_found);
        CHECK_DONE(call.module_unload(module));
    });
}

void forked() {
    run_child([] {
        const Driver &driver = load();
        run_child([&] {
            int count = 0;
            CHECK_CUDA(driver.call().device_get_count(&count), error_not_initialized);
        });
    });
}

constexpr Case cases[] = {
    {"devices", devices},
    {"contexts", contexts},
    {"shared_memory", shared_memory},
    {"no_memory_of_its_own", no_memory_of_its_own},
    {"exporter_killed", exporter_killed},
    {"ordered_words", ordered_words},
    {"copies_and_events", copies_and_events},
    {"batches", batches},
    {"images", images},
    {"forked", forked},
};

} // namespace
} // namespace uakv::test

int main(int count, char **arguments) {
    if (count == 2 && std::strcmp(arguments[1], "real") == 0) {
        uakv::test::path = nullptr;
    }
    return uakv::test::run_cases("conformance", uakv::test::cases);
}
