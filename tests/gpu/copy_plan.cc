// Gather and scatter without a driver: what the launches of a plan do, by the kernels' own arithmetic, and what its
// runs do, beside plain loops over the engines' tensors.
#include "clientlib/cuda/copy_plan.h"
#include "gpu/engine_caches.h"
#include "gpu/fake_ranges.h"
#include "support/check.h"
#include "support/effort.h"
#include "support/fakecuda/paged_kernels.h"

#include <cstring>
#include <random>

namespace uakv::test {
namespace {

using namespace uakv::cuda;
using Bytes = std::vector<std::byte>;

void divisors() {
    std::mt19937_64 random(seed());
    constexpr std::uint32_t top = 0x7fffffff;
    std::vector<std::uint32_t> numbers = {1, 2, 3, 5, 7, 41, 72, 255, 256, 641, 65535, 65536, 65537, top - 1, top};
    for (int i = 0; i < 2000; ++i) {
        numbers.push_back(static_cast<std::uint32_t>(random() % top >> random() % 31) + 1);
    }
    for (const std::uint32_t number : numbers) {
        const Divisor by = divisor_of(number);
        const auto check = [&](std::uint64_t n) {
            if (n <= top && quotient(static_cast<std::uint32_t>(n), by) != n / number) {
                fail_at(__FILE__, __LINE__, std::to_string(n) + " / " + std::to_string(number) + " is wrong");
            }
        };
        for (int i = 0; i < 200; ++i) {
            const std::uint64_t multiple = random() % (top / number + 1) * number;
            check(multiple);
            check(multiple + number - 1);
            check(random() % (std::uint64_t{top} + 1));
        }
        check(0);
        check(top);
    }
}

// An engine's cache, blocks, and page ids, at device addresses.
struct World {
    World(const EngineCache &of, std::size_t count, std::size_t per_block, std::mt19937_64 &random)
        : engine(of), memory(of.bytes()), pages_per_block(per_block) {
        fill(memory, random);
        memory_address = memory_map.add(memory);
        auto checked = check_cache_layout("test", engine.options(memory_address, bases));
        CHECK_MESSAGE(checked.ok(), engine.name + (": " + checked.error().detail));
        layout = checked.value();
        bases_bytes.resize(bases.size() * sizeof bases[0]);
        std::memcpy(bases_bytes.data(), bases.data(), bases_bytes.size());
        bases_address = memory_map.add(bases_bytes, false);
        CHECK_EQ(block_bytes_of(layout, per_block).value(), engine.block_bytes(per_block));
        for (std::size_t i = 0; i < count; ++i) {
            blocks.emplace_back(engine.block_bytes(per_block));
        }
        for (Bytes &block : blocks) {
            addresses.push_back(memory_map.add(block));
        }
        // No page twice, so that the order of what is scattered does not matter.
        std::vector<std::uint32_t> all(engine.pages);
        for (std::uint32_t i = 0; i < engine.pages; ++i) {
            all[i] = i;
        }
        std::shuffle(all.begin(), all.end(), random);
        CHECK(count * per_block <= all.size());
        pages.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count * per_block));
    }

    static void fill(Bytes &bytes, std::mt19937_64 &random) {
        for (std::byte &byte : bytes) {
            byte = static_cast<std::byte>(random());
        }
    }
    PagedBlocks paged() const { return {addresses, pages, pages_per_block}; }
    std::span<const std::uint32_t> pages_of(std::size_t block) const {
        return std::span(pages).subspan(block * pages_per_block, pages_per_block);
    }

    FakeRanges memory_map;
    const EngineCache &engine;
    Bytes memory;
    std::uint64_t memory_address = 0;
    std::vector<std::uint64_t> bases;
    Bytes bases_bytes;
    std::uint64_t bases_address = 0;
    CacheLayout layout;
    std::size_t pages_per_block;
    std::vector<Bytes> blocks;
    std::vector<std::uint64_t> addresses;
    std::vector<std::uint32_t> pages;
};

// Carries a copy out; gives how many launches or copies that took.
using Carry = std::size_t (*)(const World &world, bool gather);

std::size_t carry_by_kernels(const World &world, bool gather) {
    const auto kernel = gather ? fakecuda::run_gather : fakecuda::run_scatter;
    LaunchPlan plan(world.layout, world.bases_address, world.paged());
    CopyParameters parameters;
    std::size_t launches = 0;
    while (plan.next(parameters)) {
        const fakecuda::Extent grid{LaunchPlan::ctas_of_piece(parameters), parameters.pieces, 1};
        CHECK(kernel(grid, {copy_threads, 1, 1}, &parameters, world.memory_map));
        ++launches;
    }
    return launches;
}

std::size_t carry_by_runs(const World &world, bool gather) {
    std::size_t copies = 0;
    const bool done = for_each_run(world.layout, world.paged(),
                                   [&](std::uint64_t in_block, std::uint64_t in_cache, std::uint64_t bytes) {
                                       std::byte *block = world.memory_map.find(in_block, bytes, gather);
                                       std::byte *cache = world.memory_map.find(in_cache, bytes, !gather);
                                       CHECK(block != nullptr && cache != nullptr);
                                       std::memcpy(gather ? block : cache, gather ? cache : block, bytes);
                                       ++copies;
                                       return true;
                                   });
    CHECK(done);
    return copies;
}

void check_same(const Bytes &actual, const Bytes &expected, const World &world, const char *what) {
    const auto differ = std::mismatch(actual.begin(), actual.end(), expected.begin(), expected.end());
    if (differ.first != actual.end() || differ.second != expected.end()) {
        fail_at(__FILE__, __LINE__,
                std::string(world.engine.name) + ": " + what + ", byte " +
                    std::to_string(differ.first - actual.begin()) + " of " + std::to_string(actual.size()) +
                    " is wrong");
    }
}

// Gathers, compares; scatters to other pages of a cache with other content, compares all of it. Gives the launches of
// the gather.
std::size_t there_and_back(World &world, Carry carry, std::mt19937_64 &random) {
    const Bytes before = world.memory;
    const std::size_t launches = carry(world, true);
    check_same(world.memory, before, world, "the cache after a gather");
    for (std::size_t i = 0; i < world.blocks.size(); ++i) {
        Bytes expected(world.blocks[i].size());
        world.engine.gather(before.data(), world.pages_of(i), expected.data());
        check_same(world.blocks[i], expected, world, "a gathered block");
    }
    World::fill(world.memory, random);
    std::shuffle(world.pages.begin(), world.pages.end(), random);
    Bytes expected = world.memory;
    for (std::size_t i = 0; i < world.blocks.size(); ++i) {
        world.engine.scatter(world.blocks[i].data(), world.pages_of(i), expected.data());
    }
    const std::vector<Bytes> blocks = world.blocks;
    carry(world, false);
    check_same(world.memory, expected, world, "the cache after a scatter");
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        check_same(world.blocks[i], blocks[i], world, "a block after a scatter");
    }
    return launches;
}

void every_shape(Carry carry) {
    std::mt19937_64 random(seed());
    for (const EngineCache &engine : engine_caches()) {
        for (std::size_t per_block = 1; per_block <= engine.pages; per_block = per_block * 3 + 1) {
            for (const std::size_t count : {std::size_t{1}, engine.pages / per_block}) {
                World world(engine, count, per_block, random);
                there_and_back(world, carry, random);
            }
        }
    }
}
void every_shape_by_kernels() {
    every_shape(carry_by_kernels);
}
void every_shape_by_runs() {
    every_shape(carry_by_runs);
}

// More pages than the parameters of a launch hold, over all blocks and in one block.
void split_launches() {
    std::mt19937_64 random(seed());
    constexpr EngineCache engine{"many pages", Shape::latent, 2, 5000, 1, 1, 16};
    const struct {
        std::size_t count;
        std::size_t per_block;
        std::size_t launches;
    } expected[] = {
        {332, 1, 1}, {333, 1, 2}, {55, 16, 1}, {56, 16, 2}, {1, 996, 1}, {1, 997, 2}, {3, 1600, 6}, {1, 5000, 6},
    };
    for (const auto &each : expected) {
        World world(engine, each.count, each.per_block, random);
        CHECK_EQ(there_and_back(world, carry_by_kernels, random), each.launches);
    }
}

// What lies in one piece is copied in one piece.
void runs_are_merged() {
    std::mt19937_64 random(seed());
    const struct {
        EngineCache engine;
        std::vector<std::uint32_t> pages;
        std::size_t copies;
    } expected[] = {
        {{"", Shape::kv_major_nhd, 3, 8, 16, 2, 64}, {3, 5}, 3 * 2 * 2},     // pages
        {{"", Shape::kv_major_nhd, 3, 8, 16, 2, 64}, {3, 4}, 3 * 2},         // pages that are neighbours
        {{"", Shape::block_major_nhd, 3, 8, 16, 2, 64}, {3, 4}, 3 * 2 * 2},  // V lies between
        {{"", Shape::block_major_nhd, 3, 8, 16, 2, 64}, {3}, 3},             // K and V of a page
        {{"", Shape::cross_layer_nhd, 3, 8, 16, 2, 64}, {3}, 1},             // all of a page
        {{"", Shape::kv_major_hnd, 3, 8, 16, 2, 64}, {3}, 3 * 2 * 16 * 2},   // rows
        {{"", Shape::interleaved_nhd, 3, 8, 16, 2, 64}, {3}, 3 * 2 * 16},    // tokens
        {{"", Shape::latent, 3, 8, 16, 1, 64}, {0, 1, 2, 3, 4, 5, 6, 7}, 1}, // everything
    };
    for (const auto &each : expected) {
        World world(each.engine, 1, each.pages.size(), random);
        world.pages = each.pages;
        CHECK_EQ(carry_by_runs(world, true), each.copies);
    }
}

void a_run_that_fails_ends_it() {
    std::mt19937_64 random(seed());
    World world(engine_caches()[5], 1, 2, random);
    int calls = 0;
    CHECK(!for_each_run(world.layout, world.paged(), [&](auto, auto, auto) { return ++calls < 3; }));
    CHECK_EQ(calls, 3);
}

// The largest page that is allowed: all numbers of a launch stay within 31 bits.
void the_largest_page() {
    uakv_cuda_cache_options options{};
    const std::uint64_t base = 4096;
    options.layers = options.parts = options.heads = 1;
    options.bases = &base;
    options.pages = 8;
    options.page_tokens = (1U << 31) - 1;
    options.row_bytes = 16;
    options.token_stride = 16;
    options.page_stride = cache_page_bytes_max;
    auto checked = check_cache_layout("test", options);
    CHECK_MESSAGE(checked.ok(), checked.error().detail);
    const std::uint64_t block = 1ULL << 40;
    const std::uint32_t pages[] = {7, 0, 3};
    LaunchPlan plan(checked.value(), 0, {{&block, 1}, pages, 3});
    CopyParameters parameters;
    for (const std::uint32_t page : pages) { // each is a launch of its own
        CHECK(plan.next(parameters));
        CHECK_EQ(parameters.vectors, (1U << 31) - 1);
        CHECK_EQ(LaunchPlan::ctas_of_piece(parameters), 1U << 21);
        const VectorPlace last = find_vector(parameters, 0, parameters.vectors - 1);
        CHECK_EQ(last.from_base, page * cache_page_bytes_max + cache_page_bytes_max - 16);
        const std::uint64_t number = static_cast<std::uint64_t>(std::find(pages, pages + 3, page) - pages);
        CHECK_EQ(last.block, block + number * cache_page_bytes_max + cache_page_bytes_max - 16);
    }
    CHECK(!plan.next(parameters));
}

constexpr Case cases[] = {
    {"divisors", divisors},
    {"every_shape_by_kernels", every_shape_by_kernels},
    {"every_shape_by_runs", every_shape_by_runs},
    {"split_launches", split_launches},
    {"runs_are_merged", runs_are_merged},
    {"a_run_that_fails_ends_it", a_run_that_fails_ends_it},
    {"the_largest_page", the_largest_page},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("copy_plan", uakv::test::cases);
}
