// One process of the stress test: random operations on blocks that all of them share, every byte checked.
#pragma once

#include <uakv.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace uakv::test {

inline constexpr size_t workers = 8;

// What the processes tell each other, in memory that they share.
struct Progress {
    struct alignas(64) Worker {
        std::atomic<uint64_t> operations;
        std::atomic<uint64_t> hits;
        std::atomic<uint64_t> no_space;
    };
    Worker worker[workers];
    std::atomic<bool> stop;

    uint64_t operations() const;
    uint64_t hits() const;
    uint64_t no_space() const;
};

// The blocks of the test: their keys, and their lengths, from 1 byte to 300 KB and mostly small.
class Blocks {
public:
    explicit Blocks(size_t count);
    size_t count() const { return keys_.size(); }
    const uakv_key &key(size_t i) const { return keys_[i]; }
    const uakv_key *keys() const { return keys_.data(); }
    size_t length(size_t i) const { return lengths_[i]; }
    size_t bytes() const;

private:
    std::vector<uakv_key> keys_;
    std::vector<size_t> lengths_;
};

// Works until told to stop, then closes all that it holds and disconnects. Throws Failure at a wrong byte or status.
void work(const std::string &socket_path, const Blocks &blocks, Progress &progress, size_t number, uint64_t seed);

} // namespace uakv::test
