// The stand-in driver's memory: that it lives, ends, is shared and refused as the driver's is.
#include "ipc/unix_socket.h"
#include "support/child.h"
#include "tests/gpu/loaded.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace uakv::test {
namespace {

using namespace cuda;

constexpr std::size_t granularity = std::size_t{2} << 20;

MemHandle create(const Driver &driver, std::size_t bytes = granularity, int ordinal = 0) {
    const AllocationProp properties = exportable_memory(ordinal);
    MemHandle handle = 0;
    CHECK_DONE(driver.call().mem_create(&handle, bytes, &properties, 0));
    return handle;
}

int export_handle(const Driver &driver, MemHandle handle) {
    int fd = -1;
    CHECK_DONE(driver.call().mem_export_to_shareable_handle(&fd, handle, handle_posix_descriptor, 0));
    return fd;
}

Status import_fd(const Driver &driver, int fd, MemHandle *handle) {
    return driver.call().mem_import_from_shareable_handle(
        handle, reinterpret_cast<void *>(static_cast<std::intptr_t>(fd)), handle_posix_descriptor);
}

void check_nothing_left() {
    const fakecuda::Counts counts = fakecuda::controls().counts();
    CHECK_EQ(counts.contexts, 0);
    CHECK_EQ(counts.handles, 0);
    CHECK_EQ(counts.reservations, 0);
    CHECK_EQ(counts.mappings, 0);
    CHECK_EQ(counts.registrations, 0);
    CHECK_EQ(counts.streams + counts.events + counts.modules, 0);
    CHECK_EQ(fakecuda::controls().used_bytes(0), 0);
}

// Without a context: what the daemon does.
void create_and_export() {
    run_child([] {
        const Driver &driver = load_fake();
        const MemHandle handle = create(driver);
        const int fd = export_handle(driver, handle);
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0); // as the driver's may be: closing is the caller's business
        CHECK_EQ(fakecuda::controls().counts().contexts, 0);
        CHECK_EQ(fakecuda::controls().used_bytes(0), granularity);
        CHECK_DONE(driver.call().mem_release(handle));
        CHECK_CUDA(driver.call().mem_release(handle), error_invalid_value);
        ::close(fd);
        check_nothing_left();
    });
}

void map_and_copy() {
    run_child([] {
        const Driver &driver = load_fake();
        {
            const Current current(driver);
            const MemHandle handle = create(driver, 2 * granularity);
            const DevicePtr pointer = map_memory(driver, handle, 2 * granularity);
            CHECK_DONE(driver.call().mem_release(handle)); // the mapping holds it
            CHECK_EQ(fakecuda::controls().used_bytes(0), 2 * granularity);
            const char written[] = "across both pages";
            char read[sizeof written] = {};
            CHECK_DONE(driver.call().memcpy_htod(pointer + granularity - 5, written, sizeof written));
            CHECK_DONE(driver.call().memcpy_dtoh(read, pointer + granularity - 5, sizeof read));
            CHECK(std::memcmp(read, written, sizeof read) == 0);
            CHECK_CUDA(driver.call().memcpy_dtoh(read, pointer + 2 * granularity - 1, 2), error_invalid_value);
            CHECK_CUDA(driver.call().mem_address_free(pointer, 2 * granularity), error_invalid_value);
            unmap_memory(driver, pointer, 2 * granularity);
            CHECK_CUDA(driver.call().memcpy_dtoh(read, pointer, 1), error_invalid_value);
        }
        check_nothing_left();
    });
}

void refuses_what_the_driver_refuses() {
    run_child([] {
        const Driver &driver = load_fake("devices=2");
        const Functions &call = driver.call();
        AllocationProp properties = exportable_memory();
        MemHandle handle = 0;
        CHECK_CUDA(call.mem_create(&handle, granularity + 4096, &properties, 0), error_invalid_value);
        properties.location.id = 2;
        CHECK_CUDA(call.mem_create(&handle, granularity, &properties, 0), error_invalid_device);
        properties = exportable_memory();
        properties.requested_handle_types = 0;
        CHECK_DONE(call.mem_create(&handle, granularity, &properties, 0));
        int fd = -1;
        CHECK_CUDA(call.mem_export_to_shareable_handle(&fd, handle, handle_posix_descriptor, 0), error_not_permitted);
        DevicePtr pointer = 0;
        CHECK_CUDA(call.mem_address_reserve(&pointer, granularity, 0, 0, 0), error_invalid_context);
        const Current current(driver);
        CHECK_DONE(call.mem_address_reserve(&pointer, 2 * granularity, 0, 0, 0));
        CHECK_CUDA(call.mem_map(pointer, 2 * granularity, 0, handle, 0), error_invalid_value); // longer than it is
        CHECK_CUDA(call.mem_map(pointer, granularity, granularity, handle, 0), error_invalid_value);
        CHECK_CUDA(call.mem_map(pointer + 2 * granularity, granularity, 0, handle, 0), error_invalid_value);
        CHECK_DONE(call.mem_map(pointer + granularity, granularity, 0, handle, 0));
        CHECK_CUDA(call.mem_map(pointer + granularity, granularity, 0, handle, 0), error_already_mapped);
        char byte = 0;
        CHECK_CUDA(call.memcpy_dtoh(&byte, pointer + granularity, 1), error_invalid_value); // no access yet
        const AccessDesc other = {{location_device, 1}, access_read_write};
        CHECK_DONE(call.mem_set_access(pointer + granularity, granularity, &other, 1));
        CHECK_CUDA(call.memcpy_dtoh(&byte, pointer + granularity, 1), error_invalid_value); // for another device
        const AccessDesc mine = {{location_device, 0}, access_read};
        CHECK_CUDA(call.mem_set_access(pointer, granularity, &mine, 1), error_invalid_value); // not mapped
        CHECK_DONE(call.mem_set_access(pointer + granularity, granularity, &mine, 1));
        CHECK_DONE(call.memcpy_dtoh(&byte, pointer + granularity, 1));
        CHECK_CUDA(call.memcpy_htod(pointer + granularity, &byte, 1), error_invalid_value); // to be read only
    });
}

// A pointer for the device is none for the host: whoever takes it for one is told at once.
void host_cannot_reach_it() {
    run_child([] {
        const Driver &driver = load_fake();
        const Current current(driver);
        const DevicePtr pointer = map_memory(driver, create(driver), granularity);
        CHECK(pointer % granularity == 0);
        Child child([&] {
            std::signal(SIGSEGV, SIG_DFL); // cmocka would go on in the child
            *reinterpret_cast<volatile char *>(pointer) = 1;
        });
        CHECK(child.end() != "exit status 0");
    });
}

// An exporter that is killed leaves the memory to who has a descriptor of it.
void survives_its_exporter() {
    int pair[2] = {};
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    const Shared<std::atomic<bool>> sent;
    Child exporter([&] {
        const Driver &driver = load_fake();
        const MemHandle handle = create(driver);
        {
            const Current current(driver);
            const DevicePtr pointer = map_memory(driver, handle, granularity);
            CHECK_DONE(driver.call().memcpy_htod(pointer + 12345, "still here", 11));
        }
        const Fd fd(export_handle(driver, handle));
        const Fd to(pair[0]);
        const std::byte message[1] = {};
        const int fds[] = {fd.get()};
        CHECK(send_message(to, message, fds).ok());
        *sent = true;
        ::pause();
    });
    exporter.await("the descriptor is sent", [&] { return sent->load(); });
    exporter.kill();
    run_child([&] {
        // Two devices, the exporter's being the second one here.
        const Driver &driver = load_fake("visible=1:0");
        const Fd from(pair[1]);
        auto received = receive_message(from, AcceptFds::yes);
        CHECK(received.ok());
        const int fd = received.value().fds.at(0).get();
        MemHandle handle = 0;
        CHECK_DONE(import_fd(driver, fd, &handle));
        const Current current(driver, 1);
        const DevicePtr pointer = map_memory(driver, handle, granularity, access_read, 1);
        char read[11] = {};
        CHECK_DONE(driver.call().memcpy_dtoh(read, pointer + 12345, sizeof read));
        CHECK(std::memcmp(read, "still here", sizeof read) == 0);
        CHECK_EQ(fakecuda::controls().used_bytes(1), granularity);
    });
    ::close(pair[0]);
    ::close(pair[1]);
}

void imports_only_its_own() {
    run_child([] {
        const Driver &driver = load_fake();
        MemHandle handle = 0;
        CHECK_CUDA(import_fd(driver, 1000, &handle), error_operating_system);
        const Fd other(::memfd_create("other", MFD_CLOEXEC));
        CHECK(::ftruncate(other.get(), static_cast<off_t>(granularity)) == 0);
        CHECK_CUDA(import_fd(driver, other.get(), &handle), error_operating_system);
        // In the process that made it, it is one allocation with two handles.
        const Fd mine(export_handle(driver, create(driver)));
        CHECK_DONE(import_fd(driver, mine.get(), &handle));
        CHECK_EQ(fakecuda::controls().used_bytes(0), granularity);
        CHECK_EQ(fakecuda::controls().counts().handles, 2);
    });
    run_child([] { // of a device that this process does not see
        const Driver &driver = load_fake("visible=1");
        const Fd fd(export_handle(driver, create(driver)));
        run_child([&] {
            const std::string number = std::to_string(::dup(fd.get()));
            ::execl("/proc/self/exe", "fake_memory", "import", number.c_str(), nullptr);
            CHECK_MESSAGE(false, "execl");
        });
    });
}

void full() {
    run_child([] {
        const Driver &driver = load_fake("memory=6M");
        const MemHandle first = create(driver, 2 * granularity);
        AllocationProp properties = exportable_memory();
        MemHandle handle = 0;
        CHECK_CUDA(driver.call().mem_create(&handle, 2 * granularity, &properties, 0), error_out_of_memory);
        const Current current(driver);
        std::size_t free = 0;
        std::size_t total = 0;
        CHECK_DONE(driver.call().mem_get_info(&free, &total));
        CHECK_EQ(free, granularity);
        CHECK_EQ(total, 3 * granularity);
        CHECK_DONE(driver.call().mem_release(first));
        CHECK_DONE(driver.call().mem_create(&handle, 2 * granularity, &properties, 0));
        DevicePtr pointer = 0;
        CHECK_DONE(driver.call().mem_alloc(&pointer, 100));
        CHECK_CUDA(driver.call().memcpy_htod(pointer + 500, "past the end", 13), error_invalid_value);
        CHECK_DONE(driver.call().memcpy_htod(pointer, "inside", 7));
        CHECK_DONE(driver.call().mem_free(pointer));
        CHECK_CUDA(driver.call().mem_free(pointer), error_invalid_value);
    });
}

void registered() {
    run_child([] {
        const Driver &driver = load_fake();
        const Functions &call = driver.call();
        const Current current(driver);
        auto *memory =
            static_cast<char *>(::mmap(nullptr, 16384, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        CHECK_CUDA(call.mem_host_register(memory + 8, 4096, host_register_device_map), error_invalid_value);
        CHECK_CUDA(call.mem_host_register(memory, 100, host_register_device_map), error_invalid_value);
        CHECK_DONE(call.mem_host_register(memory, 8192, host_register_device_map));
        CHECK_CUDA(call.mem_host_register(memory + 4096, 8192, 0), error_host_memory_already_registered);
        DevicePtr pointer = 0;
        CHECK_DONE(call.mem_host_get_device_pointer(&pointer, memory + 16, 0));
        CHECK(pointer != reinterpret_cast<DevicePtr>(memory + 16));
        CHECK_DONE(call.mem_host_register(memory + 8192, 4096, 0));
        CHECK_CUDA(call.mem_host_get_device_pointer(&pointer, memory + 8192, 0), error_invalid_value);
        CHECK_EQ(fakecuda::controls().counts().registrations, 2);
        CHECK_DONE(call.mem_host_unregister(memory));
        CHECK_CUDA(call.mem_host_unregister(memory), error_host_memory_not_registered);
        // Memory that can only be read is refused, unless it is for reading.
        CHECK(::mprotect(memory, 4096, PROT_READ) == 0);
        CHECK_CUDA(call.mem_host_register(memory, 4096, 0), error_invalid_value);
        CHECK_DONE(call.mem_host_register(memory, 4096, host_register_read_only));
        CHECK_DONE(call.mem_host_unregister(memory));
        fakecuda::controls().set_attribute(0, attribute_read_only_host_register_supported, 0);
        CHECK_CUDA(call.mem_host_register(memory, 4096, host_register_read_only), error_not_supported);
    });
}

constexpr Case cases[] = {
    {"create_and_export", create_and_export},
    {"map_and_copy", map_and_copy},
    {"refuses_what_the_driver_refuses", refuses_what_the_driver_refuses},
    {"host_cannot_reach_it", host_cannot_reach_it},
    {"survives_its_exporter", survives_its_exporter},
    {"imports_only_its_own", imports_only_its_own},
    {"full", full},
    {"registered", registered},
};

// The other half of imports_only_its_own.
int import_unseen(int fd) {
    const Driver &driver = load_fake("visible=0");
    MemHandle handle = 0;
    return import_fd(driver, fd, &handle) == error_invalid_device ? 0 : 1;
}

} // namespace
} // namespace uakv::test

int main(int count, char **arguments) {
    if (count == 3) {
        return uakv::test::import_unseen(std::stoi(arguments[2]));
    }
    return uakv::test::run_cases("fake_memory", uakv::test::cases);
}
