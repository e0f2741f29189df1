// An engine's cache and blocks of a daemon's arena: gather and commit in one process, scatter and release in another;
// and what is refused.
#include "gpu/engine_caches.h"
#include "gpu/gpu_daemon.h"

#include <numeric>

namespace uakv::test {
namespace {

constexpr EngineCache engine{"", Shape::block_major_nhd, 4, 64, 16, 2, 64};
constexpr std::size_t per_block = 3;
const std::size_t block_bytes = engine.block_bytes(per_block);

// An engine with a cache of its own content on the device.
class Engine {
public:
    explicit Engine(std::uint8_t first) : content_(engine.bytes()) {
        std::iota(reinterpret_cast<std::uint8_t *>(content_.data()),
                  reinterpret_cast<std::uint8_t *>(content_.data()) + content_.size(), first);
        CHECK_EQ(driver().mem_alloc(&memory_, content_.size()), cuda::success);
        std::memcpy(fake().host_address(memory_, content_.size()), content_.data(), content_.size());
    }
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;
    ~Engine() { driver().mem_free(memory_); }

    uakv_cuda_cache_options options() { return engine.options(memory_, bases_); }
    // What a gather of these pages must give.
    std::vector<std::byte> gathered(std::span<const std::uint32_t> pages) const {
        std::vector<std::byte> block(engine.block_bytes(pages.size()));
        engine.gather(content_.data(), pages, block.data());
        return block;
    }
    bool holds(const std::vector<std::byte> &expected) const {
        return std::memcmp(fake().host_address(memory_, expected.size()), expected.data(), expected.size()) == 0;
    }
    const std::vector<std::byte> &content() const { return content_; }

private:
    std::vector<std::byte> content_;
    cuda::DevicePtr memory_ = 0;
    std::vector<std::uint64_t> bases_;
};

class PagedCache {
public:
    PagedCache(uakv_client *client, Engine &of) {
        const uakv_cuda_cache_options options = of.options();
        CHECK_STATUS(uakv_cuda_cache_open(client, 0, &options, &handle_), UAKV_OK);
    }
    PagedCache(const PagedCache &) = delete;
    PagedCache &operator=(const PagedCache &) = delete;
    ~PagedCache() { uakv_cuda_cache_close(handle_); }
    operator uakv_cuda_cache *() const { return handle_; }

private:
    uakv_cuda_cache *handle_ = nullptr;
};

constexpr std::uint32_t source_pages[] = {5, 63, 0, 17, 18, 19};
constexpr std::uint32_t target_pages[] = {1, 2, 40, 62, 7, 6};

void between_engines() {
    const Daemon daemon(gpu_daemon());
    const Stage stage;
    const uakv_key keys[] = {make_key("one"), make_key("two")};
    Child writer([&] {
        const Caller caller;
        const Client client(daemon);
        const Space space(client);
        Engine mine(1);
        const PagedCache cache(client, mine);
        const OwnStream stream;
        uakv_slot slots[2];
        for (int i = 0; i < 2; ++i) {
            CHECK_STATUS(uakv_reserve_cuda(space, &keys[i], block_bytes, 0, nullptr, &slots[i]), UAKV_OK);
        }
        CHECK_STATUS(uakv_gather_cuda(cache, slots, 2, source_pages, per_block, stream), UAKV_OK);
        for (uakv_slot &slot : slots) {
            CHECK_STATUS(uakv_commit_on_stream(&slot, stream), UAKV_OK);
        }
        await_on_device(space, keys[1]);
        stage.reach(1);
        stage.await_stage(2);
    });
    Child reader([&] {
        stage.await_stage(1);
        const Caller caller;
        const Client client(daemon, UAKV_READ_ONLY);
        const Space space(client);
        Engine mine(77);
        const Engine theirs(1);
        const PagedCache cache(client, mine);
        const OwnStream stream;
        uakv_view views[2];
        for (int i = 0; i < 2; ++i) {
            CHECK_STATUS(look_on_device(space, keys[i], views[i]), UAKV_OK);
        }
        CHECK_STATUS(uakv_scatter_cuda(cache, views, 2, target_pages, per_block, stream), UAKV_OK);
        for (uakv_view &view : views) {
            CHECK_STATUS(uakv_release_on_stream(&view, stream), UAKV_OK);
        }
        CHECK_EQ(driver().stream_synchronize(stream), cuda::success);
        std::vector<std::byte> expected = mine.content();
        for (std::size_t i = 0; i < 2; ++i) {
            const auto from = std::span(source_pages).subspan(i * per_block, per_block);
            const auto to = std::span(target_pages).subspan(i * per_block, per_block);
            engine.scatter(theirs.gathered(from).data(), to, expected.data());
        }
        CHECK(mine.holds(expected));
        stage.reach(2);
    });
    reader.join();
    writer.join();
}

void check_invalid(uakv_status status, const std::string &words) {
    CHECK_STATUS(status, UAKV_ERR_INVALID);
    CHECK_MESSAGE(last_error().find(words) != std::string::npos, last_error());
}

void wrong_blocks() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    const Space space(client);
    Engine mine(1);
    const PagedCache cache(client, mine);
    const OwnStream stream;
    const uakv_key key = make_key("one"), other = make_key("two"), host = make_key("host");
    uakv_slot slots[2], in_host{};
    CHECK_STATUS(uakv_reserve_cuda(space, &key, block_bytes, 0, nullptr, &slots[0]), UAKV_OK);
    CHECK_STATUS(uakv_reserve_cuda(space, &other, block_bytes + 16, 0, nullptr, &slots[1]), UAKV_OK);
    CHECK_STATUS(uakv_reserve(space, &host, block_bytes, nullptr, &in_host), UAKV_OK);
    fake().hold(stream);
    const auto gather = [&](const uakv_slot *given, std::size_t count, const std::uint32_t *pages, std::size_t each) {
        return uakv_gather_cuda(cache, given, count, pages, each, stream);
    };
    check_invalid(gather(slots, 2, source_pages, per_block), "slots[1] has");
    check_invalid(gather(slots, 1, source_pages, 2), "slots[0] has");
    check_invalid(gather(&in_host, 1, source_pages, per_block), "slots[0] is not");
    check_invalid(gather(slots, 1, source_pages, 0), "pages_per_block is 0");
    check_invalid(gather(slots, 1, source_pages, ~std::size_t{0}), "pages_per_block");
    check_invalid(gather(slots, 1, nullptr, per_block), "pages is NULL");
    check_invalid(gather(nullptr, 1, source_pages, per_block), "slots is NULL");
    check_invalid(uakv_gather_cuda(nullptr, slots, 1, source_pages, per_block, stream), "cache is NULL");
    uakv_slot bent = slots[0];
    bent.data = static_cast<std::byte *>(bent.data) + 8;
    check_invalid(gather(&bent, 1, source_pages, per_block), "never handed out");
    const std::uint32_t beyond[] = {0, 64, 1};
    check_invalid(gather(slots, 1, beyond, per_block), "pages[1] is 64");
    const uakv_view never{};
    check_invalid(uakv_scatter_cuda(cache, &never, 1, source_pages, per_block, stream), "views[0] is not");
    CHECK_STATUS(gather(nullptr, 0, nullptr, per_block), UAKV_OK);
    CHECK_EQ(fake().pending(stream), 0);
    fake().let_go(stream);
    for (uakv_slot *slot : {&slots[0], &slots[1], &in_host}) {
        CHECK_STATUS(uakv_abort(slot), UAKV_OK);
    }
}

// Each field of the options, one too much or too little.
void wrong_options() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    Engine mine(1);
    const struct {
        const char *words;
        void (*change)(uakv_cuda_cache_options &options);
    } wrong[] = {
        {"struct_size", [](auto &options) { options.struct_size = 4; }},
        {"options.flags is 1", [](auto &options) { options.flags = 1; }},
        {"options.reserved is 2", [](auto &options) { options.reserved = 2; }},
        {"options.layers is 0", [](auto &options) { options.layers = 0; }},
        {"options.layers is 1025", [](auto &options) { options.layers = 1025; }},
        {"options.parts is 0", [](auto &options) { options.parts = 0; }},
        {"options.parts is 3", [](auto &options) { options.parts = 3; }},
        {"options.pages is 0", [](auto &options) { options.pages = 0; }},
        {"options.pages is 4294967297", [](auto &options) { options.pages = (1ULL << 32) + 1; }},
        {"options.page_tokens is 0", [](auto &options) { options.page_tokens = 0; }},
        {"options.heads is 0", [](auto &options) { options.heads = 0; }},
        {"options.row_bytes is 0", [](auto &options) { options.row_bytes = 0; }},
        {"options.row_bytes is 72", [](auto &options) { options.row_bytes = 72; }},
        {"options.page_stride is 24", [](auto &options) { options.page_stride = 24; }},
        {"options.token_stride is 8", [](auto &options) { options.token_stride = 8; }},
        {"options.head_stride is 0", [](auto &options) { options.head_stride = 0; }},
        {"options.head_stride is 48", [](auto &options) { options.head_stride = 48; }},     // rows of 64
        {"options.token_stride is 112", [](auto &options) { options.token_stride = 112; }}, // two heads of 64
        {"options.page_stride is 2032", [](auto &options) { options.page_stride = 2032; }}, // 16 tokens of 128
        {"64 of them", [](auto &options) { options.page_stride = 1ULL << 60; }},
        {"a page, is too much", [](auto &options) { options.page_tokens = options.heads = ~0U; }},
        {"options.bases is NULL", [](auto &options) { options.bases = nullptr; }},
        {"options.bases[0] is 0x0",
         [](auto &options) {
             static const std::uint64_t none[8] = {};
             options.bases = none;
         }},
        {"options.bases[1] is 0x10008",
         [](auto &options) {
             static const std::uint64_t odd[8] = {0x10000, 0x10008};
             options.bases = odd;
         }},
        {"options.bases[0] is 0xfffffffffffffff0",
         [](auto &options) {
             static const std::uint64_t high[8] = {~0ULL - 15};
             options.bases = high;
         }},
    };
    const auto modules = fake().counts().modules;
    for (const auto &each : wrong) {
        uakv_cuda_cache_options options = mine.options();
        each.change(options);
        uakv_cuda_cache *cache = nullptr;
        check_invalid(uakv_cuda_cache_open(client, 0, &options, &cache), each.words);
        CHECK(cache == nullptr);
    }
    CHECK_EQ(fake().counts().modules, modules);
    const uakv_cuda_cache_options options = mine.options();
    uakv_cuda_cache *cache = nullptr;
    check_invalid(uakv_cuda_cache_open(nullptr, 0, &options, &cache), "client is NULL");
    check_invalid(uakv_cuda_cache_open(client, 0, nullptr, &cache), "options is NULL");
    check_invalid(uakv_cuda_cache_open(client, 0, &options, nullptr), "cache is NULL");
    CHECK(uakv_cuda_cache_open(client, 5, &options, &cache) < 0);
    uakv_cuda_cache_close(nullptr);
}

void in_a_fork() {
    const Daemon daemon(gpu_daemon());
    const Caller caller;
    const Client client(daemon);
    Engine mine(1);
    const PagedCache cache(client, mine);
    run_child([&] {
        CHECK_STATUS(uakv_gather_cuda(cache, nullptr, 0, nullptr, per_block, nullptr), UAKV_ERR_FORKED);
        uakv_cuda_cache_close(cache);
    });
}

constexpr Case cases[] = {
    {"between_engines", between_engines},
    {"wrong_blocks", in_child<wrong_blocks>},
    {"wrong_options", in_child<wrong_options>},
    {"in_a_fork", in_child<in_a_fork>},
};

} // namespace
} // namespace uakv::test

int main() {
    uakv::test::use_stand_in();
    return uakv::test::run_cases("client_paged", uakv::test::cases);
}
