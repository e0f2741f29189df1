// The copy that also checks is a memcpy and a checksum, at every length and alignment.
#include "ipc/hashing.h"
#include "ipc/checksum_stream.h"
#include "sample.h"
#include "support/check.h"
#include "support/pattern.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::size_t streaming = 256 * 1024; // from here on blocks are written past the caches
constexpr std::uint8_t untouched = 0xA5;

void check_copy(std::size_t bytes, std::size_t target_shift, std::size_t source_shift) {
    constexpr std::size_t margin = 128;
    std::vector<std::uint8_t> source(bytes + margin);
    fill_block(source.data(), source.size(), sample_key(bytes));
    std::vector<std::uint8_t> target(bytes + 3 * margin, untouched);
    std::uint8_t *base = target.data() + margin;
    base += (64 - reinterpret_cast<std::uintptr_t>(base) % 64) % 64;
    std::uint8_t *to = base + target_shift;
    const std::uint8_t *from = source.data() + source_shift;
    CHECK_EQ(copy_with_checksum(to, from, bytes), checksum_of(from, bytes));
    CHECK(std::memcmp(to, from, bytes) == 0);
    const auto is_untouched = [](std::uint8_t byte) { return byte == untouched; };
    CHECK(std::all_of(target.data(), to, is_untouched));
    CHECK(std::all_of(to + bytes, target.data() + target.size(), is_untouched));
}

void small_copies() {
    for (std::size_t bytes = 0; bytes <= 300; ++bytes) {
        check_copy(bytes, bytes % 17, bytes % 13);
    }
    for (const std::size_t bytes : {4096UL, 16383UL, 16384UL, 16385UL, 100'003UL}) {
        check_copy(bytes, 0, 0);
        check_copy(bytes, 1, 3);
    }
}

void streaming_copies() {
    for (const std::size_t bytes : {streaming - 1, streaming, streaming + 1, streaming + 63, streaming + 64,
                                    streaming + 65, streaming + 16 * 1024 - 1, 2 * streaming + 12'345}) {
        for (const std::size_t target_shift : {0UL, 16UL, 32UL, 1UL, 8UL}) {
            check_copy(bytes, target_shift, 0);
            check_copy(bytes, target_shift, 5);
        }
    }
}

void in_pieces() {
    const std::vector<std::uint8_t> block = make_block(1'000'000, sample_key(2));
    for (const std::size_t piece : {1000UL, 4096UL, 65'537UL, 1'000'000UL}) {
        ChecksumStream stream;
        CHECK_EQ(stream.value(), checksum_of(nullptr, 0));
        for (std::size_t at = 0; at < block.size(); at += piece) {
            stream.add(block.data() + at, std::min(piece, block.size() - at));
        }
        CHECK_EQ(stream.value(), checksum_of(block.data(), block.size()));
    }
}

void checksum_sees_each_bit() {
    for (const std::size_t bytes : {1UL, 16UL, 240UL, 241UL, 5000UL}) {
        std::vector<std::uint8_t> block = make_block(bytes, sample_key(1));
        const std::uint64_t right = checksum_of(block.data(), bytes);
        for (std::size_t i = 0; i < bytes; i += 1 + bytes / 50) {
            block[i] ^= 0x10;
            CHECK(checksum_of(block.data(), bytes) != right);
            block[i] ^= 0x10;
        }
        CHECK_EQ(checksum_of(block.data(), bytes), right);
        CHECK(checksum_of(block.data(), bytes - 1) != right);
    }
}

// XXH3-64 as published: other versions of the library must find the same.
void checksum_is_xxh3() {
    CHECK_EQ(checksum_of("", 0), 0x2D06800538D394C2);
    CHECK_EQ(checksum_of("a", 1), 0xE6C632B61E964E1F);
}

void key_hash_takes_all_in() {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t number = 0; number < 100; ++number) {
        for (std::uint32_t space = 0; space < 10; ++space) {
            for (std::uint64_t seed = 0; seed < 3; ++seed) {
                hashes.insert(hash_of_key(sample_key(number), space, seed));
            }
        }
    }
    CHECK_EQ(hashes.size(), 3000);
    CHECK_EQ(hash_of_key(sample_key(1), 2, 3), hash_of_key(sample_key(1), 2, 3));
}

constexpr Case cases[] = {
    {"small_copies", small_copies},
    {"streaming_copies", streaming_copies},
    {"checksum_is_xxh3", checksum_is_xxh3},
    {"in_pieces", in_pieces},
    {"checksum_sees_each_bit", checksum_sees_each_bit},
    {"key_hash_takes_all_in", key_hash_takes_all_in},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("hashing", uakv::test::cases);
}
