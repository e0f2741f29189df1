// Copies: that gather and scatter are right on this device, by each image of the kernels and without any; and how fast
// they are beside the device's own copy, and copies to and from the host beside the fastest there is.
#include "gpu/real/checks.h"

#include "clientlib/cuda/paged_cache.h"
#include "gpu/engine_caches.h"
#include "ipc/mapping.h"
#include "ipc/memfd.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace uakv::gpu_checks {
namespace {

using test::EngineCache;
using test::Shape;
using Bytes = std::vector<std::byte>;

constexpr std::size_t mib = std::size_t{1} << 20;

class Buffer {
public:
    Buffer(const Gpu &gpu, std::size_t bytes) : gpu_(gpu), bytes_(bytes) { GPU_CHECK(gpu, mem_alloc(&pointer, bytes)); }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer() { static_cast<void>(gpu_.call.mem_free(pointer)); }

    void put(const Bytes &bytes) const {
        GPU_CHECK(gpu_, memcpy_htod_async(pointer, bytes.data(), bytes.size(), gpu_.stream));
        gpu_.finish();
    }
    Bytes get() const {
        Bytes bytes(bytes_);
        GPU_CHECK(gpu_, memcpy_dtoh_async(bytes.data(), pointer, bytes_, gpu_.stream));
        gpu_.finish();
        return bytes;
    }

    cuda::DevicePtr pointer = 0;

private:
    const Gpu &gpu_;
    const std::size_t bytes_;
};

std::unique_ptr<cuda::PagedCache> open_cache(const Gpu &gpu, const EngineCache &engine, cuda::DevicePtr memory,
                                             const cuda::KernelImages &images) {
    std::vector<std::uint64_t> bases;
    auto layout = take(cuda::check_cache_layout("check", engine.options(memory, bases)));
    return take(cuda::PagedCache::open(gpu.driver, gpu.context, std::move(layout), images));
}

void copy(const Gpu &gpu, const cuda::PagedCache &cache, cuda::CopyWay way, const cuda::PagedBlocks &blocks) {
    const auto copied = cache.copy("check", way, blocks, gpu.stream);
    require(copied.ok(), copied.ok() ? "" : copied.error().detail);
}

Bytes drawn(std::size_t bytes, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Bytes made(bytes);
    for (std::byte &byte : made) {
        byte = static_cast<std::byte>(random());
    }
    return made;
}

// One shape, there and back, every byte compared with what plain loops on the host do.
void check_shape(const Gpu &gpu, const EngineCache &engine, const cuda::KernelImages &images) {
    const std::uint32_t half = engine.pages / 2;
    std::vector<std::uint32_t> pages(half);
    for (std::uint32_t i = 0; i < half; ++i) {
        pages[i] = half - 1 - i;
    }
    Bytes content = drawn(engine.bytes(), engine.pages);
    const Buffer memory(gpu, content.size());
    const Buffer block(gpu, engine.block_bytes(half));
    memory.put(content);
    const auto cache = open_cache(gpu, engine, memory.pointer, images);
    copy(gpu, *cache, cuda::CopyWay::gather, {{&block.pointer, 1}, pages, half});
    Bytes expected(engine.block_bytes(half));
    engine.gather(content.data(), pages, expected.data());
    require(block.get() == expected, std::string(engine.name) + ": a gathered block is wrong");
    for (std::uint32_t &page : pages) {
        page += engine.pages - half;
    }
    copy(gpu, *cache, cuda::CopyWay::scatter, {{&block.pointer, 1}, pages, half});
    engine.scatter(expected.data(), pages, content.data());
    require(memory.get() == content, std::string(engine.name) + ": the cache after a scatter is wrong");
}

void every_shape(Report &report) {
    const Gpu gpu;
    const cuda::KernelImages built_in = cuda::built_in_kernels();
    const struct {
        const char *what;
        cuda::KernelImages images;
        const char *kind;
    } ways[] = {
        {"machine code", {built_in.fatbin, nullptr}, "fatbin"},
        {"PTX 6.0, translated by the driver", {nullptr, built_in.ptx}, "ptx"},
        {"no kernels", {}, "none"},
    };
    for (const auto &way : ways) {
        if (std::strcmp(way.kind, "fatbin") == 0 && built_in.fatbin == nullptr) {
            report.fact(way.what, "not built in: there was no nvcc");
            continue;
        }
        const double begin = now_seconds();
        const Buffer probe(gpu, test::engine_caches()[0].bytes());
        const auto cache = open_cache(gpu, test::engine_caches()[0], probe.pointer, way.images);
        report.figure(std::string(way.what) + ", opening a cache", (now_seconds() - begin) * 1e3, "ms");
        if (std::strcmp(cache->kernels().kind, way.kind) != 0) {
            report.fact(way.what, "does not load: " + cache->kernels().why_none);
            require(std::strcmp(way.kind, "fatbin") == 0, "the PTX does not load: " + cache->kernels().why_none);
            continue;
        }
        for (const EngineCache &engine : test::engine_caches()) {
            check_shape(gpu, engine, way.images);
        }
        report.fact(way.what, std::to_string(test::engine_caches().size()) + " shapes are right");
    }
}

double gigabytes(std::size_t bytes, double seconds) {
    return static_cast<double>(bytes) / seconds / 1e9;
}

unsigned rounds_of(const Report &report, std::size_t bytes) {
    return report.stand_in() ? 1 : static_cast<unsigned>(std::clamp<std::size_t>(4096 * mib / bytes, 20, 1000));
}

// Payload that is moved in a second: each byte is read and written once.
void paged_speed(Report &report) {
    const Gpu gpu;
    // 32 layers, 8 heads of 128 channels, 16-bit: 128 KiB a token.
    const std::uint32_t layers = report.stand_in() ? 2 : 32;
    const std::pair<const char *, Shape> shapes[] = {{"[2, pages, NHD]", Shape::kv_major_nhd},
                                                     {"[pages, 2, NHD]", Shape::block_major_nhd},
                                                     {"[2, pages, HND]", Shape::kv_major_hnd}};
    for (const std::uint32_t tokens : {16U, 64U}) {
        for (const auto &[name, shape] : shapes) {
            const std::uint32_t pages = (report.stand_in() ? 1024U : 16384U) / tokens;
            const EngineCache engine{name, shape, layers, pages, tokens, 8, 256};
            const Buffer memory(gpu, engine.bytes());
            const auto cache = open_cache(gpu, engine, memory.pointer, cuda::built_in_kernels());
            for (const std::size_t of_block : {std::size_t{16}, std::size_t{256}, std::size_t{4096}}) {
                const std::size_t count = std::max<std::size_t>(of_block, tokens) / tokens;
                if (count > pages / 2) {
                    continue;
                }
                std::vector<std::uint32_t> ids(pages);
                for (std::uint32_t i = 0; i < pages; ++i) {
                    ids[i] = i;
                }
                std::shuffle(ids.begin(), ids.end(), std::mt19937_64(1));
                ids.resize(count);
                const std::size_t bytes = engine.block_bytes(count);
                const Buffer block(gpu, bytes), other(gpu, bytes);
                const cuda::PagedBlocks blocks{{&block.pointer, 1}, ids, count};
                const unsigned rounds = rounds_of(report, bytes);
                const double ceiling = gpu.seconds_of(
                    rounds, [&] { GPU_CHECK(gpu, memcpy_async(other.pointer, block.pointer, bytes, gpu.stream)); });
                const std::string what = std::string(name) + ", pages of " + std::to_string(tokens) + ", " +
                                         std::to_string(bytes / mib) + " MiB: ";
                report.figure(what + "copy of the device", gigabytes(bytes, ceiling), "GB/s");
                for (const auto way : {cuda::CopyWay::gather, cuda::CopyWay::scatter}) {
                    const double seconds = gpu.seconds_of(rounds, [&] { copy(gpu, *cache, way, blocks); });
                    const char *verb = way == cuda::CopyWay::gather ? "gather" : "scatter";
                    report.figure(what + verb, gigabytes(bytes, seconds), "GB/s");
                    report.figure(what + verb + " / copy", ceiling / seconds, "");
                }
            }
        }
    }
}

void host_speed(Report &report) {
    const Gpu gpu;
    const std::size_t most = report.stand_in() ? 2 * mib : 512 * mib;
    const Fd fd = take(create_memfd("uakv gpu check", most));
    const Mapping mapping = take(Mapping::map(fd, most, Access::read_write));
    GPU_CHECK(gpu, mem_host_register(mapping.data(), most, cuda::host_register_portable));
    const Buffer buffer(gpu, most);
    for (const std::size_t bytes : {std::size_t{4096}, std::size_t{65536}, 2 * mib, 64 * mib, 512 * mib}) {
        if (bytes > most) {
            continue;
        }
        const std::string size =
            bytes < mib ? std::to_string(bytes / 1024) + " KiB" : std::to_string(bytes / mib) + " MiB";
        const unsigned rounds = rounds_of(report, bytes);
        const double down = gpu.seconds_of(
            rounds, [&] { GPU_CHECK(gpu, memcpy_htod_async(buffer.pointer, mapping.data(), bytes, gpu.stream)); });
        report.figure(size + ", host to device, registered memfd", gigabytes(bytes, down), "GB/s");
        const double up = gpu.seconds_of(
            rounds, [&] { GPU_CHECK(gpu, memcpy_dtoh_async(mapping.data(), buffer.pointer, bytes, gpu.stream)); });
        report.figure(size + ", device to host, registered memfd", gigabytes(bytes, up), "GB/s");
    }
    GPU_CHECK(gpu, mem_host_unregister(mapping.data()));
}

} // namespace

const std::vector<Check> copy_checks = {
    {"every_shape", "gather and scatter, every layout, by each image of the kernels", every_shape},
    {"paged_speed", "gather and scatter beside the device's own copy", paged_speed},
    {"host_speed", "copies to and from the host's memory", host_speed},
};

} // namespace uakv::gpu_checks
