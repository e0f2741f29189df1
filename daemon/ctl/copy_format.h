// A copy: the blocks of a tenant in one file that any machine can load again. docs/copy-format.md draws it. Little
// endian; records of 128 bytes, each with its payload behind it, from the first to the last:
//
//   begin, the spaces, the blocks (a parent before its children), the spaces once more, end
//
// Each record names its file and its number in it and has a checksum, and so has each payload: what is damaged, lost or
// of another file is seen, and reading goes on behind it.
#pragma once

#include "abi/uakv.h"
#include "ipc/limits.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace uakv::ctl {

static_assert(std::endian::native == std::endian::little, "the format is little endian");

constexpr const char *copy_name = "copy.uakv";
constexpr std::uint32_t copy_magic = 0x50564B55; // "UKVP"
constexpr std::uint16_t copy_version = 1;        // what is newer is refused
constexpr std::uint64_t copy_alignment = 8;      // of records; zeros fill up what is behind a payload
constexpr std::uint32_t copy_spaces_max = limits::spaces_max;

enum class CopyKind : std::uint16_t { begin = 1, space = 2, block = 3, end = 4 };

struct CopyRecord {
    std::uint32_t magic = copy_magic;
    std::uint16_t version = copy_version;
    CopyKind kind{};
    std::uint64_t checksum = 0;         // XXH3-64 of this record with a 0 here
    std::uint64_t copy = 0;             // drawn when the file was begun: the same in each of its records
    std::uint64_t number = 0;           // from 0, each one more than the one before
    std::uint64_t payload_bytes = 0;    // of a block: as it was stored
    std::uint64_t payload_checksum = 0; // XXH3-64
    std::uint32_t flags = 0;            // of a block: copy_has_parent
    std::uint32_t space = 0;            // of a space and its blocks: its number in this file
    std::uint64_t expires_ms = 0;       // of a block: ms since 1970; copy_never
    std::uint8_t key[limits::key_bytes] = {};
    std::uint8_t parent[limits::key_bytes] = {};
};
static_assert(sizeof(CopyRecord) == 128 && offsetof(CopyRecord, kind) == 6 && offsetof(CopyRecord, checksum) == 8 &&
              offsetof(CopyRecord, copy) == 16 && offsetof(CopyRecord, number) == 24 &&
              offsetof(CopyRecord, payload_bytes) == 32 && offsetof(CopyRecord, payload_checksum) == 40 &&
              offsetof(CopyRecord, flags) == 48 && offsetof(CopyRecord, space) == 52 &&
              offsetof(CopyRecord, expires_ms) == 56 && offsetof(CopyRecord, key) == 64 &&
              offsetof(CopyRecord, parent) == 96);

constexpr std::uint32_t copy_has_parent = 1;
constexpr std::uint64_t copy_never = UINT64_MAX;

// Payload of begin. For people: loading does not depend on it.
struct CopyBegin {
    std::uint64_t created_ms = 0; // since 1970
    char tenant[limits::tenant_name_bytes_max + 1] = {};
};
static_assert(sizeof(CopyBegin) == 72 && offsetof(CopyBegin, tenant) == 8);

// Payload of a space: the arguments of uakv_space_open().
struct CopySpace {
    std::uint64_t shape[UAKV_NDIM_MAX] = {};
    std::uint64_t block_bytes = 0;
    std::uint32_t dtype = 0;
    std::uint32_t ndim = 0;
    std::uint32_t ttl_ms = 0;
    std::uint32_t flags = 0;
    std::uint8_t axis[UAKV_NDIM_MAX] = {};
    std::uint8_t fingerprint[32] = {};
    char name[limits::space_name_bytes_max + 1] = {};
};
static_assert(sizeof(CopySpace) == 256 && offsetof(CopySpace, block_bytes) == 64 && offsetof(CopySpace, dtype) == 72 &&
              offsetof(CopySpace, ttl_ms) == 80 && offsetof(CopySpace, axis) == 88 &&
              offsetof(CopySpace, fingerprint) == 96 && offsetof(CopySpace, name) == 128);

// Payload of end, the last bytes of the file.
struct CopyEnd {
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;  // of their payloads
    std::uint64_t spaces = 0; // that stand before it
    std::uint64_t total = 0;  // over the checksums of all records before, in their order: chain()
};
static_assert(sizeof(CopyEnd) == 32 && offsetof(CopyEnd, total) == 24);

static_assert(std::has_unique_object_representations_v<CopyRecord> &&
                  std::has_unique_object_representations_v<CopySpace> &&
                  std::has_unique_object_representations_v<CopyEnd>,
              "no byte of them is left to chance");

// What a record's checksum has to be, and how `total` goes on with it.
std::uint64_t checksum_of_record(CopyRecord record);
std::uint64_t chain(std::uint64_t total, std::uint64_t checksum);

// What a lifetime in a copy counts from: another machine has been up for another time.
std::uint64_t unix_ms();

constexpr std::uint64_t with_padding(std::uint64_t payload_bytes) {
    return (payload_bytes + copy_alignment - 1) & ~(copy_alignment - 1);
}

} // namespace uakv::ctl
