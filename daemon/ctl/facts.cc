#include "daemon/ctl/facts.h"

#include "daemon/base/file_system.h"
#include "daemon/base/machine.h"
#include "ipc/socket_path.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sched.h>
#include <string_view>
#include <unistd.h>

namespace uakv::ctl {
namespace {

unsigned count_cores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        return static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
    }
    return static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

std::optional<std::uint64_t> disk_free_bytes(const char *path) {
    auto file_system = file_system_of(path);
    return file_system.ok() ? std::optional(file_system.value().free_bytes) : std::nullopt;
}

template <typename Counts> unsigned count_entries(const char *folder, Counts counts) {
    unsigned count = 0;
    std::error_code ignored; // no such folder: none
    for (const auto &entry : std::filesystem::directory_iterator(folder, ignored)) {
        count += counts(entry.path().filename().string()) ? 1U : 0U;
    }
    return count;
}

// In a container the driver's folder may be missing where the devices are there.
unsigned count_gpus() {
    constexpr std::string_view prefix = "nvidia";
    const unsigned known = count_entries("/proc/driver/nvidia/gpus", [](const std::string &) { return true; });
    return known != 0 ? known : count_entries("/dev", [prefix](const std::string &name) {
        return name.starts_with(prefix) && name.size() > prefix.size() &&
               name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    });
}

std::string socket_path() {
    const char *directory = std::getenv("XDG_RUNTIME_DIR");
    return ::geteuid() != 0 && directory != nullptr && *directory != 0 ? std::string(directory) + "/uakv/uakvd.sock"
                                                                       : system_socket_path;
}

} // namespace

Facts look_around() {
    Facts facts;
    facts.cores = count_cores();
    facts.memory_bytes = machine_memory_bytes();
    facts.available_bytes = std::min(available_memory_bytes(), facts.memory_bytes);
    facts.disk_free_bytes = disk_free_bytes("/var/lib");
    facts.gpus = count_gpus();
    facts.socket_path = socket_path();
    return facts;
}

} // namespace uakv::ctl
