// What the blocks hold: each names its space, its key and its version, and every further byte follows from that. So a
// block tells which commit it came from, and no part of it can be another's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace uakv::test {

struct Content {
    uint64_t version = 0;
    uint32_t space = 0;
    uint32_t key = 0;
    bool operator==(const Content &) const = default;
};

inline constexpr size_t content_bytes_min = 32;

void write_content(void *data, size_t n, const Content &content);

// Reads the head and checks every byte: the offset of the first wrong one, or n.
size_t read_content(const void *data, size_t n, Content &content);

} // namespace uakv::test
