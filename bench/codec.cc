// What the codecs save, and what they cost one core, beside memcpy of the same blocks, plain LZ4, and the bit shuffle
// of Blosc with LZ4 where that is installed.
//
// The blocks lie in more memory than the caches hold, as slots do. memcpy, encoding and decoding take turns every few
// blocks, so what else happens on the machine meets all of them; what counts is the processor's time of this thread.
#include "blocks.h"
#include "failure.h"
#include "groups.h"
#include "ipc/codec/frame.h"
#include "plain_memory.h"
#include "tensors.h"

#if defined(UAKV_BENCH_BLOSC)
#include <blosc.h>
#endif

#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <functional>
#include <span>

namespace uakv::bench {
namespace {

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

struct Contestant {
    std::string name;
    std::function<std::size_t(ConstBytes block, Bytes frame)> encode; // the length; 0: it failed
    std::function<bool(ConstBytes frame, Bytes block)> decode;
    bool has_goals = false;
};

std::uint64_t thread_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

template <typename Work> std::uint64_t timed(Work work) {
    const std::uint64_t begin = thread_ns();
    work();
    return thread_ns() - begin;
}

// Blocks, what they become, and what becomes of that, each block from a page on.
class Arena {
public:
    Arena(const TensorBlocks &tensors, std::uint64_t bytes)
        : block_bytes_(tensors.block_bytes), slot_bytes_((frame_bytes_max(block_bytes_) + 8191) / 4096 * 4096),
          count_(std::max<std::size_t>(bytes / slot_bytes_, 4)), blocks_(count_ * slot_bytes_),
          frames_(count_ * slot_bytes_), results_(count_ * slot_bytes_), lengths_(count_) {
        for (std::size_t i = 0; i < count_; ++i) {
            std::memcpy(blocks_.data() + i * slot_bytes_, tensors.blocks[i % tensors.blocks.size()].data(),
                        block_bytes_);
        }
    }

    std::size_t count() const { return count_; }
    std::size_t block_bytes() const { return block_bytes_; }
    Bytes block(std::size_t i) const { return {blocks_.data() + i * slot_bytes_, block_bytes_}; }
    Bytes room(std::size_t i) const { return {frames_.data() + i * slot_bytes_, slot_bytes_}; }
    Bytes frame(std::size_t i) const { return room(i).first(lengths_[i]); }
    Bytes result(std::size_t i) const { return {results_.data() + i * slot_bytes_, block_bytes_}; }
    void set_length(std::size_t i, std::size_t bytes) { lengths_[i] = bytes; }

private:
    std::size_t block_bytes_;
    std::size_t slot_bytes_;
    std::size_t count_;
    PlainMemory blocks_;
    PlainMemory frames_;
    PlainMemory results_;
    std::vector<std::size_t> lengths_;
};

struct Rates {
    std::vector<double> plain, encode, decode, encode_share, decode_share; // GB/s, and of memcpy
    double ratio = 0;
};

void run_once(Arena &arena, const Contestant &contestant, Rates &rates) {
    const std::size_t turn = std::max<std::size_t>(1, 8 * MiB / arena.block_bytes());
    std::uint64_t plain_ns = 0, encode_ns = 0, decode_ns = 0, bytes = 0;
    bool good = true;
    for (std::size_t first = 0; first < arena.count(); first += turn) {
        const std::size_t end = std::min(first + turn, arena.count());
        plain_ns += timed([&] {
            for (std::size_t i = first; i < end; ++i) {
                std::memcpy(arena.result(i).data(), arena.block(i).data(), arena.block_bytes());
            }
        });
        encode_ns += timed([&] {
            for (std::size_t i = first; i < end; ++i) {
                arena.set_length(i, contestant.encode(arena.block(i), arena.room(i)));
            }
        });
    }
    for (std::size_t i = 0; i < arena.count(); ++i) {
        bytes += arena.frame(i).size();
        good = good && !arena.frame(i).empty();
    }
    for (std::size_t i = 0; i < arena.count(); ++i) { // all frames have left the caches by now
        decode_ns += timed([&] { good = contestant.decode(arena.frame(i), arena.result(i)) && good; });
        good = good && std::memcmp(arena.result(i).data(), arena.block(i).data(), arena.block_bytes()) == 0;
    }
    if (!good) {
        throw Failure(contestant.name + " does not give back what it was given");
    }
    const auto total = static_cast<double>(arena.count() * arena.block_bytes());
    rates.ratio = static_cast<double>(bytes) / total;
    rates.plain.push_back(total / static_cast<double>(plain_ns));
    rates.encode.push_back(total / static_cast<double>(encode_ns));
    rates.decode.push_back(total / static_cast<double>(decode_ns));
    rates.encode_share.push_back(static_cast<double>(plain_ns) / static_cast<double>(encode_ns));
    rates.decode_share.push_back(static_cast<double>(plain_ns) / static_cast<double>(decode_ns));
}

Contestant with_kernels(const codec::PlaneKernels &kernels, std::uint32_t dtype, bool best) {
    return {fmt::format("planes_lz4 ({})", kernels.name),
            [&kernels, dtype](ConstBytes block, Bytes frame) {
                return codec::encode_frame_with(kernels, Codec::planes_lz4, dtype, block, 0, frame);
            },
            [&kernels](ConstBytes frame, Bytes block) { return codec::decode_frame_with(kernels, frame, block); },
            best};
}

std::vector<Contestant> contestants(std::uint32_t dtype) {
    using codec::Processor;
    std::vector<Contestant> all;
    for (const Processor processor : {Processor::avx512, Processor::avx2, Processor::baseline}) {
        if (const auto *kernels = codec::plane_kernels_of(processor)) {
            all.push_back(with_kernels(*kernels, dtype, all.empty()));
        }
    }
    all.push_back({"lz4", [](ConstBytes block, Bytes frame) { return encode_frame(Codec::lz4, 0, block, 0, frame); },
                   [](ConstBytes frame, Bytes block) { return decode_frame(frame, block); }});
#if defined(UAKV_BENCH_BLOSC)
    all.push_back({"Blosc bitshuffle+lz4",
                   [](ConstBytes block, Bytes frame) {
                       const int bytes = blosc_compress_ctx(5, BLOSC_BITSHUFFLE, 2, block.size(), block.data(),
                                                            frame.data(), frame.size(), "lz4", 0, 1);
                       return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
                   },
                   [](ConstBytes frame, Bytes block) {
                       return blosc_decompress_ctx(frame.data(), block.data(), block.size(), 1) ==
                              static_cast<int>(block.size());
                   }});
#endif
    return all;
}

Summary percent(std::vector<double> shares) {
    for (double &share : shares) {
        share *= 100;
    }
    return summarize(std::move(shares));
}

void add_rows(Report &report, const std::string &what, const Contestant &contestant, bool bf16, const Rates &rates) {
    const std::string name = what + contestant.name;
    const auto goal = [&](bool given, Goal value) {
        return given && contestant.has_goals ? std::optional<Goal>(value) : std::nullopt;
    };
    report.add({name + ": size", "%", percent({rates.ratio}), goal(true, at_most(bf16 ? 70.5 : 90))});
    report.add({name + ": encode", "GB/s", summarize(rates.encode), std::nullopt});
    report.add({name + ": encode, of memcpy", "%", percent(rates.encode_share), goal(bf16, at_least(25))});
    report.add({name + ": decode", "GB/s", summarize(rates.decode), std::nullopt});
    report.add({name + ": decode, of memcpy", "%", percent(rates.decode_share), goal(bf16, at_least(60))});
}

void compare(const Settings &settings, Report &report, std::uint32_t dtype, std::size_t tokens, bool all) {
    const bool bf16 = dtype == UAKV_DTYPE_BF16;
    Arena arena(tensor_blocks(settings.tensors_path, dtype, tokens), settings.quick ? 32 * MiB : 192 * MiB);
    const std::string what = fmt::format("{} {}, ", bf16 ? "bf16" : "f16", size_text(arena.block_bytes()));
    std::vector<double> plain;
    for (const Contestant &contestant : contestants(dtype)) {
        if (!all && !contestant.has_goals) {
            continue;
        }
        Rates rates;
        for (unsigned run = 0; run < settings.runs(); ++run) {
            run_once(arena, contestant, rates);
        }
        add_rows(report, what, contestant, bf16, rates);
        plain.insert(plain.end(), rates.plain.begin(), rates.plain.end());
    }
    report.add({what + "memcpy", "GB/s", summarize(plain), std::nullopt});
}

} // namespace

void bench_codec(const Settings &settings, Report &report) {
    report.fact("tensors", tensor_blocks(settings.tensors_path, UAKV_DTYPE_BF16, 16).source);
#if !defined(UAKV_BENCH_BLOSC)
    report.fact("Blosc", "left out: its library was not there when this was configured (Debian: libblosc-dev)");
#endif
    for (const std::uint32_t dtype : {UAKV_DTYPE_BF16, UAKV_DTYPE_F16}) {
        compare(settings, report, dtype, 16, true);
        compare(settings, report, dtype, 128, false);
    }
}

} // namespace uakv::bench
