// What goes wrong on the way to an arena: each call of the driver's fails once. The tier is absent or smaller then, it
// says why, and the machine's memory serves as ever.
#include "gpu/arena_bench.h"

#include "daemon/control/tenants.h"
#include "support/child.h"
#include "support/pattern.h"

#include <filesystem>
#include <string>

namespace uakv::test {
namespace {

const fakecuda::Controls &controls() {
    return fakecuda::controls();
}

struct Mended {
    ~Mended() { controls().mend(); }
};

std::unique_ptr<Tenants> create(const Settings &settings) {
    auto tenants = Tenants::create(settings);
    CHECK_MESSAGE(tenants.ok(), tenants.error().detail);
    CHECK_EQ(tenants.value()->all()[0]->host().store().memory_bytes(), settings.tenants[0].memory_bytes);
    return std::move(tenants.value());
}

std::string why_not(const Settings &settings) {
    auto tenants = Tenants::create(settings);
    CHECK(!tenants.ok());
    CHECK_STATUS(tenants.error().status, UAKV_ERR_GPU);
    return tenants.error().detail;
}

bool has(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

// As long as any of these fails, there is nothing to be had on the device.
void each_call_that_is_needed() {
    constexpr const char *calls[] = {"cuDeviceGetCount",
                                     "cuDeviceGet",
                                     "cuDeviceGetUuid",
                                     "cuDeviceTotalMem",
                                     "cuMemCreate",
                                     "cuMemGetAllocationGranularity",
                                     "cuMemExportToShareableHandle"};
    fake_driver();
    for (const char *call : calls) {
        const Mended mended;
        Settings settings = gpu_settings();
        controls().fail(call, 1, true, cuda::error_unknown);
        const auto tenants = create(settings);
        CHECK_MESSAGE(!tenants->gpu().is_present() && tenants->all()[0]->arenas().empty(), call);
        CHECK_MESSAGE(has(tenants->gpu().why_absent(), std::string(call) + " failed: CUDA_ERROR_UNKNOWN (999)"),
                      tenants->gpu().why_absent());
        settings.gpu.required = true;
        CHECK(has(why_not(settings), "gpu_required is true, and "));
    }
    CHECK_EQ(controls().counts().handles, 0);
    CHECK(create(gpu_settings())->gpu().is_present());
}

void what_can_be_done_without() {
    for (const char *call : {"cuDeviceGetName", "cuDeviceGetPCIBusId"}) {
        const Mended mended;
        controls().fail(call, 1, true, cuda::error_unknown);
        const auto tenants = create(gpu_settings());
        CHECK_EQ(tenants->all()[0]->arenas().size(), 1);
        CHECK(tenants->gpu().devices()[0].name == "unnamed" || tenants->gpu().devices()[0].bus_id.empty());
    }
}

void a_device_that_cannot_share() {
    constexpr int attributes[] = {cuda::attribute_virtual_memory_management_supported,
                                  cuda::attribute_posix_descriptor_supported};
    for (const int attribute : attributes) {
        controls().set_attribute(0, attribute, 0);
        const auto tenants = create(gpu_settings());
        controls().set_attribute(0, attribute, 1);
        CHECK(has(tenants->gpu().why_absent(), "cannot be shared with other processes by descriptors"));
    }
}

// The driver is the first thing, and another path is another driver.
void without_a_driver() {
    const Directory directory;
    Settings settings = gpu_settings();
    settings.gpu.driver = directory.path() + "/none.so";
    CHECK(has(create(settings)->gpu().why_absent(), "no CUDA driver: "));
    settings.gpu.required = true;
    CHECK(has(why_not(settings), "gpu_required is true, and no CUDA driver: " + directory.path() + "/none.so"));

    const Mended mended;
    settings.gpu.driver = directory.path() + "/other.so";
    std::filesystem::create_symlink(fakecuda::library, settings.gpu.driver);
    controls().fail("cuInit", 1, false, cuda::error_no_device);
    CHECK(has(why_not(settings), "cuInit: CUDA_ERROR_NO_DEVICE (100)"));
}

void devices_that_are_named() {
    Settings settings = gpu_settings();
    settings.gpu.devices = {gpu::text_of(uuid_of(0))};
    CHECK_EQ(create(settings)->gpu().devices().size(), 1);
    settings.gpu.devices = {gpu::hex_of(uuid_of(0))};
    CHECK_EQ(create(settings)->gpu().devices().size(), 1);
    settings.gpu.devices = {"0", "7"};
    const auto tenants = create(settings);
    CHECK_EQ(tenants->gpu().devices().size(), 1);
    CHECK_EQ(tenants->gpu().left_out()[0], "gpu_devices names 7, and there is no such GPU here");
    settings.gpu.required = true;
    CHECK_EQ(why_not(settings), "gpu_required is true, and gpu_devices names 7, and there is no such GPU here");
    settings.gpu.devices = {"1"};
    settings.gpu.required = false;
    CHECK_EQ(create(settings)->gpu().why_absent(), "gpu_devices names 1, and there is no such GPU here");
}

// The trial at the start goes well, and then nothing does: requests are refused, and served once there is memory.
void memory_that_comes_late() {
    for (const char *call : {"cuMemCreate", "cuMemExportToShareableHandle"}) {
        const Mended mended;
        controls().fail(call, 2, true, cuda::error_out_of_memory);
        Served served(gpu_settings());
        RawClient host(served.path()), client(served.path());
        host.attach();
        store_block(host, host.open_space("llama"), make_key("a"));
        client.attach(hello_to(uuid_of(0)));
        const SpaceId space = client.open_space("llama");
        Submission grant{};
        grant.opcode = Opcode::grant;
        grant.length = 4096;
        CHECK_STATUS(client.call(grant).status, UAKV_ERR_NO_SPACE);
        CHECK_STATUS(client.call(submission_for(Opcode::stats, space, make_key("a"))).status, UAKV_OK);
        CHECK_EQ(client.session().statistics.values.bytes_memory, 0);
        controls().mend();
        await("a slot is granted", [&] { return client.call(grant).status == UAKV_OK; });
    }
}

// Gone after two segments: an arena of two segments.
void memory_that_ends_early() {
    const Mended mended;
    controls().fail("cuMemCreate", 4, true, cuda::error_out_of_memory); // the trial is the first
    Served served(gpu_settings());
    RawClient client(served.path());
    client.attach(hello_to(uuid_of(0)));
    const SpaceId space = client.open_space("llama");
    store_block(client, space, make_key("a"), arena_segment_bytes);
    store_block(client, space, make_key("b"), arena_segment_bytes);
    store_block(client, space, make_key("c"), arena_segment_bytes);
    // The first left, unless it was being copied down just then.
    CHECK(is_stored(client, space, make_key("a")) != is_stored(client, space, make_key("b")));
    CHECK(is_stored(client, space, make_key("c")));
}

// Some say that other devices can reach their memory, and do not give any that these can.
void without_rdma_where_that_fails() {
    const Mended mended;
    controls().set_attribute(0, cuda::attribute_gpu_direct_rdma_with_vmm_supported, 1);
    controls().fail("cuMemCreate", 1, false, cuda::error_not_supported);
    const auto tenants = create(gpu_settings());
    controls().set_attribute(0, cuda::attribute_gpu_direct_rdma_with_vmm_supported, 0);
    CHECK(tenants->gpu().is_present());
}

void parts_of_tenants() {
    Settings settings = gpu_settings({tenant_settings("a"), tenant_settings("b"), tenant_settings("c")});
    settings.gpu.memory = "96MiB";
    settings.gpu.segment_bytes = 0;
    settings.tenants[1].gpu_memory = "50%";
    const auto tenants = create(settings);
    constexpr std::uint64_t mebibyte = 1ULL << 20;
    constexpr std::uint64_t expected[] = {24, 48, 24};
    for (std::size_t i = 0; i < 3; ++i) {
        const Store &store = tenants->all()[i]->arenas().at(0)->store();
        CHECK_EQ(store.memory_bytes(), expected[i] * mebibyte);
        CHECK_EQ(store.segment_bytes(), expected[i] / 8 >= 4 ? 4 * mebibyte : 2 * mebibyte);
    }
    settings.gpu.memory = "40MiB"; // too little is left for some
    settings.tenants[1].gpu_memory = "32MiB";
    const auto fewer = create(settings);
    CHECK_EQ(fewer->all()[0]->arenas().size(), 0);
    CHECK_EQ(fewer->all()[1]->arenas().size(), 1);
}

constexpr Case cases[] = {
    {"each_call_that_is_needed", each_call_that_is_needed},
    {"what_can_be_done_without", what_can_be_done_without},
    {"a_device_that_cannot_share", a_device_that_cannot_share},
    {"without_a_driver", without_a_driver},
    {"devices_that_are_named", devices_that_are_named},
    {"memory_that_comes_late", memory_that_comes_late},
    {"memory_that_ends_early", memory_that_ends_early},
    {"without_rdma_where_that_fails", without_rdma_where_that_fails},
    {"parts_of_tenants", parts_of_tenants},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("arena_faults", uakv::test::cases);
}
