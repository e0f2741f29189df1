// The device's memory as the daemon and its clients share it: what the mechanism costs, and that it holds when a
// process dies.
#include "gpu/real/checks.h"

#include "ipc/mapping.h"
#include "ipc/memfd.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <thread>

namespace uakv::gpu_checks {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t gib = std::size_t{1} << 30;

std::string in_mib(std::size_t bytes) {
    return std::to_string(bytes / mib) + " MiB";
}

void probe(Report &report) {
    const cuda::Driver &loaded = driver();
    char name[128] = "";
    int count = 0, value = 0;
    std::size_t bytes = 0;
    require(loaded.call().device_get_count(&count) == cuda::success && count > 0, "the driver counts no device");
    require(loaded.call().device_get_name(name, sizeof name, 0) == cuda::success, "the device has no name");
    require(loaded.call().device_total_mem(&bytes, 0) == cuda::success, "the device has no size");
    report.fact("device", name);
    report.fact("devices", std::to_string(count));
    report.fact("CUDA of the driver", std::to_string(loaded.version()));
    report.fact("memory", in_mib(bytes));
    report.fact("granularity", in_mib(granularity()));
    const std::pair<int, const char *> attributes[] = {
        {cuda::attribute_virtual_memory_management_supported, "102 virtual memory management"},
        {cuda::attribute_posix_descriptor_supported, "103 POSIX descriptors"},
        {cuda::attribute_gpu_direct_rdma_with_vmm_supported, "110 RDMA of such memory"},
        {cuda::attribute_read_only_host_register_supported, "113 read-only registration"},
        {cuda::attribute_can_use_64_bit_stream_mem_ops, "122 64-bit stream writes"},
    };
    for (const auto &[attribute, says] : attributes) {
        require(loaded.call().device_get_attribute(&value, attribute, 0) == cuda::success, says);
        report.fact(std::string("attribute ") + says, std::to_string(value));
        require(value == 1 || (attribute != cuda::attribute_virtual_memory_management_supported &&
                               attribute != cuda::attribute_posix_descriptor_supported),
                std::string("the GPU tier needs attribute ") + says);
    }
}

std::vector<std::size_t> sizes(const Report &report) {
    return report.stand_in() ? std::vector{2 * mib, 8 * mib} : std::vector{2 * mib, 64 * mib, gib, 8 * gib, 32 * gib};
}

// create, export and import before there is a context; then what needs one.
void costs(Report &report) {
    struct Step {
        double made, shared, imported;
    };
    std::vector<Step> before;
    for (const std::size_t bytes : sizes(report)) {
        const double a = now_seconds();
        const Shared made = Shared::make(bytes);
        const double b = now_seconds();
        const Fd fd = made.share();
        const double c = now_seconds();
        const Shared imported = Shared::import(fd, bytes);
        before.push_back({b - a, c - b, now_seconds() - c});
    }
    const double at = now_seconds();
    const Gpu gpu;
    report.figure("primary context", (now_seconds() - at) * 1e3, "ms");
    for (std::size_t i = 0; i < before.size(); ++i) {
        const std::size_t bytes = sizes(report)[i];
        report.figure(in_mib(bytes) + ", create, no context", before[i].made * 1e3, "ms");
        report.figure(in_mib(bytes) + ", export, no context", before[i].shared * 1e3, "ms");
        report.figure(in_mib(bytes) + ", import, no context", before[i].imported * 1e3, "ms");
        const Shared made = Shared::make(bytes);
        const Fd fd = made.share();
        const double begin = now_seconds();
        Shared imported = Shared::import(fd, bytes);
        const double between = now_seconds();
        imported.map(cuda::access_read_write);
        report.figure(in_mib(bytes) + ", import", (between - begin) * 1e3, "ms");
        report.figure(in_mib(bytes) + ", reserve, map, set access", (now_seconds() - between) * 1e3, "ms");
    }
}

// Writing through a read-only mapping hurts the writer alone; a writable one may be had from the same descriptor.
void read_only(Report &report) {
    constexpr std::size_t bytes = 2 * mib;
    Child writer([](const Fd &socket) {
        Fd fd;
        receive_word(socket, &fd);
        const Gpu gpu;
        Shared imported = Shared::import(fd, bytes);
        const cuda::DevicePtr pointer = imported.map(cuda::access_read);
        require(has_pattern(gpu, pointer, bytes, 1), "the reader sees other bytes");
        cuda::Status status = gpu.call.memset_d8_async(pointer, 0, bytes, gpu.stream);
        if (status == cuda::success) {
            status = gpu.call.stream_synchronize(gpu.stream);
        }
        send_word(socket, static_cast<std::uint64_t>(status));
    });
    Child second([](const Fd &socket) {
        Fd fd;
        receive_word(socket, &fd);
        const Gpu gpu;
        Shared imported = Shared::import(fd, bytes);
        put_pattern(gpu, imported.map(cuda::access_read_write), bytes, 2);
        send_word(socket, 0);
    });
    const Gpu gpu;
    Shared made = Shared::make(bytes);
    const cuda::DevicePtr pointer = made.map(cuda::access_read_write);
    put_pattern(gpu, pointer, bytes, 1);
    const Fd fd = made.share();
    send_word(writer.socket(), 0, fd.get());
    const auto status = static_cast<cuda::Status>(receive_word(writer.socket()));
    report.fact("a write through a read-only mapping", gpu.driver.describe(status));
    require(status != cuda::success, "a read-only mapping was written through");
    require(has_pattern(gpu, pointer, bytes, 1), "the bytes have changed");
    send_word(second.socket(), 0, fd.get());
    receive_word(second.socket());
    require(has_pattern(gpu, pointer, bytes, 2), "what a writable import wrote is not there");
}

// The exporter is killed while somebody has its memory mapped.
void exporter_killed(Report &report) {
    const std::size_t bytes = report.stand_in() ? 4 * mib : gib;
    Child exporter([bytes](const Fd &socket) {
        const Gpu gpu;
        Shared made = Shared::make(bytes);
        put_pattern(gpu, made.map(cuda::access_read_write), bytes, 3);
        const Fd fd = made.share();
        send_word(socket, 0, fd.get());
        receive_word(socket); // never comes
    });
    Fd fd;
    receive_word(exporter.socket(), &fd);
    const Gpu gpu;
    Shared imported = Shared::import(fd, bytes);
    const cuda::DevicePtr pointer = imported.map(cuda::access_read_write);
    exporter.kill();
    require(has_pattern(gpu, pointer, bytes, 3), "the bytes are gone with their exporter");
    put_pattern(gpu, pointer, bytes, 4);
    require(has_pattern(gpu, pointer, bytes, 4), "the memory cannot be written any more");
    report.fact("checked after SIGKILL", in_mib(bytes));
}

// Nobody but a process that knows nothing of CUDA holds the descriptor, for five seconds.
void held_by_a_stranger(Report &report, bool keep_alive) {
    const std::size_t bytes = report.stand_in() ? 4 * mib : gib;
    const Fd node(keep_alive ? ::open("/dev/nvidia0", O_RDWR | O_CLOEXEC) : -1);
    if (keep_alive && !node.valid() && !report.stand_in()) {
        throw Skipped{"/dev/nvidia0 cannot be opened"};
    }
    Child importer([bytes](const Fd &socket) {
        Fd fd;
        receive_word(socket, &fd);
        const Gpu gpu;
        Shared imported = Shared::import(fd, bytes);
        send_word(socket, has_pattern(gpu, imported.map(cuda::access_read_write), bytes, 5) ? 1 : 0);
    });
    Fd fd;
    {
        Child exporter([bytes](const Fd &socket) {
            const Gpu gpu;
            Shared made = Shared::make(bytes);
            put_pattern(gpu, made.map(cuda::access_read_write), bytes, 5);
            const Fd shared = made.share();
            send_word(socket, 0, shared.get());
            receive_word(socket); // never comes
        });
        receive_word(exporter.socket(), &fd);
        exporter.kill();
    }
    if (!report.stand_in()) {
        std::this_thread::sleep_for(std::chrono::seconds(5)); // what is measured: nobody uses the device meanwhile
    }
    send_word(importer.socket(), 0, fd.get());
    bool intact = false;
    try {
        intact = receive_word(importer.socket()) == 1;
    } catch (const Failed &) { // the import failed: said by the child
    }
    report.fact("intact", intact ? "yes" : "no");
    require(intact || !keep_alive, "the bytes are gone although the device was kept open");
}
void held_with_device(Report &report) {
    held_by_a_stranger(report, true);
}
void held_without_device(Report &report) {
    held_by_a_stranger(report, false);
}

// What it costs to let the device reach a segment of host memory: never touched before, and touched.
void registration(Report &report) {
    const Gpu gpu;
    for (const std::size_t bytes : report.stand_in() ? std::vector{2 * mib} : std::vector{gib, 8 * gib}) {
        const Fd fd = take(create_memfd("uakv gpu check", bytes));
        const Mapping mapping = take(Mapping::map(fd, bytes, Access::read_write));
        for (const char *state : {"untouched", "touched"}) {
            const double begin = now_seconds();
            GPU_CHECK(gpu, mem_host_register(mapping.data(), bytes, cuda::host_register_portable));
            report.figure(in_mib(bytes) + " " + state + ", register", now_seconds() - begin, "s");
            const double end = now_seconds();
            GPU_CHECK(gpu, mem_host_unregister(mapping.data()));
            report.figure(in_mib(bytes) + " " + state + ", unregister", now_seconds() - end, "s");
        }
    }
}

} // namespace

const std::vector<Check> memory_checks = {
    {"probe", "the device, and what it must be able to do", probe},
    {"costs", "to make, share, import and map memory", costs},
    {"read_only", "a read-only import cannot write, and hurts only itself when it tries", read_only},
    {"exporter_killed", "memory outlives the process that made it", exporter_killed},
    {"held_with_device", "a descriptor alone keeps memory, while the device node is open", held_with_device},
    {"held_without_device", "the same without it: recorded, not required", held_without_device},
    {"registration", "host memory for copies", registration},
};

} // namespace uakv::gpu_checks
