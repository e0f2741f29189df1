// Gather and scatter through the driver's calls: kernels, or copies where none load; order, capture, failures, and that
// everything is given back.
#include "clientlib/cuda/paged_cache.h"
#include "gpu/engine_caches.h"
#include "gpu/gpu_world.h"
#include "support/effort.h"

#include <random>

namespace uakv::test {
namespace {

using namespace uakv::cuda;
using Bytes = std::vector<std::byte>;
const fakecuda::Controls &fake = fakecuda::controls();

constexpr EngineCache plain{"plain", Shape::kv_major_nhd, 2, 2000, 2, 1, 32};

Bytes drawn(std::size_t bytes, std::mt19937_64 &random) {
    Bytes made(bytes);
    for (std::byte &byte : made) {
        byte = static_cast<std::byte>(random());
    }
    return made;
}

// An engine's cache with content, and one block, on the device.
struct Setting {
    explicit Setting(const EngineCache &of = plain, std::vector<std::uint32_t> ids = {7, 3})
        : engine(of), pages(std::move(ids)), content(drawn(of.bytes(), random)), memory(world.allocate(of.bytes())),
          block(world.allocate(of.block_bytes(pages.size()))) {
        GpuWorld::put(memory, content);
        auto checked = check_cache_layout("test", engine.options(memory, bases));
        CHECK_MESSAGE(checked.ok(), checked.error().detail);
        layout = checked.value();
    }

    Result<std::unique_ptr<PagedCache>> open(const KernelImages &images = built_in_kernels()) const {
        return PagedCache::open(fake_driver(), world.context, layout, images);
    }
    std::unique_ptr<PagedCache> opened(const KernelImages &images = built_in_kernels()) const {
        auto cache = open(images);
        CHECK_MESSAGE(cache.ok(), cache.error().detail);
        return std::move(cache.value());
    }
    PagedBlocks blocks() const { return {{&block, 1}, pages, pages.size()}; }
    Result<void> gather(const PagedCache &cache) const {
        return cache.copy("test", CopyWay::gather, blocks(), world.stream);
    }
    Bytes expected() const {
        Bytes bytes(engine.block_bytes(pages.size()));
        engine.gather(content.data(), pages, bytes.data());
        return bytes;
    }
    Bytes in_block() const { return GpuWorld::get(block, engine.block_bytes(pages.size())); }
    bool is_gathered() const {
        world.finish();
        return in_block() == expected();
    }

    std::mt19937_64 random{seed()};
    GpuWorld world;
    EngineCache engine;
    std::vector<std::uint32_t> pages;
    Bytes content;
    std::uint64_t memory;
    std::uint64_t block;
    std::vector<std::uint64_t> bases;
    CacheLayout layout;
};

void check_done(const Result<void> &result) {
    CHECK_MESSAGE(result.ok(), result.error().detail);
}
void check_refused(const Result<void> &result, uakv_status status, const char *words) {
    CHECK(!result.ok());
    CHECK_STATUS(result.error().status, status);
    CHECK_MESSAGE(result.error().detail.find(words) != std::string::npos, result.error().detail);
}
void check_all_given_back() {
    const fakecuda::Counts counts = fake.counts();
    CHECK_EQ(counts.modules, 0);
    CHECK_EQ(counts.mappings, 0);
    CHECK_EQ(counts.reservations, 0);
    CHECK_EQ(counts.streams, 0);
    CHECK_EQ(counts.contexts, 0);
}

// There, and back to other pages; all bytes of both are looked at.
void round_trip(const EngineCache &engine, const KernelImages &images) {
    const std::uint32_t half = engine.pages / 2;
    std::vector<std::uint32_t> ids;
    for (std::uint32_t id = 0; id < half; ++id) {
        ids.push_back(half - 1 - id);
    }
    Setting setting(engine, ids);
    const auto cache = setting.opened(images);
    check_done(setting.gather(*cache));
    CHECK_MESSAGE(setting.is_gathered(), engine.name);
    for (std::uint32_t &id : setting.pages) {
        id += engine.pages - half;
    }
    check_done(cache->copy("test", CopyWay::scatter, setting.blocks(), setting.world.stream));
    setting.world.finish();
    Bytes expected = setting.content;
    engine.scatter(setting.in_block().data(), setting.pages, expected.data());
    CHECK_MESSAGE(GpuWorld::get(setting.memory, engine.bytes()) == expected, engine.name);
}

void every_shape() {
    for (const EngineCache &engine : engine_caches()) {
        round_trip(engine, built_in_kernels());
    }
    check_all_given_back();
}

void every_shape_without_kernels() {
    const auto launches = fake.calls("cuLaunchKernel");
    for (const EngineCache &engine : engine_caches()) {
        round_trip(engine, {});
    }
    CHECK_EQ(fake.calls("cuLaunchKernel"), launches);
    check_all_given_back();
}

// What a fatbin begins with, where the build has none.
const std::uint32_t some_fatbin[] = {0xBA55ED50, 0, 0, 0};

// Whatever says that an image does not fit leads to the next one, and in the end to copies.
void images_that_do_not_load() {
    for (const Status status : {200, 209, 218, 221, 222, 300}) {
        Setting setting;
        const KernelImages images{some_fatbin, built_in_kernels().ptx};
        fake.fail("cuModuleLoadData", 1, false, status);
        auto cache = setting.opened(images);
        CHECK_EQ(std::string(cache->kernels().kind), "ptx");
        check_done(setting.gather(*cache));
        CHECK(setting.is_gathered());

        fake.fail("cuModuleLoadData", 1, true, status);
        GpuWorld::put(setting.block, Bytes(setting.expected().size()));
        cache = setting.opened(images);
        CHECK_EQ(std::string(cache->kernels().kind), "none");
        const std::string &why = cache->kernels().why_none;
        CHECK_MESSAGE(why.find("fatbin: ") == 0 && why.find(", ptx: ") != std::string::npos, why);
        const auto launches = fake.calls("cuLaunchKernel");
        check_done(setting.gather(*cache));
        CHECK(setting.is_gathered());
        CHECK_EQ(fake.calls("cuLaunchKernel"), launches);
    }
    check_all_given_back();
}

// The stand-in takes no PTX that is newer than 6.0 here (see main).
void old_drivers_take_our_ptx() {
    Setting setting;
    const auto cache = setting.opened({nullptr, built_in_kernels().ptx});
    CHECK_EQ(std::string(cache->kernels().kind), "ptx");
    const auto newer = setting.open({nullptr, ".version 6.1\n.target sm_70\n"});
    CHECK(newer.ok()); // without kernels
}

// Anything else that fails while a cache is opened is said, and leaves nothing behind.
void failures_of_open() {
    const struct {
        const char *function;
        Status status;
        uakv_status expected;
    } failures[] = {
        {"cuModuleLoadData", error_out_of_memory, UAKV_ERR_NO_SPACE},
        {"cuModuleGetFunction", error_not_found, UAKV_ERR_GPU},
        {"cuMemAlloc", error_out_of_memory, UAKV_ERR_NO_SPACE},
        {"cuMemcpyHtoD", error_invalid_value, UAKV_ERR_INTERNAL},
        {"cuStreamSynchronize", error_operating_system, UAKV_ERR_GPU},
        {"cuCtxPushCurrent", error_invalid_context, UAKV_ERR_GPU},
    };
    for (const auto &failure : failures) {
        {
            Setting setting;
            fake.fail(failure.function, 1, false, failure.status);
            const auto cache = setting.open();
            CHECK_MESSAGE(!cache.ok(), failure.function);
            CHECK_MESSAGE(cache.error().detail.find(failure.function) != std::string::npos, cache.error().detail);
            CHECK_MESSAGE(cache.error().status == failure.expected,
                          cache.error().detail + ": " + uakv_status_name(cache.error().status));
            fake.mend();
            CHECK_EQ(fake.counts().modules, 0);
            CHECK_EQ(fake.counts().mappings, 2); // the test's own
        }
        check_all_given_back();
    }
}

void failures_of_copies() {
    const struct {
        const char *function;
        Status status;
        uakv_status expected;
        bool kernels;
    } failures[] = {
        {"cuLaunchKernel", error_launch_out_of_resources, UAKV_ERR_INTERNAL, true},
        {"cuLaunchKernel", error_capture_implicit, UAKV_ERR_UNSUPPORTED, true},
        {"cuStreamIsCapturing", error_capture_implicit, UAKV_ERR_UNSUPPORTED, true},
        {"cuStreamIsCapturing", error_invalid_handle, UAKV_ERR_GPU, true},
        {"cuCtxPushCurrent", error_invalid_context, UAKV_ERR_GPU, true},
        {"cuMemcpyAsync", error_invalid_handle, UAKV_ERR_GPU, false},
    };
    for (const auto &failure : failures) {
        Setting setting;
        const auto cache = setting.opened(failure.kernels ? built_in_kernels() : KernelImages{});
        fake.fail(failure.function, 1, false, failure.status);
        const Result<void> result = setting.gather(*cache);
        CHECK_MESSAGE(!result.ok(), failure.function);
        CHECK_MESSAGE(result.error().status == failure.expected,
                      result.error().detail + ": " + uakv_status_name(result.error().status));
        CHECK_MESSAGE(result.error().detail.find(failure.function) != std::string::npos, result.error().detail);
    }
}

void wrong_pages() {
    Setting setting;
    const auto cache = setting.opened();
    setting.pages[1] = 2000;
    fake.hold(setting.world.stream);
    check_refused(setting.gather(*cache), UAKV_ERR_INVALID, "pages[1] is 2000; expected an id below 2000");
    CHECK_EQ(fake.pending(setting.world.stream), 0);
    setting.pages[1] = 1999;
    check_done(setting.gather(*cache));
    CHECK_EQ(fake.pending(setting.world.stream), 1);
    fake.let_go(setting.world.stream);
    CHECK(setting.is_gathered());
}

// A captured stream takes nothing; when the capture has ended, it does.
void capture() {
    Setting setting;
    const auto cache = setting.opened();
    for (const int status : {int{capture_active}, int{capture_invalidated}}) {
        fake.set_capture(setting.world.stream, status);
        check_refused(setting.gather(*cache), UAKV_ERR_UNSUPPORTED, "captured");
        CHECK_EQ(fake.captured(setting.world.stream), 0);
        fake.set_capture(setting.world.stream, capture_none);
    }
    CHECK_EQ(fake.pending(setting.world.stream), 0);
    check_done(setting.gather(*cache));
    CHECK(setting.is_gathered());
}

// Nothing happens before the stream gets there, and then with what was asked for at the call.
void in_the_order_of_the_stream() {
    Setting setting;
    const auto cache = setting.opened();
    const Bytes before = setting.in_block(), expected = setting.expected();
    fake.hold(setting.world.stream);
    check_done(setting.gather(*cache));
    setting.pages = {1, 2};
    CHECK(setting.in_block() == before);
    CHECK_EQ(fake.step(setting.world.stream, 1), 1);
    CHECK(setting.in_block() == expected);
    fake.let_go(setting.world.stream);
}

// What does not fit into one launch goes into several; when one of them is refused, those before it are done.
void several_launches() {
    std::vector<std::uint32_t> ids(2000);
    for (std::uint32_t i = 0; i < ids.size(); ++i) {
        ids[i] = (i * 7 + 5) % 2000;
    }
    Setting setting(plain, ids);
    const auto cache = setting.opened();
    auto launches = fake.calls("cuLaunchKernel");
    check_done(setting.gather(*cache));
    CHECK_EQ(fake.calls("cuLaunchKernel"), launches + 3);
    CHECK(setting.is_gathered());

    fake.fail("cuLaunchKernel", 3, false, error_launch_out_of_resources);
    launches = fake.calls("cuLaunchKernel");
    check_refused(setting.gather(*cache), UAKV_ERR_INTERNAL, "cuLaunchKernel");
    CHECK_EQ(fake.calls("cuLaunchKernel"), launches + 3);
    setting.world.finish();
}

// The calling thread keeps the context that it had, or none.
void the_current_context_stays() {
    Setting setting;
    const auto &call = setting.world.call;
    Context other = fake.make_context(0), now = nullptr;
    CHECK_CUDA(call.ctx_push_current(other));
    {
        const auto cache = setting.opened();
        check_done(setting.gather(*cache));
        CHECK_CUDA(call.ctx_get_current(&now));
        CHECK(now == other);
        setting.world.finish();
    }
    CHECK_CUDA(call.ctx_get_current(&now));
    CHECK(now == other);
    CHECK_CUDA(call.ctx_pop_current(&now));
    fake.destroy_context(other);
    const auto cache = setting.opened();
    check_done(setting.gather(*cache));
    CHECK_CUDA(call.ctx_get_current(&now));
    CHECK(now == nullptr);
    setting.world.finish();
}

// Last, for the device does not survive it: a page that is not there is noticed by the stand-in, so the tests before
// would have noticed one, too.
void beyond_the_memory() {
    Setting setting;
    setting.layout.pages *= 4;
    setting.pages[0] = 4 * 2000 - 1;
    const auto cache = setting.opened();
    check_done(setting.gather(*cache));
    CHECK_EQ(setting.world.end(), int{error_illegal_address});
}

constexpr Case cases[] = {
    {"every_shape", every_shape},
    {"every_shape_without_kernels", every_shape_without_kernels},
    {"images_that_do_not_load", images_that_do_not_load},
    {"old_drivers_take_our_ptx", old_drivers_take_our_ptx},
    {"failures_of_open", failures_of_open},
    {"failures_of_copies", failures_of_copies},
    {"wrong_pages", wrong_pages},
    {"capture", capture},
    {"in_the_order_of_the_stream", in_the_order_of_the_stream},
    {"several_launches", several_launches},
    {"the_current_context_stays", the_current_context_stays},
    {"beyond_the_memory", beyond_the_memory},
};

} // namespace
} // namespace uakv::test

int main() {
    uakv::fakecuda::controls().configure("ptx=6.0,driver=12000");
    return uakv::test::run_cases("paged_cache", uakv::test::cases);
}
