#include "daemon/tiers/gpu/devices.h"

#include "daemon/tiers/gpu/device_segments.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>

namespace uakv::gpu {
namespace {

constexpr std::size_t hex_digits = 32;
constexpr std::uint64_t granularity_max = 64ULL << 20; // of which a small part of a device still holds several

// "gpu-5A3C..." -> "5a3c..."; hyphens are where people put them.
std::string bare(std::string_view text) {
    std::string digits;
    for (const char letter : text) {
        if (letter != '-') {
            digits += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        }
    }
    return digits.starts_with("gpu") || digits.starts_with("mig") ? digits.substr(3) : digits;
}

// "Device Minor:", a tab and the number, in what the kernel module tells of the device.
std::optional<unsigned> minor_of(const Device &device) {
    std::string bus_id = device.bus_id;
    std::transform(bus_id.begin(), bus_id.end(), bus_id.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    if (bus_id.empty() || bus_id.find_first_not_of("0123456789abcdef:.") != std::string::npos) {
        return std::nullopt;
    }
    std::ifstream told("/proc/driver/nvidia/gpus/" + bus_id + "/information");
    constexpr std::string_view label = "Device Minor:";
    for (std::string line; std::getline(told, line);) {
        if (!line.starts_with(label)) {
            continue;
        }
        const std::size_t begin = line.find_first_of("0123456789");
        unsigned minor = 0;
        if (begin != std::string::npos &&
            std::from_chars(line.data() + begin, line.data() + line.size(), minor).ec == std::errc()) {
            return minor;
        }
    }
    return std::nullopt;
}

} // namespace

std::string hex_of(const Uuid &uuid) {
    std::string text;
    for (const std::uint8_t byte : uuid) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

std::string text_of(const Uuid &uuid) {
    const std::string hex = hex_of(uuid);
    return fmt::format("GPU-{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                       hex.substr(20));
}

bool Device::is_called(std::string_view text) const {
    int number = -1;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && text.size() < hex_digits) {
        return number == ordinal;
    }
    return bare(text) == hex_of(uuid);
}

Result<Devices> Devices::find(const std::string &path) {
    auto driver = cuda::Driver::get(path.empty() ? nullptr : path.c_str());
    if (!driver.ok()) {
        return driver.take_error();
    }
    Devices devices(*driver.value());
    int count = 0;
    if (const cuda::Status status = devices.driver().call().device_get_count(&count); status != cuda::success) {
        return devices.driver().error("cuDeviceGetCount", status);
    }
    for (int ordinal = 0; ordinal < count; ++ordinal) {
        auto device = devices.look_at(ordinal);
        if (!device.ok()) {
            return device.take_error();
        }
        devices.all_.push_back(std::move(device.value()));
    }
    if (devices.all_.empty()) {
        return error(UAKV_ERR_GPU, "the driver %s knows no device", devices.driver().path().c_str());
    }
    return devices;
}

const Device *Devices::find(const Uuid &uuid) const {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const Device &each) { return each.uuid == uuid; });
    return found == all_.end() ? nullptr : &*found;
}

// Without a UUID nobody could name it; with one, whatever else is wrong is a reason not to use it.
Result<Device> Devices::look_at(int ordinal) const {
    cuda::Device handle = 0;
    if (const cuda::Status status = driver_->call().device_get(&handle, ordinal); status != cuda::success) {
        return driver_->error("cuDeviceGet", status);
    }
    cuda::Uuid uuid{};
    if (const cuda::Status status = driver_->call().device_get_uuid(&uuid, handle); status != cuda::success) {
        return driver_->error("cuDeviceGetUuid", status);
    }
    Device device;
    device.ordinal = ordinal;
    std::memcpy(device.uuid.data(), uuid.bytes, device.uuid.size());
    auto looked = look_closely(device, handle);
    if (looked.ok()) {
        looked = try_segment(device);
    }
    if (!looked.ok()) {
        device.why_not = looked.error().detail;
    }
    return device;
}

Result<void> Devices::look_closely(Device &device, cuda::Device handle) const {
    const cuda::Functions &call = driver_->call();
    std::array<char, 128> text{};
    cuda::Status status = call.device_get_name(text.data(), static_cast<int>(text.size()) - 1, handle);
    device.name = status == cuda::success ? text.data() : "unnamed";
    text.fill(0);
    status = call.device_get_pci_bus_id(text.data(), static_cast<int>(text.size()) - 1, handle);
    device.bus_id = status == cuda::success ? text.data() : "";
    std::size_t bytes = 0;
    if (status = call.device_total_mem(&bytes, handle); status != cuda::success) {
        return driver_->error("cuDeviceTotalMem", status);
    }
    device.bytes = bytes;
    const auto has = [&](int attribute) {
        int value = 0;
        return call.device_get_attribute(&value, attribute, handle) == cuda::success && value != 0;
    };
    if (!has(cuda::attribute_virtual_memory_management_supported) || !has(cuda::attribute_posix_descriptor_supported)) {
        return error(UAKV_ERR_UNSUPPORTED, "its memory cannot be shared with other processes by descriptors");
    }
    device.rdma = has(cuda::attribute_gpu_direct_rdma_with_vmm_supported);
    cuda::AllocationProp properties{};
    properties.type = cuda::allocation_pinned;
    properties.requested_handle_types = cuda::handle_posix_descriptor;
    properties.location = {cuda::location_device, device.ordinal};
    std::size_t granularity = 0;
    status = call.mem_get_allocation_granularity(&granularity, &properties, cuda::granularity_minimum);
    if (status != cuda::success) {
        return driver_->error("cuMemGetAllocationGranularity", status);
    }
    if (!std::has_single_bit(granularity) || granularity > granularity_max) {
        return error(UAKV_ERR_UNSUPPORTED, "it gives out memory in pieces of %zu bytes", granularity);
    }
    device.granularity = granularity;
    return {};
}

Result<void> Devices::try_segment(const Device &device) const {
    DeviceSegments segments(*driver_, device);
    auto made = segments.make(device.granularity);
    return made.ok() ? Result<void>() : made.take_error();
}

Fd open_node(const Device &device) {
    const auto minor = minor_of(device);
    return minor ? Fd(::open(fmt::format("/dev/nvidia{}", *minor).c_str(), O_RDWR | O_CLOEXEC)) : Fd();
}

} // namespace uakv::gpu
