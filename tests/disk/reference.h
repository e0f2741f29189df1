// What recovery has to find, computed from what was written and what was damaged instead of from the bytes.
#pragma once

#include "disk/log_builder.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace uakv::test {

struct WrittenRecord {
    disk::RecordKind kind{};
    std::uint32_t space = 0;
    std::uint64_t number = 0; // of the key
    std::uint64_t sequence = 0;
    std::uint64_t until_sequence = 0;
    std::uint64_t payload_checksum = 0;
    std::uint32_t file = 0;
    std::uint32_t page = 0; // 0: no payload
    std::uint32_t bytes = 0;
};

struct WrittenBatch {
    std::uint32_t file = 0;
    std::uint32_t page = 0;
    std::uint32_t end = 0;
    std::uint64_t durable_sequence = 0;
    std::vector<WrittenRecord> records;
};

// Where an image does not hold any more what was written to it.
struct Damages {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> pages; // (file, page), with its first wrong byte
    std::map<std::uint32_t, std::uint32_t> pages_left;                    // of a file that is cut

    bool none() const { return pages.empty() && pages_left.empty(); }
    // Any of these bytes, which begin with the page.
    bool hit(std::uint32_t file, std::uint32_t page, std::size_t bytes) const;
    bool cut(std::uint32_t file, std::uint32_t end) const;
};
Damages damages_of(const SimImage &before, const SimImage &after);

struct Expected {
    std::map<std::pair<std::uint32_t, std::uint64_t>, WrittenRecord> blocks; // by space and number
    std::set<std::uint32_t> spaces;
    std::uint64_t torn = 0; // of blocks and spaces
};

// By the rules of docs/disk-format.md. With a checkpoint: what was in it, and the files from this one on.
Expected expected_of(const std::vector<WrittenBatch> &batches, const Damages &damages,
                     const Expected *checkpoint = nullptr, std::uint32_t replay_file = 0);

} // namespace uakv::test
