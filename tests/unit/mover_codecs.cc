// What is encoded on its way to disk, and with what: it follows the contents of each space, and what comes back is what
// was stored.
#include "mover_bench.h"

#include "daemon/codec/chooser.h"
#include "ipc/codec/codec.h"

#include <algorithm>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::uint64_t length = 16 << 10;
constexpr std::uint32_t tries_first = CodecChooser::tries_first, try_every = CodecChooser::try_every;

using Bytes = std::vector<std::byte>;

Bytes noise(std::uint64_t number, std::uint64_t bytes = length) {
    Random random(number + 1);
    Bytes block(bytes);
    std::generate(block.begin(), block.end(), [&] { return static_cast<std::byte>(random.next() >> 32); });
    return block;
}

Bytes regular(std::uint64_t number, std::uint64_t bytes = length) {
    Bytes block(bytes);
    for (std::uint64_t i = 0; i < bytes; ++i) {
        block[i] = static_cast<std::byte>(i / 512 + number);
    }
    return block;
}

// Signs and mantissas are noise, and exponents near each other: LZ4 alone finds nothing.
Bytes floats(std::uint64_t number) {
    Bytes block = noise(number);
    for (std::uint64_t i = 0; i + 1 < length; i += 2) {
        const unsigned exponent = 120 + (std::to_integer<unsigned>(block[i + 1]) & 3U);
        block[i] = (block[i] & std::byte{0x7F}) | static_cast<std::byte>(exponent << 7);
        block[i + 1] = (block[i + 1] & std::byte{0x80}) | static_cast<std::byte>(exponent >> 1);
    }
    return block;
}

void put(MoverBench &bench, std::uint64_t number, const Bytes &block, SpaceId space = 0) {
    const SlotRef slot = bench.store().grant(block.size());
    std::copy(block.begin(), block.end(), bench.store().at(slot));
    Store::CommitRequest request;
    request.space = space;
    request.key = sample_key(number);
    request.length = block.size();
    request.checksum = checksum_of(block.data(), block.size());
    CHECK_STATUS(bench->commit(slot, request), UAKV_OK);
}

// One after another: how it went with one is known when the next is written.
void write(MoverBench &bench, std::uint64_t first, std::uint64_t count, Bytes (*contents)(std::uint64_t),
           SpaceId space = 0) {
    for (std::uint64_t i = first; i < first + count; ++i) {
        put(bench, i, contents(i), space);
        CHECK_STATUS(bench.flush(space), UAKV_OK);
        CHECK(bench.on_disk(i, space));
    }
}

Bytes noisy(std::uint64_t number) {
    return noise(number);
}
Bytes regularly(std::uint64_t number) {
    return regular(number);
}

void check_written(MoverBench &bench, std::uint64_t encoded, std::uint64_t in_vain) {
    const Mover::Statistics statistics = bench.mover().statistics();
    CHECK_EQ(statistics.encoded, encoded);
    CHECK_EQ(statistics.encoded_in_vain, in_vain);
}

// It comes back from disk as it was.
void check_loaded(MoverBench &bench, std::uint64_t number, const Bytes &block, SpaceId space = 0) {
    CHECK(bench.is_cold(number, space));
    CHECK_STATUS(bench.load(number, space), UAKV_OK);
    const auto found = bench.store().find(number, space);
    CHECK(found && (found->flags & (entry_cold | entry_encoded)) == 0);
    const auto bytes = bench->bytes_of(found->id);
    CHECK(std::equal(bytes.begin(), bytes.end(), block.begin(), block.end()));
}

// What the disk has: a frame of this codec, or the block itself.
void check_codec(MoverBench &bench, std::uint64_t number, Codec codec, SpaceId space = 0) {
    CHECK(bench.is_cold(number, space));
    CHECK_STATUS(bench.load(number, space, true), UAKV_OK);
    CHECK_EQ((bench.flags(number, space) & entry_encoded) != 0, codec != Codec::none);
    if (codec != Codec::none) {
        const auto info = read_frame_info(bench->bytes_of(bench.store().find(number, space)->id));
        CHECK(info && info->codec == codec);
    }
}

void noise_is_left_alone() {
    MoverBench bench(MoverBench::compressing());
    bench.open("a");
    write(bench, 0, tries_first, noisy);
    check_written(bench, 0, tries_first);
    write(bench, tries_first, try_every - 1, noisy);
    check_written(bench, 0, tries_first);
    write(bench, tries_first + try_every - 1, 2, noisy); // one of them is looked at again
    check_written(bench, 0, tries_first + 1);
    CHECK_EQ(bench.mover().statistics().bytes_before_encoding, 0);
    bench.push_out(length);
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{tries_first + 5}}) {
        check_codec(bench, number, Codec::none);
        bench.check_quiet();
    }
    check_loaded(bench, 1, noise(1));
    bench.check_quiet();
}

void what_shrinks_is_encoded() {
    MoverBench bench(MoverBench::compressing());
    bench.open("a");
    constexpr std::uint64_t count = 3 * try_every;
    write(bench, 0, count, regularly);
    check_written(bench, count, 0);
    const Mover::Statistics statistics = bench.mover().statistics();
    CHECK_EQ(statistics.bytes_before_encoding, count * length);
    CHECK(statistics.bytes_after_encoding < count * length / 4);
    bench.push_out(length);
    check_codec(bench, 0, Codec::lz4);
    check_loaded(bench, count - 1, regular(count - 1));
    bench.check_quiet();
}

// The same bytes in two spaces, one of which says what they are.
void floats_have_their_own() {
    MoverBench bench(MoverBench::compressing());
    const SpaceId opaque = bench.open("opaque");
    const SpaceId tensors = bench.open("tensors", 0, UAKV_DTYPE_BF16);
    constexpr std::uint64_t count = 2 * tries_first;
    write(bench, 0, count, floats, opaque);
    check_written(bench, 0, tries_first);
    write(bench, 0, count, floats, tensors);
    check_written(bench, count, tries_first);
    CHECK(bench.mover().statistics().bytes_after_encoding < count * length / 10 * 8);
    bench.push_out(length);
    check_codec(bench, 0, Codec::planes_lz4, tensors);
    check_codec(bench, 0, Codec::none, opaque);
    check_loaded(bench, 1, floats(1), tensors);
    bench.check_quiet();
}

void contents_that_change() {
    MoverBench bench(MoverBench::compressing());
    bench.open("a");
    write(bench, 0, 2 * tries_first, noisy);
    check_written(bench, 0, tries_first);
    write(bench, 1000, 4 * try_every, regularly);
    const std::uint64_t encoded = bench.mover().statistics().encoded;
    CHECK(encoded > 2);
    write(bench, 2000, 20, regularly);
    check_written(bench, encoded + 20, tries_first);
    bench.check_quiet();
}

void one_that_does_not_shrink() {
    MoverBench bench(MoverBench::compressing());
    bench.open("a");
    write(bench, 0, 20, regularly);
    write(bench, 20, 1, noisy);
    write(bench, 21, 20, regularly);
    check_written(bench, 40, 1);
    bench.push_out(length);
    check_codec(bench, 20, Codec::none);
    check_codec(bench, 21, Codec::lz4);
    bench.check_quiet();
}

// Who clears a space is about to store something else.
void cleared_spaces_begin_anew() {
    MoverBench bench(MoverBench::compressing());
    bench.open("a");
    write(bench, 0, 2 * tries_first, noisy);
    bench->begin_clear(0);
    std::uint64_t removed = 0;
    EntryId cursor = 0;
    while (!bench->clear_some(0, cursor, 1000, removed)) {
    }
    bench->end_clear(0);
    CHECK_EQ(removed, 2 * tries_first);
    write(bench, 100, 20, regularly);
    check_written(bench, 20, tries_first);
    bench.check_quiet();
}

// Only what saves a tenth, though buffers are whole pages; and nothing that is a page on disk in any case.
void what_is_worth_it() {
    MoverBench bench(MoverBench::compressing());
    bench.open("a");
    put(bench, 0, regular(0, limits::page_bytes));
    put(bench, 1, regular(0, 5));
    CHECK_STATUS(bench.flush(), UAKV_OK);
    check_written(bench, 0, 0);
    put(bench, 2, regular(0, limits::page_bytes + 1));
    CHECK_STATUS(bench.flush(), UAKV_OK);
    check_written(bench, 1, 0);
    Bytes almost = noise(0, 5000);
    std::fill(almost.begin() + 4600, almost.end(), std::byte{0}); // saves more than its header, and less than a tenth
    put(bench, 3, almost);
    CHECK_STATUS(bench.flush(), UAKV_OK);
    check_written(bench, 1, 1);
    bench.push_out(5000);
    check_codec(bench, 3, Codec::none);
    bench.check_quiet();
}

// Frames wait for buffers, and none is left out for want of one.
void few_buffers() {
    Mover::Options options = MoverBench::compressing();
    options.buffer_bytes = 4 * length;
    MoverBench bench(options);
    bench.open("a");
    constexpr std::uint64_t count = 200;
    for (std::uint64_t i = 0; i < count; ++i) {
        put(bench, i, regular(i));
    }
    CHECK_STATUS(bench.flush(), UAKV_OK);
    check_written(bench, count, 0);
    bench.check_quiet();
}

void not_wanted() {
    MoverBench bench;
    bench.open("a");
    write(bench, 0, 3, regularly);
    check_written(bench, 0, 0);
    bench.mover().reconfigure(MoverBench::compressing());
    write(bench, 3, 3, regularly);
    check_written(bench, 3, 0);
    bench.mover().reconfigure(MoverBench::plain());
    write(bench, 6, 3, regularly);
    check_written(bench, 3, 0);
    bench.check_quiet();
}

constexpr Case cases[] = {
    {"noise_is_left_alone", noise_is_left_alone},
    {"what_shrinks_is_encoded", what_shrinks_is_encoded},
    {"floats_have_their_own", floats_have_their_own},
    {"contents_that_change", contents_that_change},
    {"one_that_does_not_shrink", one_that_does_not_shrink},
    {"cleared_spaces_begin_anew", cleared_spaces_begin_anew},
    {"what_is_worth_it", what_is_worth_it},
    {"few_buffers", few_buffers},
    {"not_wanted", not_wanted},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("mover_codecs", uakv::test::cases);
}
