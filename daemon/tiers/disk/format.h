// What lies on disk, byte by byte; docs/disk-format.md draws it. Little-endian. All of it may be garbage: whoever reads
// one of these has it checked by the functions at the end, and checks every number that they leave.
//
//   log file     page 0 FileHeader | batch | batch | ... | zeros
//   batch        page 0 BatchHeader with up to 28 RecordDescriptors | payload | payload | ..., each from a page on
//   checkpoint   page 0 CheckpointHeader | chunks of CheckpointChunk and its items
#pragma once

#include "abi/uakv.h"
#include "ipc/limits.h"
#include "ipc/wire.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace uakv::disk {

constexpr std::uint64_t page_bytes = limits::page_bytes;
constexpr std::uint16_t format_major = 1; // a newer one is refused, and its files are left alone
constexpr std::uint16_t format_minor = 0; // a newer one is read: it only added what old readers may skip

constexpr std::uint64_t file_magic = 0x31474F4C564B4155;       // "UAKVLOG1"
constexpr std::uint64_t batch_magic = 0x31435442564B4155;      // "UAKVBTC1"
constexpr std::uint64_t checkpoint_magic = 0x31504B43564B4155; // "UAKVCKP1"
constexpr std::uint64_t chunk_magic = 0x314B4843564B4155;      // "UAKVCHK1"

static_assert(std::endian::native == std::endian::little, "the structs here are the bytes on disk");

// Numbers that are higher are damage: whoever counts on from what was found does not come round.
constexpr std::uint64_t sequence_max = UINT64_MAX / 4;
constexpr std::uint32_t number_max = UINT32_MAX - 1; // of files, checkpoints and spaces

// Drawn when the directory is first used: what another directory's daemon wrote is not ours. Clients do not learn it,
// so no block can hold what would be taken for a batch.
using StoreId = std::array<std::uint8_t, 16>;

struct FileHeader {
    std::uint64_t magic;
    std::uint16_t major;
    std::uint16_t minor;
    std::uint32_t file_number;
    std::uint64_t file_bytes;
    std::uint64_t first_sequence; // no record in it has a lower one
    std::uint64_t created_ms;     // wall clock
    StoreId store;
    std::uint8_t reserved[limits::page_bytes - 64];
    std::uint64_t checksum; // XXH3-64 of the page with this field 0, in every version
};
static_assert(sizeof(FileHeader) == page_bytes && offsetof(FileHeader, file_bytes) == 16 &&
              offsetof(FileHeader, store) == 40 && offsetof(FileHeader, checksum) == page_bytes - 8);

enum class RecordKind : std::uint8_t {
    block = 1,
    space = 2,     // payload: a SpaceDescription; `space` is its number from here on
    tombstone = 3, // `key` in `space`: no record of it below until_sequence counts
    clear = 4,     // the same for all blocks of `space`
};

constexpr std::uint16_t record_has_parent = 1;

struct RecordDescriptor {
    uakv_key key;
    uakv_key parent;
    std::uint64_t block_bytes;      // what clients get
    std::uint64_t checksum;         // XXH3-64 of that
    std::uint64_t payload_checksum; // XXH3-64 of the stored_bytes on disk
    std::uint64_t expires_ms;       // wall clock; UINT64_MAX: never
    std::uint64_t layout;           // XXH3-64 of the SpaceDescription
    std::uint64_t until_sequence;   // tombstone, clear
    std::uint32_t stored_bytes;     // without the padding to a page
    std::uint32_t page;             // of the file, where the payload begins; 0: it has none
    std::uint32_t space;
    std::uint8_t kind;
    std::uint8_t codec;
    std::uint16_t flags;
    std::uint32_t uses; // how often it had been hit when it was written
    std::uint8_t reserved[12];
};
static_assert(sizeof(RecordDescriptor) == 144 && offsetof(RecordDescriptor, block_bytes) == 64 &&
              offsetof(RecordDescriptor, stored_bytes) == 112 && offsetof(RecordDescriptor, kind) == 124);

constexpr std::size_t records_per_batch = 28;

struct BatchHeader {
    std::uint64_t magic;
    std::uint32_t file_number;
    std::uint32_t page;             // where this page lies in it
    std::uint64_t sequence;         // of the first record; the others follow one by one
    std::uint64_t durable_sequence; // all records below it were on stable storage when this was written
    std::uint64_t store;            // the first 8 bytes of the StoreId
    std::uint32_t record_count;
    std::uint32_t pages; // of the whole batch, this one included
    std::uint64_t reserved;
    std::uint64_t checksum; // XXH3-64 of the page with this field 0
    RecordDescriptor records[records_per_batch];
};
static_assert(sizeof(BatchHeader) == page_bytes && offsetof(BatchHeader, record_count) == 40 &&
              offsetof(BatchHeader, checksum) == 56 && offsetof(BatchHeader, records) == 64);

// Written last, when all else of the checkpoint is on stable storage.
struct CheckpointHeader {
    std::uint64_t magic;
    std::uint16_t major;
    std::uint16_t minor;
    std::uint32_t number;
    std::uint64_t pages; // of the whole checkpoint
    std::uint64_t blocks;
    std::uint64_t spaces;
    std::uint64_t next_sequence;
    std::uint32_t replay_file; // batches from here on are not all in it
    std::uint32_t replay_page;
    std::uint64_t created_ms;
    StoreId store;
    std::uint8_t reserved[limits::page_bytes - 88];
    std::uint64_t checksum; // as in FileHeader
};
static_assert(sizeof(CheckpointHeader) == page_bytes && offsetof(CheckpointHeader, replay_file) == 48 &&
              offsetof(CheckpointHeader, store) == 64 && offsetof(CheckpointHeader, checksum) == page_bytes - 8);

// A chunk begins at each multiple of this behind the header's page; what it does not use is not written.
constexpr std::uint64_t chunk_bytes = 1 << 20;

enum class ChunkKind : std::uint32_t { spaces = 1, blocks = 2 };

// `count` items follow at once: CheckpointSpace or CheckpointBlock.
struct CheckpointChunk {
    std::uint64_t magic;
    std::uint32_t checkpoint; // its number
    std::uint32_t place;      // 0, 1, 2, ... in it
    ChunkKind kind;
    std::uint32_t count;
    std::uint64_t checksum;   // XXH3-64 of this, with the XXH3-64 of the items in this field
    std::uint32_t item_bytes; // a newer minor version may append to them
    std::uint8_t reserved[28];
};
static_assert(sizeof(CheckpointChunk) == 64 && offsetof(CheckpointChunk, checksum) == 24);

struct CheckpointSpace {
    std::uint32_t number;
    std::uint32_t reserved;
    std::uint64_t sequence; // of its space record
    SpaceDescription description;
};
static_assert(sizeof(CheckpointSpace) == 272);

struct CheckpointBlock {
    RecordDescriptor record; // as it is in its batch, but `uses` as of now
    std::uint64_t sequence;
    std::uint32_t file_number;
    std::uint32_t reserved;
};
static_assert(sizeof(CheckpointBlock) == 160);

constexpr std::size_t blocks_per_chunk = (chunk_bytes - sizeof(CheckpointChunk)) / sizeof(CheckpointBlock);
constexpr std::size_t spaces_per_chunk = (chunk_bytes - sizeof(CheckpointChunk)) / sizeof(CheckpointSpace);

constexpr std::uint64_t pages_of(std::uint64_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes;
}

// ---- for writers: each is complete but for what its comment names ------------------------------------------

void fill(FileHeader &header, std::uint32_t number, std::uint64_t bytes, std::uint64_t first_sequence,
          std::uint64_t created_ms, const StoreId &store);
// Without records: they, record_count and pages are for the writer, who seals it then.
void fill(BatchHeader &header, std::uint32_t file_number, std::uint32_t page, std::uint64_t sequence,
          std::uint64_t durable_sequence, const StoreId &store);

// Set the checksum, and nothing else.
void seal(FileHeader &header);
void seal(BatchHeader &header);
void seal(CheckpointHeader &header);
void seal(CheckpointChunk &chunk); // its items lie behind it

std::uint64_t short_id_of(const StoreId &store);              // what a batch names
std::uint64_t layout_of(const SpaceDescription &description); // what a record names
std::size_t item_bytes_of(ChunkKind kind);                    // 0: a kind of a newer minor version

// ---- for readers -------------------------------------------------------------------------------------------

// What is wrong with a page. The first that holds is told.
enum class Flaw : std::uint8_t {
    none,
    zeros,    // nothing was ever written there
    magic,    // something else
    checksum, // damaged
    newer,    // of a newer major version
    place,    // it says that it lies elsewhere
    store,    // of another directory
    numbers   // out of range
};

// "is damaged: its checksum does not match": the rest of a sentence that names the page.
const char *text_of(Flaw flaw);

// The store is the caller's to compare: it may not be known yet.
Flaw check(const FileHeader &header, std::uint32_t number);
Flaw check(const CheckpointHeader &header, std::uint32_t number, std::uint64_t file_bytes);

// A file as its batches may speak of it.
struct FileShape {
    std::uint32_t number = 0;
    std::uint32_t pages = 0;
    std::uint64_t store = 0; // short_id_of()
};
// The header of a batch at this page; its records are checked one by one.
Flaw check(const BatchHeader &header, const FileShape &file, std::uint32_t page);

// The records of a batch that was checked: a bit for each of which all numbers are in range. Their payloads lie in the
// batch, one behind the other. A record of a kind or codec that is not known has no bit.
std::uint32_t records_that_hold(const BatchHeader &header);

// False: of a kind or codec that a newer minor version has added, and that is skipped.
bool is_known(const RecordDescriptor &record);

// The same for a block that a checkpoint names, in a file of so many pages.
bool block_holds(const CheckpointBlock &block, std::uint64_t file_pages);

bool space_holds(const SpaceDescription &description);

// `bytes` of a checkpoint from the beginning of a chunk on.
Flaw check(const CheckpointChunk &chunk, std::size_t bytes, std::uint32_t checkpoint, std::uint32_t place);

} // namespace uakv::disk
