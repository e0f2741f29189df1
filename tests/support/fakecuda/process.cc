#include "support/fakecuda/process.h"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <unistd.h>

namespace uakv::fakecuda {
namespace {

struct Names {
    Id id;
    const char *field, *name;
};

constexpr Names names[] = {
#define UAKV_CUDA_FUNCTION(field, name, version, need, parameters) {Id::field, #field, #name},
#include "ipc/cuda/driver_functions.def"
#undef UAKV_CUDA_FUNCTION
};

// What an H200 says, as far as anybody asks.
const std::map<int, int> usual_attributes = {
    {attribute_compute_capability_major, 9},          {attribute_compute_capability_minor, 0},
    {attribute_host_register_supported, 1},           {attribute_virtual_memory_management_supported, 1},
    {attribute_posix_descriptor_supported, 1},        {attribute_gpu_direct_rdma_with_vmm_supported, 1},
    {attribute_read_only_host_register_supported, 1}, {attribute_can_use_64_bit_stream_mem_ops, 1},
};

FakeDevice make_device(int number, const Options &options) {
    FakeDevice device;
    device.number = number;
    std::memcpy(device.uuid.bytes, "fakecuda device", 15);
    device.uuid.bytes[15] = static_cast<std::uint8_t>(number);
    device.attributes = options.attributes;
    device.attributes.insert(usual_attributes.begin(), usual_attributes.end());
    return device;
}

} // namespace

std::vector<Id> ids_of(const std::string &function) {
    std::vector<Id> found;
    for (const Names &each : names) {
        if (function == each.field || function == each.name) {
            found.push_back(each.id);
        }
    }
    if (found.empty()) {
        misused("there is no function \"" + function + "\"");
    }
    return found;
}

Process &Process::get() {
    static Process &process = *new Process;
    return process;
}

Process::Process() {
    options_ = parse_options(::secure_getenv("UAKV_FAKECUDA"));
    apply();
}

void Process::configure(const char *text) {
    if (initialised_ != 0) {
        misused("configure() comes before cuInit");
    }
    options_ = parse_options(text);
    apply();
}

void Process::apply() {
    devices_.clear();
    for (const int number : options_.visible) {
        devices_.push_back(make_device(number, options_));
    }
    mend();
    for (const auto *list : {&options_.missing, &options_.unknown}) {
        for (const std::string &function : *list) {
            (void)ids_of(function);
        }
    }
    for (const FaultOption &fault : options_.faults) {
        fail(fault.function, fault.nth, fault.and_later, fault.status);
    }
}

Status Process::init() {
    if (devices_.empty()) {
        return error_no_device;
    }
    initialised_ = ::getpid();
    return success;
}

bool Process::is_initialised() const {
    return initialised_ == ::getpid();
}

bool Process::is_forked() const {
    return initialised_ != 0 && initialised_ != ::getpid();
}

int Process::ordinal_of(const Uuid &uuid) const {
    for (int ordinal = 0; ordinal < devices(); ++ordinal) {
        if (std::memcmp(device(ordinal).uuid.bytes, uuid.bytes, sizeof uuid.bytes) == 0) {
            return ordinal;
        }
    }
    return -1;
}

void Process::set_attribute(int ordinal, int attribute, int value) {
    if (!has_device(ordinal)) {
        misused("there is no device " + std::to_string(ordinal));
    }
    const std::lock_guard lock(mutex_);
    devices_[static_cast<std::size_t>(ordinal)].attributes[attribute] = value;
}

int Process::attribute(int ordinal, int attribute) const {
    const std::lock_guard lock(mutex_);
    const auto &attributes = device(ordinal).attributes;
    const auto found = attributes.find(attribute);
    return found == attributes.end() ? 0 : found->second;
}

Status Process::enter(Id id) {
    const std::lock_guard lock(mutex_);
    const auto index = static_cast<std::size_t>(id);
    const std::uint64_t number = ++calls_[index];
    for (const Fault &fault : faults_[index]) {
        if (number >= fault.first && number <= fault.last) {
            return fault.status;
        }
    }
    return success;
}

void Process::fail(const std::string &function, unsigned nth, bool and_later, Status status) {
    if (nth == 0) {
        misused("calls are counted from 1");
    }
    const std::lock_guard lock(mutex_);
    for (const Id id : ids_of(function)) {
        const auto index = static_cast<std::size_t>(id);
        const std::uint64_t first = calls_[index] + nth;
        const std::uint64_t last = and_later ? std::numeric_limits<std::uint64_t>::max() : first;
        faults_[index].push_back(Fault{first, last, status});
    }
}

void Process::mend() {
    const std::lock_guard lock(mutex_);
    for (auto &list : faults_) {
        list.clear();
    }
}

std::uint64_t Process::calls(const std::string &function) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const Id id : ids_of(function)) {
        sum += calls_[static_cast<std::size_t>(id)];
    }
    return sum;
}

} // namespace uakv::fakecuda
