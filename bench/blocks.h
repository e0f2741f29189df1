// What is stored: keys that are spread at random, and contents that differ from block to block.
#pragma once

#include "client.h"
#include "groups.h"

#include <cstddef>
#include <cstdint>
#include <uakv.h>
#include <vector>

namespace uakv::bench {

// Block i is a window into one pool of random bytes, aligned to a cache line; no two blocks of a measurement
// have the same window. So nothing must be generated where time counts, and a mix-up of blocks shows.
class Contents {
public:
    static constexpr std::uint64_t period_bytes = 64 * MiB; // twice the last-level caches of most machines
    static constexpr std::uint64_t block_bytes_max = 32 * MiB;

    Contents();

    const std::byte *of(std::uint64_t index, std::uint64_t block_bytes) const;

private:
    std::vector<std::uint64_t> pool_;
};

// SHA-256 of (series, index): the same in every process.
uakv_key key_of_block(std::uint64_t series, std::uint64_t index);

// Random numbers that are the same in every run.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next();
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }

private:
    std::uint64_t state_;
};

// Stores blocks 0 to count - 1 of series 0 and makes sure that all of them stayed.
void load_blocks(const Client &client, const Space &space, const Contents &contents, std::uint64_t count,
                 std::uint64_t block_bytes);

// Retrieves block `index` and throws unless each byte of it is right.
void verify_block(const Space &space, const uakv_key &key, const std::byte *expected, std::uint64_t block_bytes);

// All blocks that load_blocks stored. Also maps and faults in what this process will read.
void verify_blocks(const Space &space, const Contents &contents, std::uint64_t count, std::uint64_t block_bytes);

// Throws unless each of the keys was stored.
void remove_blocks(const Space &space, const std::vector<uakv_key> &keys);

// "64 KiB", for names of rows; "1 000 000", likewise.
std::string size_text(std::uint64_t bytes);
std::string count_text(std::uint64_t count);

} // namespace uakv::bench
