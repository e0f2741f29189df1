// Modules and launches: an image is looked at as far as it has to be known that it is one; the code comes from
// kernels.cc, by name.
#include "support/fakecuda/modules.h"
#include "support/fakecuda/address_space.h"
#include "support/fakecuda/fake_kernel.h"
#include "support/fakecuda/streams.h"

#include <cstdio>
#include <cstring>
#include <set>
#include <string>

// What cuda_types.h leaves open.
struct uakv::cuda::ModuleOf {
    std::string text; // of PTX; empty for a binary image
    std::map<std::string, FunctionOf *> functions;
};
struct uakv::cuda::FunctionOf {
    const uakv::fakecuda::FakeKernel *kernel = nullptr;
};

namespace uakv::fakecuda {
namespace {

struct Modules {
    std::mutex mutex;
    std::set<Module> all;
    std::set<Function> functions; // of loaded modules
};

Modules &modules() {
    static Modules &all = *new Modules;
    return all;
}

constexpr std::uint32_t fatbin_magic = 0xBA55ED50;
constexpr std::size_t parameter_bytes_max = 4096;

Status check_ptx(const char *text) {
    const char *version = std::strstr(text, ".version ");
    int major = 0;
    int minor = 0;
    if (version == nullptr || std::sscanf(version, ".version %d.%d", &major, &minor) != 2 ||
        std::strstr(text, ".target ") == nullptr) {
        return error_invalid_image;
    }
    return major * 10 + minor <= Process::get().options().ptx ? success : error_unsupported_ptx_version;
}

// A launch, with its parameters copied.
struct Work {
    const FakeKernel *kernel;
    Dimensions grid, block;
    std::vector<std::vector<std::byte>> values;

    Status run(Context context) const {
        std::vector<void *> parameters;
        for (const auto &value : values) {
            parameters.push_back(const_cast<std::byte *>(value.data()));
        }
        const AddressSpace::Use use(AddressSpace::get());
        try {
            kernel->run(Launch{grid, block, parameters.data(), Memory(context->ordinal)});
        } catch (const IllegalAddress &) {
            return error_illegal_address;
        }
        return success;
    }
};

bool is_launchable(Dimensions grid, Dimensions block) {
    const auto threads = std::uint64_t{block.x} * block.y * block.z;
    return grid.x >= 1 && grid.x <= 0x7fffffff && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535 &&
           block.x <= 1024 && block.y <= 1024 && block.z <= 64 && threads >= 1 && threads <= 1024;
}

} // namespace

std::uint64_t live_modules() {
    const std::lock_guard lock(modules().mutex);
    return modules().all.size();
}

const std::byte *Memory::read(DevicePtr pointer, std::size_t bytes) const {
    const std::byte *found = AddressSpace::get().reach(pointer, bytes, Want::read, ordinal_);
    if (found == nullptr) {
        throw IllegalAddress();
    }
    return found;
}

std::byte *Memory::write(DevicePtr pointer, std::size_t bytes) const {
    std::byte *found = AddressSpace::get().reach(pointer, bytes, Want::write, ordinal_);
    if (found == nullptr) {
        throw IllegalAddress();
    }
    return found;
}

namespace calls {

Status module_load_data(Module *module, const void *image) {
    if (module == nullptr || image == nullptr) {
        return error_invalid_value;
    }
    std::uint32_t magic = 0;
    std::memcpy(&magic, image, sizeof magic);
    const bool is_binary = magic == fatbin_magic || std::memcmp(image, "\177ELF", 4) == 0;
    const char *text = is_binary ? "" : static_cast<const char *>(image);
    if (!is_binary) {
        if (const Status status = check_ptx(text); status != success) {
            return status;
        }
    }
    const std::lock_guard lock(modules().mutex);
    *module = new ModuleOf{text, {}};
    modules().all.insert(*module);
    return success;
}

Status module_get_function(Function *function, Module module, const char *name) {
    const std::lock_guard lock(modules().mutex);
    if (modules().all.count(module) == 0) {
        return error_invalid_handle;
    }
    const FakeKernel *kernel = find_kernel(name);
    const bool is_in_text = module->text.empty() || module->text.find(std::string(name) + "(") != std::string::npos;
    if (kernel == nullptr || !is_in_text) {
        return error_not_found;
    }
    FunctionOf *&made = module->functions[name];
    if (made == nullptr) {
        made = new FunctionOf{kernel};
        modules().functions.insert(made);
    }
    *function = made;
    return success;
}

Status module_unload(Module module) {
    const std::lock_guard lock(modules().mutex);
    if (modules().all.erase(module) == 0) {
        return error_invalid_handle;
    }
    for (const auto &each : module->functions) {
        modules().functions.erase(each.second);
        delete each.second;
    }
    delete module;
    return success;
}

Status launch_kernel(Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                     unsigned block_y, unsigned block_z, unsigned shared_bytes, Stream stream, void **parameters,
                     void **extra) {
    if (const Status status = check_stream(stream); status != success) {
        return status;
    }
    Work work = {nullptr, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, {}};
    if (!is_launchable(work.grid, work.block) || shared_bytes > 48 * 1024 || extra != nullptr) {
        return error_invalid_value;
    }
    {
        const std::lock_guard lock(modules().mutex);
        if (modules().functions.count(function) == 0) {
            return error_invalid_handle;
        }
        work.kernel = function->kernel;
    }
    std::size_t sum = 0;
    for (std::size_t i = 0; i < work.kernel->parameter_bytes.size(); ++i) {
        const auto *value = static_cast<const std::byte *>(parameters[i]);
        work.values.emplace_back(value, value + work.kernel->parameter_bytes[i]);
        sum += work.kernel->parameter_bytes[i];
    }
    if (sum > parameter_bytes_max) {
        return error_invalid_value;
    }
    return enqueue(stream, [work = std::move(work)](Context context) { return work.run(context); });
}

} // namespace calls
} // namespace uakv::fakecuda
